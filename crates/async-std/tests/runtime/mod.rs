//! What the suites need of async-std.

use std::future::Future;

use ::async_std::task;
use tarantool_async_std::{Client, Config, Error};
use tarantool_testkit::conformance::{Adapter, Task};

pub(crate) struct AsyncStd;

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
