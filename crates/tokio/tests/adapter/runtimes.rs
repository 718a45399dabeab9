//! Clients that are used elsewhere than on the runtime that drives them.

use std::thread;
use std::time::Duration;

use tarantool_client::Async;
use tarantool_tokio::{ErrorKind, Outcome};
use tokio::runtime::{Builder, Runtime};

use crate::suite::{bounded, connect, server};

fn driving() -> Runtime {
    let builder = &mut Builder::new_multi_thread();
    builder.worker_threads(1).enable_all().build().unwrap()
}

/// Drives nothing: neither sockets nor timers.
fn bare() -> Runtime {
    Builder::new_current_thread().build().unwrap()
}

#[test]
fn a_client_works_on_other_threads_and_runtimes() {
    bounded(|| {
        let Some(server) = server("a_client_works_on_other_threads_and_runtimes") else {
            return;
        };
        let home = driving();
        let client = home.block_on(connect::<Async>(server));
        let threads: Vec<_> = (0..4_u64)
            .map(|number| {
                let client = client.clone();
                thread::spawn(move || {
                    bare().block_on(async {
                        for request in 0..200 {
                            let unique = number * 1_000 + request;
                            let back: u64 = client.call("echo", unique).await.unwrap();
                            assert_eq!(back, unique);
                        }
                        let hurried = client.with_timeout(Duration::from_millis(20));
                        let late = hurried.call::<_, ()>("slow", 1).await.unwrap_err();
                        assert!(late.is_timeout(), "{late}");
                    });
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(client.stats().answered, 800);
    });
}

#[test]
fn a_reply_may_move_to_another_runtime() {
    bounded(|| {
        let Some(server) = server("a_reply_may_move_to_another_runtime") else {
            return;
        };
        let home = driving();
        let client = home.block_on(connect::<Async>(server));
        let reply = client.call::<_, u64>("slow", (0.05, 7));
        let answer = thread::spawn(move || bare().block_on(reply)).join().unwrap();
        assert_eq!(answer.unwrap(), 7);
    });
}

#[test]
fn a_runtime_that_shuts_down_is_told_to_those_elsewhere() {
    bounded(|| {
        let Some(server) = server("a_runtime_that_shuts_down_is_told_to_those_elsewhere") else {
            return;
        };
        let home = driving();
        let client = home.block_on(connect::<Async>(server));
        let waiting = thread::spawn({
            let client = client.clone();
            move || bare().block_on(client.call::<_, ()>("slow", 30))
        });
        while client.stats().requests_out < 2 {
            thread::sleep(Duration::from_millis(2));
        }
        home.shutdown_background();
        let error = waiting.join().unwrap().unwrap_err();
        println!("{error}");
        assert!(error.to_string().contains("its driver was dropped"), "{error}");
        assert_eq!(error.outcome(), Outcome::MaybeExecuted);
        let error = bare().block_on(client.ping()).unwrap_err();
        println!("{error}");
        assert!(matches!(error.kind(), ErrorKind::NotAccepted { .. }), "{error}");
    });
}
