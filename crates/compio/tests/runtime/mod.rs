//! What the suites need of compio.

use std::future::Future;

use ::compio::runtime::{Runtime, spawn};
use tarantool_compio::{Client, Config, Error};
use tarantool_testkit::conformance::{Adapter, Task};

pub(crate) struct Compio;

impl Adapter for Compio {
    type Mode = tarantool_client::Async;

    fn connect(config: Config) -> impl Future<Output = Result<Client, Error>> {
        tarantool_compio::connect(config)
    }

    fn run(case: impl Future<Output = ()>) {
        Runtime::new().unwrap().block_on(case);
    }

    async fn tasks(tasks: Vec<Task>) {
        let running: Vec<_> = tasks.into_iter().map(spawn).collect();
        for task in running {
            task.await.unwrap();
        }
    }
}
