//! Threads that wait for values of watched keys lead and follow as those do that wait for replies.

use std::thread;
use std::time::{Duration, Instant};

use tarantool_client::{Blocking, Client, ErrorKind};
use tarantool_testkit::conformance::bounded;
use tarantool_testkit::conformance::packets::{Request, error, ok, packet, reply};

use crate::socket::{Script, TICK};

const PING: u64 = 64;
const WATCH: u64 = 74;
const UNWATCH: u64 = 75;
const CHUNK: u32 = 0x80;

/// The reply to ID of a server with watched keys.
fn identified(sync: u64) -> Vec<u8> {
    reply(0, sync, &[0x82, 0x54, 0x03, 0x55, 0x91, 0x03])
}

/// Of a server that has watched keys, and answers what the test tells it to.
fn connect(script: &Script) -> Client<Blocking> {
    script.change(|state| state.identified = Some(identified));
    script.connect()
}

/// A value of the key `k`.
fn event(sync: u64, value: u8) -> Vec<u8> {
    let mut content = vec![0x82, 0x00, 0x4c, 0x01, 0xcf];
    content.extend(sync.to_be_bytes());
    content.extend([0x82, 0x57, 0xa1, b'k', 0x58, value]);
    packet(&content)
}

/// The next request, of this kind.
fn take(script: &Script, kind: u64) -> Request {
    let mut requests = script.take_requests(1);
    assert_eq!((requests.len(), requests[0].kind), (1, kind));
    requests.remove(0)
}

#[test]
fn a_watcher_alone_reads_and_acknowledges() {
    bounded(|| {
        let script = Script::silent();
        let client = connect(&script);
        let mut watcher = client.watch("k");
        // Written at once, not when its value is waited for.
        assert_eq!(script.state().calls.sends, 1);
        let watch = take(&script, WATCH);
        for value in 1..5_u8 {
            script.give(&event(watch.sync, value));
            let change = watcher.changed().unwrap();
            assert_eq!(change.decode::<u8>().unwrap(), value);
            if value > 1 {
                // That of the value before, written on the way to this one.
                assert_eq!(take(&script, WATCH).sync, watch.sync);
            }
        }
        drop(watcher);
        let last = script.take_requests(2);
        assert_eq!([last[0].kind, last[1].kind], [WATCH, UNWATCH]);
        script.end();
    });
}

#[test]
fn a_watcher_leads_for_others_and_stays() {
    bounded(|| {
        let script = Script::silent();
        let client = connect(&script);
        let mut watcher = client.watch("k");
        let watch = take(&script, WATCH);
        thread::scope(|scope| {
            let leader = scope.spawn(|| watcher.changed().unwrap().decode::<u8>().unwrap());
            script.wait_for(|calls| calls.receives >= 1);
            for _ in 0..10 {
                let follower = scope.spawn(|| client.ping());
                let ping = take(&script, PING);
                script.give(&ok(ping.sync));
                follower.join().unwrap().unwrap();
            }
            assert!(!leader.is_finished());
            script.give(&event(watch.sync, 7));
            assert_eq!(leader.join().unwrap(), 7);
        });
        script.end();
    });
}

#[test]
fn a_watcher_with_its_value_hands_the_lead_over() {
    bounded(|| {
        let script = Script::silent();
        let client = connect(&script);
        let mut watcher = client.watch("k");
        let watch = take(&script, WATCH);
        thread::scope(|scope| {
            let leader = scope.spawn(|| watcher.changed().unwrap());
            script.wait_for(|calls| calls.receives >= 1);
            let followers: Vec<_> = (0..3).map(|_| scope.spawn(|| client.ping())).collect();
            let pings = script.take_requests(3);
            script.give(&event(watch.sync, 7));
            leader.join().unwrap();
            // Now one of the others must read, or these would be given in vain.
            for ping in pings.iter().filter(|ping| ping.kind == PING) {
                script.give(&ok(ping.sync));
            }
            for follower in followers {
                follower.join().unwrap().unwrap();
            }
        });
        script.end();
    });
}

#[test]
fn a_caller_with_its_answer_hands_the_lead_to_a_watcher() {
    bounded(|| {
        let script = Script::silent();
        let client = connect(&script);
        let mut watchers = [client.watch("k"), client.watch("k")];
        let watch = take(&script, WATCH);
        thread::scope(|scope| {
            let leader = scope.spawn(|| client.ping());
            let ping = take(&script, PING);
            script.wait_for(|calls| calls.receives >= 1);
            let waiting = watchers
                .each_mut()
                .map(|watcher| scope.spawn(|| watcher.changed().unwrap().decode::<u8>().unwrap()));
            // Time for both to fall asleep; without it the test is easier, not wrong.
            thread::sleep(Duration::from_millis(20));
            script.give(&ok(ping.sync));
            leader.join().unwrap().unwrap();
            script.give(&event(watch.sync, 9));
            assert_eq!(waiting.map(|thread| thread.join().unwrap()), [9, 9]);
        });
        script.end();
    });
}

#[test]
fn a_follower_gets_the_value_that_a_caller_reads() {
    bounded(|| {
        let script = Script::silent();
        let client = connect(&script);
        let mut watcher = client.watch("k");
        let watch = take(&script, WATCH);
        thread::scope(|scope| {
            let leader = scope.spawn(|| client.ping());
            let ping = take(&script, PING);
            script.wait_for(|calls| calls.receives >= 1);
            let follower = scope.spawn(|| watcher.changed().unwrap().decode::<u8>().unwrap());
            script.give(&event(watch.sync, 3));
            assert_eq!(follower.join().unwrap(), 3);
            assert!(!leader.is_finished());
            script.give(&ok(ping.sync));
            leader.join().unwrap().unwrap();
        });
        script.end();
    });
}

