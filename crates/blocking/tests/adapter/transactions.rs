//! Transactions whose client makes no further request.

use std::thread;
use std::time::{Duration, Instant};

use tarantool_blocking::{Config, connect};
use tarantool_testkit::conformance::bounded;
use tarantool_testkit::{Fault, RequestType, Server};

#[test]
fn a_dropped_transaction_does_not_wait_for_the_next_request() {
    bounded(|| {
        let server = Server::start().unwrap();
        let client = connect(server.uri()).unwrap();
        drop(client.transaction().begin().unwrap());
        let until = Instant::now() + Duration::from_secs(2);
        while server.executed(RequestType::ROLLBACK) == 0 {
            assert!(Instant::now() < until, "the rollback was not written");
            thread::sleep(Duration::from_millis(5));
        }
    });
}

#[test]
fn dropping_a_transaction_waits_for_nobody() {
    bounded(|| {
        let server = Server::start().unwrap();
        let config = Config::parse(server.uri()).unwrap().in_flight_max(1);
        let client = connect(config).unwrap();
        server.fault(Fault::Delay(Duration::from_millis(600))).on(RequestType::PING).once();
        let txn = client.transaction().begin().unwrap();
        thread::scope(|scope| {
            let ping = scope.spawn(|| client.ping());
            while client.in_flight() == 0 {
                thread::yield_now();
            }
            let start = Instant::now();
            drop(txn);
            assert!(start.elapsed() < Duration::from_millis(300), "{:?}", start.elapsed());
            ping.join().unwrap().unwrap();
        });
        client.ping().unwrap();
        assert_eq!(server.executed(RequestType::ROLLBACK), 1, "it had no place at first");
    });
}
