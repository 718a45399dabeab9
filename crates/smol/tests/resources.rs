//! Memory and processor time, in a process of their own.

use std::future::Future;

use tarantool_smol::{Client, Config, Error};
use tarantool_testkit::conformance::{Adapter, Task, resources};

struct Smol;

impl Adapter for Smol {
    type Mode = tarantool_client::Async;

    fn connect(config: Config) -> impl Future<Output = Result<Client, Error>> {
        tarantool_smol::connect(config)
    }

    fn run(case: impl Future<Output = ()>) {
        ::smol::block_on(case);
    }

    async fn tasks(tasks: Vec<Task>) {
        let running: Vec<_> = tasks.into_iter().map(::smol::spawn).collect();
        for task in running {
            task.await;
        }
    }
}

#[test]
fn a_paused_server_does_not_fill_the_memory() {
    resources::alone::<Smol, _>(resources::a_paused_server_does_not_fill_the_memory::<Smol>);
}

#[test]
fn requests_cancelled_at_random_keep_no_memory() {
    resources::alone::<Smol, _>(resources::requests_cancelled_at_random_keep_no_memory::<Smol>);
}

#[test]
fn a_watcher_that_nobody_reads_keeps_no_memory() {
    resources::alone::<Smol, _>(resources::a_watcher_that_nobody_reads_keeps_no_memory::<Smol>);
}

#[test]
fn a_server_that_is_away_costs_no_processor_time() {
    resources::alone::<Smol, _>(resources::a_server_that_is_away_costs_no_processor_time::<Smol>);
}
