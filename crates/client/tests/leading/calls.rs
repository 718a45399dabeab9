//! How many system calls a call costs.

use std::collections::VecDeque;
use std::thread;
use std::time::Duration;

use tarantool_client::request::Call;

use crate::socket::{Calls, Script};
use tarantool_testkit::conformance::bounded;
use tarantool_testkit::conformance::packets::ok;

const CALLS: usize = 100;
const PING: u64 = 64;

#[test]
fn a_call_alone_costs_one_write_and_one_read() {
    bounded(|| {
        let script = Script::willing();
        let client = script.connect_with(|config| config);
        for _ in 0..CALLS {
            client.ping().unwrap();
        }
        let expected = Calls { sends: CALLS, receives: CALLS, waits: 0 };
        assert_eq!(script.state().calls, expected);

        let space = client.space(512);
        for id in 0..CALLS {
            space.insert(&(id, "text")).unwrap();
        }
        let expected = Calls { sends: 2 * CALLS, receives: 2 * CALLS, waits: 0 };
        assert_eq!(script.state().calls, expected);
        let stats = client.stats();
        assert_eq!((stats.writes, stats.reads), (2 * 100 + 1, 2 * 100 + 2));
    });
}

/// As documented: a wait for a deadline that is nearer than a read returns by itself.
#[test]
fn a_near_deadline_costs_one_wait_more() {
    bounded(|| {
        let script = Script::willing();
        let client = script.connect().with_timeout(Duration::from_millis(100));
        for _ in 0..CALLS {
            client.ping().unwrap();
        }
        let expected = Calls { sends: CALLS, receives: CALLS, waits: CALLS };
        assert_eq!(script.state().calls, expected);
    });
}

#[test]
fn submitted_requests_share_their_system_calls() {
    bounded(|| {
        let script = Script::willing();
        let client = script.connect();
        let submitted: Vec<_> = (0..1_000).map(|_| client.submit(Call::new("f"))).collect();
        for reply in submitted {
            reply.wait().unwrap();
        }
        let calls = script.state().calls;
        // The first goes out at once, the others together.
        assert_eq!((calls.sends, calls.waits), (2, 0), "{calls:?}");
        assert!(calls.receives <= 2, "{calls:?}");
    });
}

#[test]
fn the_first_submitted_request_is_written_at_once_and_others_by_a_flush() {
    bounded(|| {
        let script = Script::silent();
        let client = script.connect();
        drop(client.submit(Call::new("f")));
        assert_eq!(script.take_requests(1).len(), 1);
        let second = client.submit(Call::new("f"));
        let third = client.submit(Call::new("f"));
        assert_eq!(script.state().requests.len(), 1, "the first of a new batch");
        client.flush();
        assert_eq!(script.state().requests.len(), 2);
        drop((second, third));
        script.end();
    });
}

/// A window that moves on with each reply: the server is not left without work while all of the
/// replies to one write are taken, nor is each of them followed by a write.
#[test]
fn half_of_a_window_is_written_while_the_other_half_is_taken() {
    bounded(|| {
        let script = Script::willing();
        let client = script.connect();
        let submit = || client.submit(Call::new("f"));
        let sends = || script.state().calls.sends;
        let mut window: VecDeque<_> = (0..4).map(|_| submit()).collect();
        window.pop_front().unwrap().wait().unwrap();
        assert_eq!(sends(), 2);
        // All four are answered. Of the replies one is taken and one submitted, then two.
        window.push_back(submit());
        assert_eq!(sends(), 2);
        window.pop_front().unwrap().wait().unwrap();
        window.push_back(submit());
        assert_eq!(sends(), 3);
        // The server has work now.
        for _ in 0..2 {
            window.pop_front().unwrap().wait().unwrap();
            window.push_back(submit());
        }
        assert_eq!(sends(), 3);
        for reply in window {
            reply.wait().unwrap();
        }
        assert_eq!(sends(), 4);
    });
}

/// Of a large window a sixth is enough for the server to begin with.
#[test]
fn a_sixth_of_a_large_window_is_written_while_the_rest_is_taken() {
    bounded(|| {
        let script = Script::willing();
        let client = script.connect();
        let submit = || client.submit(Call::new("f"));
        let sends = || script.state().calls.sends;
        let mut window: VecDeque<_> = (0..36).map(|_| submit()).collect();
        // The first by itself, the others with the first wait; all are answered.
        window.pop_front().unwrap().wait().unwrap();
        assert_eq!(sends(), 2);
        window.push_back(submit());
        let mut written = Vec::new();
        for taken in 2..36 {
            let before = sends();
            window.pop_front().unwrap().wait().unwrap();
            window.push_back(submit());
            written.extend((sends() > before).then_some(taken));
        }
        assert_eq!(written, [6, 12, 18, 24, 30]);
    });
}

/// What one thread leaves queued on purpose is no work for others.
#[test]
fn a_window_beside_threads_that_wait_is_written_in_parts_too() {
    bounded(|| {
        let script =
            Script::new(|request| if request.kind == PING { Vec::new() } else { ok(request.sync) });
        let client = script.connect();
        thread::scope(|scope| {
            let others: Vec<_> = (0..2).map(|_| scope.spawn(|| client.ping())).collect();
            let pings = script.take_requests(2);
            script.wait_for(|calls| calls.receives >= 1);
            // Until the other one sleeps.
            thread::sleep(Duration::from_millis(50));
            let submit = || client.submit(Call::new("f"));
            let mut window: VecDeque<_> = (0..36).map(|_| submit()).collect();
            window.pop_front().unwrap().wait().unwrap();
            window.push_back(submit());
            let before = script.state().calls.sends;
            for _ in 2..36 {
                window.pop_front().unwrap().wait().unwrap();
                window.push_back(submit());
            }
            // Until others would have written.
            thread::sleep(Duration::from_millis(50));
            let sends = script.state().calls.sends - before;
            assert!((4..=6).contains(&sends), "{sends} writes");
            pings.iter().for_each(|ping| script.give(&ok(ping.sync)));
            for other in others {
                other.join().unwrap().unwrap();
            }
            window.into_iter().for_each(|reply| drop(reply.wait().unwrap()));
        });
        script.end();
    });
}

/// Pieces of a write are bounded, and a full piece does not wait for a flush.
#[test]
fn a_full_write_leaves_by_itself() {
    bounded(|| {
        let script = Script::silent();
        let client = script.connect();
        let text = "x".repeat(20_000);
        let submitted: Vec<_> =
            (0..5).map(|_| client.submit(Call::new("f").arguments(&text))).collect();
        // The first alone, then four with 64 KiB together.
        assert_eq!(script.state().requests.len(), 5);
        assert_eq!(script.state().calls.sends, 2);
        drop(submitted);
        script.end();
    });
}
