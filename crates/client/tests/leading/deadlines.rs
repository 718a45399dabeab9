//! Deadlines of those who lead, follow and write.

use std::thread;
use std::time::{Duration, Instant};

use tarantool_client::request::{Call, Ping};
use tarantool_client::{Blocking, Client, Outcome};

use crate::socket::{Script, TICK};
use tarantool_testkit::conformance::bounded;
use tarantool_testkit::conformance::packets::ok;

/// Pings in vain, for so long and not much longer.
fn times_out(client: &Client<Blocking>, limit: Duration) {
    let started = Instant::now();
    let error = client.with_timeout(limit).ping().unwrap_err();
    let took = started.elapsed();
    assert!(error.is_timeout(), "{error}");
    assert_eq!(error.outcome(), Outcome::MaybeExecuted);
    assert!(took >= limit, "{took:?} of {limit:?}");
    assert!(took < limit + Duration::from_millis(500), "{took:?} of {limit:?}");
}

#[test]
fn a_leader_leaves_at_its_deadline_and_passes_the_lead_on() {
    bounded(|| {
        let script = Script::silent();
        let client = script.connect();
        thread::scope(|scope| {
            let leader = scope.spawn(|| times_out(&client, Duration::from_millis(80)));
            script.take_requests(1);
            script.wait_for(|calls| calls.waits >= 1);
            let follower = scope.spawn(|| client.ping());
            let following = script.take_requests(1).remove(0);
            leader.join().unwrap();
            script.give(&ok(following.sync));
            follower.join().unwrap().unwrap();
        });
        script.end();
    });
}

#[test]
fn a_leader_leaves_at_a_deadline_beyond_the_tick() {
    bounded(|| {
        let script = Script::silent();
        let client = script.connect();
        times_out(&client, TICK * 2 + TICK / 2);
        assert!(script.state().calls.receives >= 2);
        script.end();
    });
}

#[test]
fn a_follower_leaves_at_its_deadline_while_the_leader_has_none() {
    bounded(|| {
        let script = Script::silent();
        let client = script.connect();
        thread::scope(|scope| {
            let leader = scope.spawn(|| client.ping());
            let leading = script.take_requests(1).remove(0);
            script.wait_for(|calls| calls.receives >= 1);
            for millis in [1, 20, 50] {
                times_out(&client, Duration::from_millis(millis));
            }
            assert!(!leader.is_finished());
            script.give(&ok(leading.sync));
            leader.join().unwrap().unwrap();
        });
        script.end();
    });
}

#[test]
fn a_late_reply_disturbs_nobody() {
    bounded(|| {
        let script = Script::silent();
        let client = script.connect();
        for _ in 0..20 {
            times_out(&client, Duration::from_millis(2));
        }
        let late = script.take_requests(20);
        thread::scope(|scope| {
            let calling = scope.spawn(|| client.ping());
            let current = script.take_requests(1).remove(0);
            for request in &late {
                script.give(&ok(request.sync));
            }
            assert!(!calling.is_finished());
            script.give(&ok(current.sync));
            calling.join().unwrap().unwrap();
        });
        let stats = client.stats();
        assert_eq!((stats.timed_out, stats.late_replies), (20, 20));
        assert_eq!(client.in_flight(), 0);
    });
}

/// The deadline covers the wait for a place.
#[test]
fn a_request_without_a_place_times_out_unsent() {
    bounded(|| {
        let script = Script::silent();
        let client = script.connect_with(|config| config.in_flight_max(1));
        thread::scope(|scope| {
            let first = scope.spawn(|| client.ping());
            let request = script.take_requests(1).remove(0);
            let hurried = client.with_timeout(Duration::from_millis(30));
            let error = hurried.ping().unwrap_err();
            assert!(error.is_timeout(), "{error}");
            assert_eq!(error.outcome(), Outcome::NotSent, "{error}");
            script.give(&ok(request.sync));
            first.join().unwrap().unwrap();
        });
        assert!(script.state().requests.is_empty(), "it was sent");
        script.end();
    });
}

/// A server that reads no more holds up whoever waits for replies, not whoever submits.
#[test]
fn submitting_does_not_wait_for_a_full_socket() {
    bounded(|| {
        let script = Script::silent();
        let client = script.connect();
        script.change(|state| state.room = 100_000);
        let text = "x".repeat(20_000);
        // Without timeouts: to wait would be to wait for good.
        let submitted: Vec<_> =
            (0..20).map(|_| client.submit(Call::new("f").arguments(&text))).collect();
        assert_eq!(script.state().requests.len(), 4);
        script.change(|state| state.room = usize::MAX);
        client.flush();
        for request in script.take_requests(20) {
            script.give(&ok(request.sync));
        }
        for reply in submitted {
            reply.wait().unwrap();
        }
        script.end();
    });
}

/// Its own deadline ends the wait of a thread that submits, whatever others still wait for.
#[test]
fn submitting_without_a_place_waits_for_its_timeout_at_most() {
    bounded(|| {
        let script = Script::silent();
        let client = script.connect_with(|config| config.in_flight_max(1));
        thread::scope(|scope| {
            let patient = client.with_timeout(Duration::ZERO);
            let requests = client.stats().requests;
            let first = client.with_timeout(Duration::ZERO).submit(Ping);
            let second = scope.spawn(move || patient.ping());
            while client.stats().requests < requests + 2 {
                thread::yield_now();
            }
            let started = Instant::now();
            let third = client.with_timeout(Duration::from_millis(30)).submit(Ping);
            assert!(started.elapsed() >= Duration::from_millis(30));
            let error = third.wait().unwrap_err();
            assert_eq!((error.is_timeout(), error.outcome()), (true, Outcome::NotSent), "{error}");
            script.give(&ok(script.take_requests(1)[0].sync));
            first.wait().unwrap();
            script.give(&ok(script.take_requests(1)[0].sync));
            second.join().unwrap().unwrap();
        });
        script.end();
    });
}
