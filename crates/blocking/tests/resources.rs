//! Memory and processor time, in a process of their own.

use std::future::{Future, ready};
use std::thread;

use tarantool_blocking::{Client, Config, Error};
use tarantool_testkit::conformance::{Adapter, Task, block_on, resources};

struct Threads;

impl Adapter for Threads {
    type Mode = tarantool_client::Blocking;

    fn connect(config: Config) -> impl Future<Output = Result<Client, Error>> {
        ready(tarantool_blocking::connect(config))
    }

    fn run(case: impl Future<Output = ()>) {
        block_on(case);
    }

    async fn tasks(tasks: Vec<Task>) {
        thread::scope(|scope| {
            for task in tasks {
                scope.spawn(move || block_on(task));
            }
        });
    }
}

#[test]
fn a_paused_server_does_not_fill_the_memory() {
    resources::alone::<Threads, _>(resources::a_paused_server_does_not_fill_the_memory::<Threads>);
}

#[test]
fn requests_cancelled_at_random_keep_no_memory() {
    resources::alone::<Threads, _>(
        resources::requests_cancelled_at_random_keep_no_memory::<Threads>,
    );
}

#[test]
fn a_watcher_that_nobody_reads_keeps_no_memory() {
    resources::alone::<Threads, _>(
        resources::a_watcher_that_nobody_reads_keeps_no_memory::<Threads>,
    );
}

#[test]
fn a_server_that_is_away_costs_no_processor_time() {
    resources::alone::<Threads, _>(
        resources::a_server_that_is_away_costs_no_processor_time::<Threads>,
    );
}
