//! Many threads on one connection.

use std::net::{Ipv4Addr, TcpListener};
use std::thread;
use std::time::{Duration, Instant};

use tarantool_blocking::{Client, Config, ErrorKind, Outcome, Status, connect};
use tarantool_testkit::conformance::{Backend, Wanted, bounded};

/// Every thread makes requests one after the other and knows what each must be answered with.
fn echo_from_threads(client: &Client, threads: u64, requests: u64) {
    thread::scope(|scope| {
        for thread in 0..threads {
            scope.spawn(move || {
                for request in 0..requests {
                    let unique = thread * requests + request;
                    let back: u64 = if unique % 16 == 0 {
                        client.eval("return ...", unique).unwrap()
                    } else {
                        client.call("echo", unique).unwrap()
                    };
                    assert_eq!(back, unique);
                }
            });
        }
    });
}

#[test]
fn sixteen_threads_get_their_own_answers() {
    const THREADS: u64 = 16;
    const REQUESTS: u64 = 200_000;

    bounded(|| {
        let Some(server) = Backend::shared_real("sixteen_threads_get_their_own_answers") else {
            return;
        };
        let client = connect(server.config()).unwrap();
        let started = Instant::now();
        echo_from_threads(&client, THREADS, REQUESTS / THREADS);
        let stats = client.stats();
        println!("{REQUESTS} requests in {:?}: {stats}", started.elapsed());
        assert_eq!(stats.answered, REQUESTS);
        assert_eq!((stats.timed_out, stats.late_replies), (0, 0));
        assert_eq!(client.in_flight(), 0);
    });
}

#[test]
fn threads_that_find_no_place_wait_for_one() {
    bounded(|| {
        let Some(server) = Backend::shared_real("threads_that_find_no_place_wait_for_one") else {
            return;
        };
        for in_flight_max in [1, 2, 7] {
            let client = connect(server.config().in_flight_max(in_flight_max)).unwrap();
            echo_from_threads(&client, 200, 5);
            assert_eq!(client.stats().answered, 1_000);
            assert_eq!(client.in_flight(), 0);
        }
        let client = connect(server.config().queued_bytes_max(1)).unwrap();
        echo_from_threads(&client, 50, 20);
    });
}

/// Leaders and followers whose deadlines pass, again and again.
#[test]
fn threads_with_random_timeouts_never_lose_the_lead() {
    const THREADS: u64 = 32;
    const ROUNDS: u64 = 100;

    bounded(|| {
        let Some(server) = Backend::shared_real("threads_with_random_timeouts_never_lose_the_lead")
        else {
            return;
        };
        let client = connect(server.config()).unwrap();
        thread::scope(|scope| {
            for thread in 0..THREADS {
                let client = &client;
                scope.spawn(move || {
                    for round in 0..ROUNDS {
                        let unique = thread * ROUNDS + round;
                        let millis = 1 + unique * 7 % 20;
                        let hurried = client.with_timeout(Duration::from_millis(millis));
                        let slow = (unique * 13 % 20) as f64 / 1000.0;
                        let started = Instant::now();
                        match hurried.call::<u64>("slow", (slow, unique)) {
                            Ok(back) => assert_eq!(back, unique),
                            Err(error) => assert!(error.is_timeout(), "{error}"),
                        }
                        let took = started.elapsed();
                        assert!(took < Duration::from_secs(3), "{took:?} for {millis} ms");
                    }
                });
            }
        });
        let stats = client.stats();
        println!("{stats}");
        assert!(stats.timed_out > 0 && stats.answered > 0, "{stats}");
        assert_eq!(stats.requests, stats.timed_out + stats.answered);
        assert_eq!(client.in_flight(), 0);
        assert_eq!(client.call("echo", 7).ok(), Some(7));
    });
}

#[test]
fn a_deadline_passes_while_leading_and_while_following() {
    bounded(|| {
        let Some(server) =
            Backend::shared_real("a_deadline_passes_while_leading_and_while_following")
        else {
            return;
        };
        let client = connect(server.config()).unwrap();
        let times_out = |millis: u64| {
            let started = Instant::now();
            let limit = Duration::from_millis(millis);
            let error = client.with_timeout(limit).call::<()>("slow", 5).unwrap_err();
            let took = started.elapsed();
            assert!(error.is_timeout(), "{error}");
            assert_eq!(error.outcome(), Outcome::MaybeExecuted);
            assert!(took >= limit && took < limit + Duration::from_millis(400), "{took:?}");
        };
        times_out(50);
        thread::scope(|scope| {
            // The first one leads, the others follow, and each must leave at its own time.
            scope.spawn(|| times_out(600));
            thread::sleep(Duration::from_millis(50));
            for millis in [50, 100, 150, 200, 1_000] {
                scope.spawn(move || times_out(millis));
            }
            let slow: u64 = client.call("slow", (1.2, 7)).unwrap();
            assert_eq!(slow, 7);
        });
        thread::scope(|scope| {
            // The one that leads has no deadline near; who follows leaves in time all the same.
            let leader = scope.spawn(|| client.call::<u64>("slow", (0.5, 8)));
            thread::sleep(Duration::from_millis(50));
            times_out(100);
            assert_eq!(leader.join().unwrap().unwrap(), 8);
        });
    });
}

/// Threads that make one request after the other when the server dies.
#[test]
fn every_request_under_load_gets_one_outcome_when_the_server_is_killed() {
    const THREADS: u64 = 20;

    bounded(|| {
        let test = "every_request_under_load_gets_one_outcome_when_the_server_is_killed";
        let Some(server) = Backend::real(test, &Wanted::default()) else {
            return;
        };
        let client = connect(server.config().reconnect(false)).unwrap();
        thread::scope(|scope| {
            for thread in 0..THREADS {
                let client = &client;
                scope.spawn(move || {
                    for round in 0.. {
                        let unique = thread << 32 | round;
                        let error = match client.call::<u64>("echo", unique) {
                            Ok(back) => {
                                assert_eq!(back, unique);
                                continue;
                            }
                            Err(error) => error,
                        };
                        match error.kind() {
                            ErrorKind::Lost { outcome, .. } => {
                                assert_eq!(error.outcome(), *outcome);
                            }
                            ErrorKind::NotAccepted { cause, .. } => {
                                assert!(cause.is_some(), "{error}");
                                assert_eq!(error.outcome(), Outcome::NotSent);
                            }
                            _ => panic!("{error}"),
                        }
                        return;
                    }
                });
            }
            while client.stats().answered < 2_000 {
                thread::sleep(Duration::from_millis(1));
            }
            server.kill();
        });
        let stats = client.stats();
        assert!(stats.requests - stats.answered <= THREADS, "{stats}");
        assert_eq!(client.in_flight(), 0);
    });
}

/// Nothing else happens then until the next attempt.
#[test]
fn a_thread_that_waits_for_a_connection_sees_another_close() {
    bounded(|| {
        let nobody = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let uri = nobody.local_addr().unwrap().to_string();
        drop(nobody);
        let hour = Duration::from_secs(3600);
        let config = Config::parse(&uri).unwrap().lazy(true).backoff(hour, hour);
        let client = connect(config).unwrap();
        thread::scope(|scope| {
            scope.spawn(|| {
                while !matches!(client.status(), Status::Down { until: Some(_) }) {
                    thread::sleep(Duration::from_millis(1));
                }
                client.close();
            });
            let error = client.ready().unwrap_err();
            assert_eq!(error.to_string(), "the client was closed");
        });
    });
}
