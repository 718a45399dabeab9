//! The conformance suite on tokio's two runtimes.

mod runtime;

use std::future::Future;

use tarantool_client::Async;
use tarantool_testkit::conformance::{Adapter, Task};
use tarantool_tokio::{Client, Config, Error};
use tokio::runtime::Builder;

use crate::runtime::CurrentThread;

/// Tasks and the driver on two threads, the case on a third.
struct MultiThread;

impl Adapter for MultiThread {
    type Mode = Async;

    fn connect(config: Config) -> impl Future<Output = Result<Client, Error>> {
        tarantool_tokio::connect(config)
    }

    fn run(case: impl Future<Output = ()>) {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build();
        runtime.unwrap().block_on(case);
    }

    fn tasks(tasks: Vec<Task>) -> impl Future<Output = ()> {
        CurrentThread::tasks(tasks)
    }
}

mod tokio_current_thread {
    tarantool_testkit::conformance!(async super::CurrentThread);
}

mod tokio_multi_thread {
    tarantool_testkit::conformance!(async super::MultiThread);
}
