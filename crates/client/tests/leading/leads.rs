//! Who reads for all, and who does next.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::{Duration, Instant};

use serde::{Deserialize, Deserializer};

use crate::socket::Script;
use tarantool_client::ConnectionEvent;
use tarantool_client::request::Ping;
use tarantool_testkit::conformance::bounded;
use tarantool_testkit::conformance::packets::{ok, ok_with};

#[test]
fn a_leader_with_its_answer_passes_the_lead_on() {
    bounded(|| {
        let script = Script::silent();
        let client = script.connect();
        thread::scope(|scope| {
            let first = scope.spawn(|| client.ping());
            let leading = script.take_requests(1).remove(0);
            script.wait_for(|calls| calls.receives >= 1);
            let others: Vec<_> = (0..3).map(|_| scope.spawn(|| client.ping())).collect();
            let following = script.take_requests(3);

            script.give(&ok(leading.sync));
            first.join().unwrap().unwrap();
            // Now one of the others must read, or these would be given in vain.
            for request in following {
                script.give(&ok(request.sync));
            }
            for other in others {
                other.join().unwrap().unwrap();
            }
        });
    });
}

#[test]
fn a_leader_reads_for_the_others_until_its_own_answer_comes() {
    bounded(|| {
        let script = Script::silent();
        let client = script.connect();
        thread::scope(|scope| {
            let leader = scope.spawn(|| client.ping());
            let leading = script.take_requests(1).remove(0);
            script.wait_for(|calls| calls.receives >= 1);
            for _ in 0..10 {
                let follower = scope.spawn(|| client.ping());
                let following = script.take_requests(1).remove(0);
                script.give(&ok(following.sync));
                follower.join().unwrap().unwrap();
            }
            assert!(!leader.is_finished());
            script.give(&ok(leading.sync));
            leader.join().unwrap().unwrap();
        });
    });
}

/// All answers in one read: everybody is woken, and nobody stays to lead.
#[test]
fn one_read_wakes_all_whose_answers_came() {
    bounded(|| {
        let script = Script::silent();
        let client = script.connect();
        for round in 0..50 {
            thread::scope(|scope| {
                let threads: Vec<_> = (0..10).map(|_| scope.spawn(|| client.ping())).collect();
                let mut requests = script.take_requests(10);
                requests.rotate_left(round % 10);
                let answers = requests.iter().flat_map(|request| ok(request.sync));
                script.give(&Vec::from_iter(answers));
                for thread in threads {
                    thread.join().unwrap().unwrap();
                }
            });
        }
        assert_eq!(client.in_flight(), 0);
    });
}

/// Panics when it is decoded, as users' code may.
struct Trap;

impl<'de> Deserialize<'de> for Trap {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        panic!("a trap of the test's own")
    }
}

#[test]
fn a_leader_that_panics_leaves_nobody_behind() {
    bounded(|| {
        let script = Script::silent();
        let client = script.connect();
        thread::scope(|scope| {
            let first = scope.spawn(|| {
                let trap = AssertUnwindSafe(|| client.call::<Trap>("f", ()));
                catch_unwind(trap).map(drop).unwrap_err();
            });
            let leading = script.take_requests(1).remove(0);
            script.wait_for(|calls| calls.receives >= 1);
            let other = scope.spawn(|| client.ping());
            let following = script.take_requests(1).remove(0);
            script.give(&ok_with(leading.sync, &[7]));
            first.join().unwrap();
            script.give(&ok(following.sync));
            other.join().unwrap().unwrap();
        });
    });
}

/// The lease is given up however the thread leaves.
#[test]
fn a_read_that_panics_passes_the_lead_on() {
    bounded(|| {
        let script = Script::silent();
        let client = script.connect();
        thread::scope(|scope| {
            let first = scope.spawn(|| catch_unwind(AssertUnwindSafe(|| client.ping())));
            script.take_requests(1);
            script.wait_for(|calls| calls.receives >= 1);
            let other = scope.spawn(|| client.ping());
            let following = script.take_requests(1).remove(0);
            script.change(|state| state.panics = true);
            first.join().unwrap().unwrap_err();
            script.give(&ok(following.sync));
            other.join().unwrap().unwrap();
        });
        script.end();
    });
}

#[test]
fn a_hook_that_panics_passes_the_lead_on() {
    bounded(|| {
        let script = Script::silent();
        let client = script.connect_with(|config| {
            config.request_timeout(Duration::ZERO).on_event(|event| {
                assert!(!matches!(event, ConnectionEvent::LateReplies { .. }), "a trap");
            })
        });
        thread::scope(|scope| {
            drop(client.submit(Ping));
            let dropped = script.take_requests(1).remove(0);
            let first = scope.spawn(|| catch_unwind(AssertUnwindSafe(|| client.ping())));
            script.take_requests(1);
            script.wait_for(|calls| calls.receives >= 1);
            let other = scope.spawn(|| client.ping());
            let following = script.take_requests(1).remove(0);
            // Until it sleeps.
            thread::sleep(Duration::from_millis(50));
            script.give(&ok(dropped.sync));
            first.join().unwrap().unwrap_err();
            script.give(&ok(following.sync));
            other.join().unwrap().unwrap();
        });
        script.end();
    });
}

/// Answers in any order, in chunks of any size, from a server that takes its time.
#[test]
fn many_threads_get_their_own_answers_in_any_order() {
    const THREADS: u64 = 16;
    const REQUESTS: u64 = 200;

    bounded(|| {
        let script = Script::silent();
        script.change(|state| state.read_max = 13);
        let client = script.connect();
        thread::scope(|scope| {
            let server = scope.spawn(|| {
                let mut answered = 0;
                while answered < THREADS * REQUESTS {
                    let mut requests = script.take_requests(1);
                    answered += requests.len() as u64;
                    let turn = answered as usize % requests.len();
                    requests.rotate_left(turn);
                    for request in requests {
                        let mut value = vec![0xcf];
                        value.extend(request.sync.to_be_bytes());
                        script.give(&ok_with(request.sync, &value));
                    }
                }
            });
            for _ in 0..THREADS {
                scope.spawn(|| {
                    for _ in 0..REQUESTS {
                        let _: u64 = client.call("f", ()).unwrap();
                    }
                });
            }
            server.join().unwrap();
        });
        assert_eq!(client.stats().answered, THREADS * REQUESTS);
        assert_eq!(client.in_flight(), 0);
    });
}

/// A thread that submits and one that calls, on a server that reads one at a time.
#[test]
fn a_reply_that_another_thread_waits_for_wakes_it() {
    bounded(|| {
        let script = Script::silent();
        let client = script.connect();
        let submitted = client.submit(Ping);
        let request = script.take_requests(1).remove(0);
        thread::scope(|scope| {
            let waiting = scope.spawn(move || submitted.wait());
            script.wait_for(|calls| calls.receives >= 1);
            let started = Instant::now();
            script.give(&ok(request.sync));
            waiting.join().unwrap().unwrap();
            assert!(started.elapsed() < Duration::from_secs(1));
        });
    });
}