/// Waits for a value in vain, for so long and not much longer.
fn nothing_within(watcher: &mut tarantool_client::Watcher<Blocking>, limit: Duration) {
    let started = Instant::now();
    assert_eq!(watcher.changed_timeout(limit), None);
    assert!(watcher.failure().is_none());
    let took = started.elapsed();
    assert!(took >= limit && took < limit + Duration::from_millis(500), "{took:?} of {limit:?}");
}

#[test]
fn a_watcher_leaves_at_its_deadline_leading_or_following() {
    bounded(|| {
        let script = Script::silent();
        let client = connect(&script);
        let (mut first, mut second) = (client.watch("k"), client.watch("k"));
        let watch = take(&script, WATCH);
        for limit in [Duration::ZERO, Duration::from_millis(20), TICK + TICK / 2] {
            nothing_within(&mut first, limit);
        }
        thread::scope(|scope| {
            let leader = scope.spawn(|| client.ping());
            let ping = take(&script, PING);
            let receives = script.state().calls.receives;
            script.wait_for(|calls| calls.receives > receives);
            for limit in [Duration::ZERO, Duration::from_millis(30)] {
                nothing_within(&mut first, limit);
            }
            // Who left must not be the one that is woken to lead.
            let other = scope.spawn(|| second.changed().unwrap().decode::<u8>().unwrap());
            thread::sleep(Duration::from_millis(20));
            script.give(&ok(ping.sync));
            leader.join().unwrap().unwrap();
            script.give(&event(watch.sync, 5));
            assert_eq!(other.join().unwrap(), 5);
        });
        assert_eq!(first.changed_timeout(Duration::ZERO).unwrap().number(), 1);
        script.end();
    });
}

#[test]
fn a_deadline_holds_while_nothing_can_be_written() {
    bounded(|| {
        let script = Script::silent();
        let client = connect(&script);
        let deaf = client.with_timeout(Duration::from_millis(20));
        script.change(|state| state.room = 0);
        let mut watcher = deaf.watch("k");
        nothing_within(&mut watcher, Duration::from_millis(50));
        script.change(|state| state.room = usize::MAX);
        drop(watcher);
        assert_eq!(script.take_requests(2).len(), 2);
        script.end();
    });
}

#[test]
fn every_watcher_is_told_when_the_connection_ends_or_is_closed() {
    for closed in [false, true] {
        bounded(move || {
            let script = Script::silent();
            let client = connect(&script);
            let mut watchers = [client.watch("k"), client.watch("k"), client.watch("other")];
            script.take_requests(2);
            thread::scope(|scope| {
                let waiting = watchers
                    .each_mut()
                    .map(|watcher| scope.spawn(|| (watcher.changed(), watcher.failure().unwrap())));
                script.wait_for(|calls| calls.receives >= 1);
                if closed {
                    client.close()
                } else {
                    script.end()
                }
                for thread in waiting {
                    let (change, failure) = thread.join().unwrap();
                    assert_eq!(change, None);
                    assert!(matches!(failure.kind(), ErrorKind::Ended { .. }), "{failure}");
                }
            });
            script.end();
        });
    }
}

#[test]
fn a_refused_key_wakes_its_watcher() {
    bounded(|| {
        let script = Script::silent();
        let client = connect(&script);
        let mut watcher = client.watch("k");
        let watch = take(&script, WATCH);
        script.give(&error(watch.sync, 5, "no more keys"));
        assert_eq!(watcher.changed(), None);
        assert!(watcher.failure().unwrap().to_string().contains("no more keys"));
        script.end();
    });
}

/// Nobody drives the connection between these.
#[test]
fn watching_and_dropping_leaves_nothing_behind() {
    bounded(|| {
        let script = Script::silent();
        let client = connect(&script);
        for _ in 0..1000 {
            drop(client.watch("k"));
        }
        let requests = script.take_requests(2000);
        assert_eq!(requests.iter().filter(|request| request.kind == UNWATCH).count(), 1000);
        script.end();
    });
}

#[test]
fn messages_come_to_their_call_whoever_reads() {
    bounded(|| {
        let script = Script::silent();
        let client = connect(&script);
        let mut call = client.call_with_pushes::<u8, u8>("f", ());
        let request = script.take_requests(1).remove(0);
        let chunk = |value: u8| reply(CHUNK, request.sync, &[0x81, 0x30, 0x91, value]);
        thread::scope(|scope| {
            // Leading.
            script.give(&chunk(1));
            assert_eq!(call.next_push().unwrap(), Some(1));
            // Following.
            let leader = scope.spawn(|| client.ping());
            let ping = take(&script, PING);
            let receives = script.state().calls.receives;
            script.wait_for(|calls| calls.receives > receives || calls.receives >= 2);
            let following = scope.spawn(|| {
                let second = call.next_push().unwrap();
                (second, call.next_push().unwrap(), call.finish().unwrap())
            });
            script.give(&chunk(2));
            script.give(&ok(ping.sync));
            leader.join().unwrap().unwrap();
            script.give(&reply(0, request.sync, &[0x81, 0x30, 0x91, 9]));
            assert_eq!(following.join().unwrap(), (Some(2), None, 9));
        });
        script.end();
    });
}
