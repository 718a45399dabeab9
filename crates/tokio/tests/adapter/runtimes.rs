//! A runtime that ends before its clients.

use std::thread;
use std::time::Duration;

use tarantool_testkit::conformance::{Backend, block_on, bounded};
use tarantool_tokio::{ErrorKind, Outcome};
use tokio::runtime::Builder;

use crate::connected;

#[test]
fn a_runtime_that_shuts_down_is_told_to_those_elsewhere() {
    bounded(|| {
        let test = "a_runtime_that_shuts_down_is_told_to_those_elsewhere";
        let Some(server) = Backend::shared_real(test) else {
            return;
        };
        let home = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let client = home.block_on(connected(server));
        let waiting = thread::spawn({
            let client = client.clone();
            move || block_on(client.call::<()>("slow", 30))
        });
        while client.stats().requests_out < 2 {
            thread::sleep(Duration::from_millis(2));
        }
        home.shutdown_background();
        let error = waiting.join().unwrap().unwrap_err();
        println!("{error}");
        assert!(error.to_string().contains("its driver was dropped"), "{error}");
        assert_eq!(error.outcome(), Outcome::MaybeExecuted);
        let error = block_on(client.ping()).unwrap_err();
        println!("{error}");
        assert!(matches!(error.kind(), ErrorKind::NotAccepted { .. }), "{error}");
    });
}
