//! What the suites need of tokio.

use std::future::Future;

use tarantool_client::Async;
use tarantool_testkit::conformance::{Adapter, Task};
use tarantool_tokio::{Client, Config, Error};
use tokio::runtime::Builder;

/// All on one thread.
pub(crate) struct CurrentThread;

impl Adapter for CurrentThread {
    type Mode = Async;

    fn connect(config: Config) -> impl Future<Output = Result<Client, Error>> {
        tarantool_tokio::connect(config)
    }

    fn run(case: impl Future<Output = ()>) {
        Builder::new_current_thread().enable_all().build().unwrap().block_on(case);
    }

    async fn tasks(tasks: Vec<Task>) {
        let running: Vec<_> = tasks.into_iter().map(tokio::spawn).collect();
        for task in running {
            task.await.unwrap();
        }
    }
}
