//! What the suites need of smol.

use std::future::Future;

use tarantool_smol::{Client, Config, Error};
use tarantool_testkit::conformance::{Adapter, Task};

pub(crate) struct Smol;

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
