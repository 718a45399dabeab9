//! Peers that stop reading.

use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use tarantool_blocking::connect;
use tarantool_blocking::request::Call;

use tarantool_testkit::conformance::stalls::{
    REQUESTS, deaf, request_bytes, too_much, writes_before_it_reads,
};
use tarantool_testkit::conformance::{block_on, bounded};

#[test]
fn one_thread_can_submit_everything_to_such_a_peer() {
    bounded(|| {
        let (config, peer) = writes_before_it_reads();
        let client = connect(config).unwrap();
        let submitted: Vec<_> = (0..REQUESTS)
            .map(|_| client.submit(Call::new("echo").arguments(request_bytes())))
            .collect();
        for reply in submitted {
            assert_eq!(reply.wait().unwrap().returned::<String>().unwrap().len(), 1 << 20);
        }
        drop(client);
        block_on(peer.join());
    });
}

/// The deadline of a request holds while an earlier one can not be written.
#[test]
fn a_deaf_peer_does_not_delay_the_timeouts_of_others() {
    bounded(|| {
        let (config, peer) = deaf();
        let client = connect(config.request_timeout(Duration::from_secs(3))).unwrap();
        thread::scope(|scope| {
            let stuck = scope.spawn(|| client.call::<()>("echo", too_much()));
            thread::sleep(Duration::from_millis(100));
            let hurried = client.with_timeout(Duration::from_millis(100));
            let started = Instant::now();
            let error = hurried.ping().unwrap_err();
            println!("{error}, after {:?}", started.elapsed());
            assert!(error.is_timeout(), "{error}");
            assert!(started.elapsed() < Duration::from_secs(1));
            drop(peer);
            stuck.join().unwrap().unwrap_err();
        });
    });
}

#[test]
fn a_request_that_a_deaf_peer_takes_in_part_times_out() {
    bounded(|| {
        let (config, _peer) = deaf();
        let client = connect(config.request_timeout(Duration::from_millis(200))).unwrap();
        let (done, over) = channel();
        let calling = thread::spawn(move || {
            let started = Instant::now();
            let error = client.call::<()>("echo", too_much()).unwrap_err();
            done.send((error, started.elapsed())).unwrap();
        });
        let answer = over.recv_timeout(Duration::from_secs(5));
        let (error, took) = answer.expect("the thread that writes is stuck");
        println!("{error}, after {took:?}");
        assert!(error.is_timeout(), "{error}");
        calling.join().unwrap();
    });
}

#[test]
fn a_deaf_peer_does_not_hold_up_the_drop_of_a_client() {
    bounded(|| {
        let (config, _peer) = deaf();
        let client = connect(config.request_timeout(Duration::from_millis(200))).unwrap();
        let (done, over) = channel();
        let dropping = thread::spawn(move || {
            for _ in 0..3 {
                drop(client.submit(Call::new("echo").arguments(too_much())));
            }
            drop(client);
            done.send(()).unwrap();
        });
        let dropped = over.recv_timeout(Duration::from_secs(10));
        dropped.expect("the thread that drops the client is stuck");
        dropping.join().unwrap();
    });
}
