//! The tokio adapter against a real server and against scripted ones.

#[macro_use]
#[path = "../../../client/tests/suite/mod.rs"]
mod suite;

mod drops;
mod load;
mod runtimes;
mod stalls;
mod streams;

use std::future::Future;

use tarantool_client::{Async, Mode, Pending};
use tarantool_tokio::{Client, Config, Error};
use tokio::runtime::Builder;

use suite::Adapter;

impl Adapter for Async {
    fn connect(config: Config) -> impl Future<Output = Result<Client, Error>> {
        tarantool_tokio::connect(config)
    }

    fn wait<T>(reply: Pending<T>) -> impl Future<Output = Result<T, Error>> {
        reply
    }

    async fn all<T: Send>(
        client: &Client,
        count: usize,
        start: impl Fn(&Client, usize) -> <Self as Mode>::Reply<T> + Sync,
    ) -> Vec<Result<T, Error>> {
        let pending: Vec<_> = (0..count).map(|index| start(client, index)).collect();
        let mut results = Vec::new();
        for reply in pending {
            results.push(reply.await);
        }
        results
    }
}

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

mod current_thread {
    suite!(tarantool_client::Async, crate::on_current_thread);
}

mod multi_thread {
    suite!(tarantool_client::Async, crate::on_multi_thread);
}
