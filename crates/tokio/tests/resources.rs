//! Memory and processor time, in a process of their own.

use std::future::Future;

use tarantool_testkit::conformance::{Adapter, Task, resources};
use tarantool_tokio::{Client, Config, Error};

struct CurrentThread;

impl Adapter for CurrentThread {
    type Mode = tarantool_client::Async;

    fn connect(config: Config) -> impl Future<Output = Result<Client, Error>> {
        tarantool_tokio::connect(config)
    }

    fn run(case: impl Future<Output = ()>) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.unwrap().block_on(case);
    }

    async fn tasks(tasks: Vec<Task>) {
        let running: Vec<_> = tasks.into_iter().map(tokio::spawn).collect();
        for task in running {
            task.await.unwrap();
        }
    }
}

#[test]
fn a_paused_server_does_not_fill_the_memory() {
    resources::alone::<CurrentThread, _>(
        resources::a_paused_server_does_not_fill_the_memory::<CurrentThread>,
    );
}

#[test]
fn requests_cancelled_at_random_keep_no_memory() {
    resources::alone::<CurrentThread, _>(
        resources::requests_cancelled_at_random_keep_no_memory::<CurrentThread>,
    );
}

#[test]
fn a_watcher_that_nobody_reads_keeps_no_memory() {
    resources::alone::<CurrentThread, _>(
        resources::a_watcher_that_nobody_reads_keeps_no_memory::<CurrentThread>,
    );
}

#[test]
fn a_server_that_is_away_costs_no_processor_time() {
    resources::alone::<CurrentThread, _>(
        resources::a_server_that_is_away_costs_no_processor_time::<CurrentThread>,
    );
}
