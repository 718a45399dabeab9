//! The conformance suite on compio: with what it chooses here, and with readiness, which it falls back
//! to where there is no io_uring.

use std::future::Future;

use ::compio::driver::{DriverType, ProactorBuilder};
use ::compio::runtime::{Runtime, RuntimeBuilder, spawn};
use tarantool_compio::{Client, Config, Error};
use tarantool_testkit::conformance::{Adapter, Task};

struct Compio;

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

struct Polling;

impl Adapter for Polling {
    type Mode = tarantool_client::Async;

    fn connect(config: Config) -> impl Future<Output = Result<Client, Error>> {
        tarantool_compio::connect(config)
    }

    fn run(case: impl Future<Output = ()>) {
        let mut proactor = ProactorBuilder::new();
        proactor.driver_type(DriverType::Poll);
        let runtime = RuntimeBuilder::new().with_proactor(proactor).build().unwrap();
        assert_eq!(runtime.driver_type(), DriverType::Poll);
        runtime.block_on(case);
    }

    fn tasks(tasks: Vec<Task>) -> impl Future<Output = ()> {
        Compio::tasks(tasks)
    }
}

mod compio_polling {
    tarantool_testkit::conformance!(async super::Polling);
}

mod compio {
    tarantool_testkit::conformance!(async super::Compio);
}
