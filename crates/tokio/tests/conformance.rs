//! The conformance suite on tokio's two runtimes.

use std::future::Future;

use tarantool_client::Async;
use tarantool_testkit::conformance::{Adapter, Task};
use tarantool_tokio::{Client, Config, Error};
use tokio::runtime::Builder;

/// All on one thread.
struct CurrentThread;

impl Adapter for CurrentThread {
    type Mode = Async;

    fn connect(config: Config) -> impl Future<Output = Result<Client, Error>> {
        tarantool_tokio::connect(config)
    }

    fn run(case: impl Future<Output = ()>) {
        Builder::new_current_thread().enable_all().build().unwrap().block_on(case);
    }

    fn tasks(tasks: Vec<Task>) -> impl Future<Output = ()> {
        spawn_all(tasks)
    }
}

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
        spawn_all(tasks)
    }
}

async fn spawn_all(tasks: Vec<Task>) {
    let running: Vec<_> = tasks.into_iter().map(tokio::spawn).collect();
    for task in running {
        task.await.unwrap();
    }
}

mod tokio_current_thread {
    tarantool_testkit::conformance!(async super::CurrentThread);
}

mod tokio_multi_thread {
    tarantool_testkit::conformance!(async super::MultiThread);
}
