//! What is special to tokio: its tasks, its runtimes, its streams.

mod drops;
mod load;
mod runtimes;
mod stalls;
mod streams;

use std::future::Future;
use std::time::{Duration, Instant};

use tarantool_client::Async;
use tarantool_testkit::conformance::{Adapter, Backend, Task, bounded};
use tarantool_tokio::{Client, Config, Error, connect};
use tokio::runtime::{Builder, Handle};
use tokio::time::sleep;

/// Runs a test on the runtime with one thread.
fn on_current_thread(test: impl Future<Output = ()>) {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.unwrap().block_on(test);
}

/// Runs a test beside a runtime whose threads drive the connections.
fn on_multi_thread(test: impl Future<Output = ()>) {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.unwrap().block_on(test);
}

/// Runs a test on the real server and one thread.
fn with_server<F: Future<Output = ()> + 'static>(
    test: &'static str,
    body: fn(&'static Backend) -> F,
) {
    bounded(move || {
        if let Some(server) = Backend::shared_real(test) {
            on_current_thread(async { body(server).await });
        }
    });
}

/// To make spaces with.
struct Tokio;

impl Adapter for Tokio {
    type Mode = Async;

    fn connect(config: Config) -> impl Future<Output = Result<Client, Error>> {
        connect(config)
    }

    fn run(case: impl Future<Output = ()>) {
        on_current_thread(case);
    }

    async fn tasks(tasks: Vec<Task>) {
        for task in tasks.into_iter().map(tokio::spawn) {
            task.await.unwrap();
        }
    }
}

async fn connected(server: &Backend) -> Client {
    connect(server.config()).await.unwrap()
}

/// The tasks of this runtime, the drivers of connections among them.
fn tasks() -> usize {
    Handle::current().metrics().num_alive_tasks()
}

/// Waits until there are no more than `count` tasks.
async fn at_most_tasks(count: usize) {
    let until = Instant::now() + Duration::from_secs(5);
    while tasks() > count {
        assert!(Instant::now() < until, "the driver's task lives on");
        sleep(Duration::from_millis(5)).await;
    }
}
