//! Memory and processor time, in a process of their own.

use std::future::Future;

use ::async_std::task;
use tarantool_async_std::{Client, Config, Error};
use tarantool_testkit::conformance::{Adapter, Task, resources};

struct AsyncStd;

impl Adapter for AsyncStd {
    type Mode = tarantool_client::Async;

    fn connect(config: Config) -> impl Future<Output = Result<Client, Error>> {
        tarantool_async_std::connect(config)
    }

    fn run(case: impl Future<Output = ()>) {
        task::block_on(case);
    }

    async fn tasks(tasks: Vec<Task>) {
        let running: Vec<_> = tasks.into_iter().map(task::spawn).collect();
        for task in running {
            task.await;
        }
    }
}

#[test]
fn a_paused_server_does_not_fill_the_memory() {
    resources::alone::<AsyncStd, _>(
        resources::a_paused_server_does_not_fill_the_memory::<AsyncStd>,
    );
}

#[test]
fn requests_cancelled_at_random_keep_no_memory() {
    resources::alone::<AsyncStd, _>(
        resources::requests_cancelled_at_random_keep_no_memory::<AsyncStd>,
    );
}

#[test]
fn a_watcher_that_nobody_reads_keeps_no_memory() {
    resources::alone::<AsyncStd, _>(
        resources::a_watcher_that_nobody_reads_keeps_no_memory::<AsyncStd>,
    );
}

#[test]
fn a_server_that_is_away_costs_no_processor_time() {
    resources::alone::<AsyncStd, _>(
        resources::a_server_that_is_away_costs_no_processor_time::<AsyncStd>,
    );
}
