//! The conformance suite on compio: with what it chooses here, and with readiness, which it falls back
//! to where there is no io_uring.

mod runtime;

use std::future::Future;

use ::compio::driver::{DriverType, ProactorBuilder};
use ::compio::runtime::RuntimeBuilder;
use tarantool_compio::{Client, Config, Error};
use tarantool_testkit::conformance::{Adapter, Task};

use crate::runtime::Compio;

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
