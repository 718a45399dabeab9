//! The blocking adapter against a real server and against scripted ones.

#[macro_use]
#[path = "../../../client/tests/suite/mod.rs"]
mod suite;

mod extensions;
mod stalls;
mod submits;
mod threads;

use std::future::{Future, ready};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::thread;

use tarantool_blocking::{Client, Config, Error};
use tarantool_client::{Blocking, Mode};

use suite::Adapter;

impl Adapter for Blocking {
    fn connect(config: Config) -> impl Future<Output = Result<Client, Error>> {
        ready(tarantool_blocking::connect(config))
    }

    fn wait<T>(reply: Result<T, Error>) -> impl Future<Output = Result<T, Error>> {
        ready(reply)
    }

    async fn all<T: Send>(
        client: &Client,
        count: usize,
        start: impl Fn(&Client, usize) -> <Self as Mode>::Reply<T> + Sync,
    ) -> Vec<Result<T, Error>> {
        let start = &start;
        thread::scope(|scope| {
            let threads: Vec<_> =
                (0..count).map(|index| scope.spawn(move || start(client, index))).collect();
            let results = threads.into_iter().map(|thread| thread.join().unwrap());
            results.collect()
        })
    }
}

/// Runs a test that never waits: every call blocks until it has its result.
fn run(test: impl Future<Output = ()>) {
    let mut context = Context::from_waker(Waker::noop());
    let Poll::Ready(()) = pin!(test).poll(&mut context) else {
        panic!("the blocking client gave a future");
    };
}

mod blocking {
    suite!(tarantool_client::Blocking, crate::run);
}
