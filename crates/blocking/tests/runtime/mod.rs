//! What the suites need of threads.

use std::future::{Future, ready};
use std::thread;

use tarantool_blocking::{Client, Config, Error};
use tarantool_testkit::conformance::{Adapter, Task, block_on};

pub(crate) struct Threads;

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
            let running: Vec<_> =
                tasks.into_iter().map(|task| scope.spawn(move || block_on(task))).collect();
            for task in running {
                task.join().unwrap();
            }
        });
    }
}
