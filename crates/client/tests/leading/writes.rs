//! Writes that take more than one call.

use std::thread;
use std::time::{Duration, Instant};

use tarantool_client::request::{Call, Ping};

use crate::socket::{Script, TICK};
use tarantool_testkit::conformance::bounded;
use tarantool_testkit::conformance::packets::ok;

#[test]
fn frames_written_and_read_byte_by_byte_arrive_whole() {
    bounded(|| {
        let script = Script::willing();
        script.change(|state| (state.write_max, state.read_max) = (1, 1));
        let client = script.connect();
        for length in 0..40 {
            client.space(512).insert(&(length, "x".repeat(length))).unwrap();
        }
        script.change(|state| state.hesitates = true);
        for length in 0..40 {
            client.space(512).insert(&(length, "x".repeat(length))).unwrap();
        }
        assert!(script.state().requests.is_empty());
    });
}

#[test]
fn threads_share_a_socket_that_takes_a_byte_at_a_time() {
    bounded(|| {
        let script = Script::willing();
        script.change(|state| {
            (state.write_max, state.read_max) = (1, 3);
            state.hesitates = true;
        });
        let client = script.connect();
        thread::scope(|scope| {
            for thread in 0..8 {
                let client = &client;
                scope.spawn(move || {
                    for round in 0..40 {
                        let row = (thread, "x".repeat(round));
                        client.space(512).insert(&row).unwrap();
                    }
                });
            }
        });
        assert_eq!(client.stats().answered, 320);
    });
}

/// Who reads while another one writes may be the only one left to write its own request; a read
/// returns after a tick.
#[test]
fn a_reader_takes_over_from_a_writer_that_leaves() {
    bounded(|| {
        let script = Script::silent();
        let client = script.connect();
        script.change(|state| state.stalls = true);
        thread::scope(|scope| {
            let submitting = scope.spawn(|| client.submit(Call::new("f")));
            script.wait_for(|calls| calls.sends == 1);
            let waiting = scope.spawn(|| client.ping());
            script.wait_for(|calls| calls.receives + calls.waits == 1);
            // Whoever submits does not wait for room.
            script.change(|state| (state.room, state.stalls) = (0, false));
            let submitted = submitting.join().unwrap();
            let started = Instant::now();
            script.change(|state| state.room = usize::MAX);
            let requests = script.take_requests(2);
            assert!(started.elapsed() < TICK + TICK / 2, "{:?}", started.elapsed());
            requests.iter().for_each(|request| script.give(&ok(request.sync)));
            submitted.wait().unwrap();
            waiting.join().unwrap().unwrap();
        });
    });
}

/// A server whose output is stuck reads no further: whoever writes must read meanwhile.
#[test]
fn a_writer_reads_while_nothing_can_be_written() {
    bounded(|| {
        let script = Script::silent();
        let client = script.connect();
        thread::scope(|scope| {
            let small = client.submit(Call::new("f"));
            let request = script.take_requests(1).remove(0);
            script.change(|state| state.room = 10);
            let large = scope.spawn(|| client.call::<()>("f", "x".repeat(1_000)));
            script.wait_for(|calls| calls.waits >= 1);
            let (waits, receives) = {
                let calls = script.state().calls;
                (calls.waits, calls.receives)
            };
            script.give(&ok(request.sync));
            script.wait_for(|calls| calls.receives > receives && calls.waits > waits);
            small.wait().unwrap();

            script.change(|state| state.room = usize::MAX);
            let request = script.take_requests(1).remove(0);
            script.give(&ok(request.sync));
            large.join().unwrap().unwrap();
        });
    });
}

/// Its thread leaves in time; what it had begun is completed before anything else is written.
#[test]
fn a_writer_leaves_at_its_deadline_and_its_frame_is_completed_later() {
    bounded(|| {
        let script = Script::silent();
        let client = script.connect();
        script.change(|state| state.room = 10);
        let hurried = client.with_timeout(Duration::from_millis(80));
        let started = Instant::now();
        let error = hurried.call::<()>("f", "x".repeat(1_000)).unwrap_err();
        assert!(error.is_timeout(), "{error}");
        assert!(started.elapsed() < Duration::from_secs(1), "{error}");
        let error = hurried.ping().unwrap_err();
        assert!(error.is_timeout(), "{error}");

        script.change(|state| state.room = usize::MAX);
        thread::scope(|scope| {
            let calling = scope.spawn(|| client.ping());
            let requests = script.take_requests(2);
            for request in &requests {
                script.give(&ok(request.sync));
            }
            // The ping that timed out was still queued, and is a harmless ping now.
            while !calling.is_finished() {
                for request in std::mem::take(&mut script.state().requests) {
                    script.give(&ok(request.sync));
                }
                thread::sleep(Duration::from_millis(1));
            }
            calling.join().unwrap().unwrap();
        });
        assert_eq!(client.in_flight(), 0);
    });
}

/// Someone has to go on writing when the one who did so leaves.
#[test]
fn a_writer_that_leaves_passes_its_work_on() {
    bounded(|| {
        let script = Script::silent();
        let client = script.connect();
        script.change(|state| state.room = 10);
        thread::scope(|scope| {
            let writer = scope.spawn(|| {
                let hurried = client.with_timeout(Duration::from_millis(100));
                hurried.call::<()>("f", "x".repeat(1_000)).unwrap_err()
            });
            script.wait_for(|calls| calls.waits >= 1);
            let patient: Vec<_> = (0..3).map(|_| scope.spawn(|| client.ping())).collect();
            let error = writer.join().unwrap();
            assert!(error.is_timeout(), "{error}");
            script.change(|state| state.room = usize::MAX);
            let mut answered = 0;
            while answered < 4 {
                for request in script.take_requests(1) {
                    script.give(&ok(request.sync));
                    answered += 1;
                }
            }
            for patient in patient {
                patient.join().unwrap().unwrap();
            }
        });
        assert_eq!(client.stats().late_replies, 1);
    });
}

/// With its own answer there, a thread leaves the writing to those who still wait.
#[test]
fn a_writer_with_its_answer_does_not_go_on_for_others() {
    bounded(|| {
        let script = Script::silent();
        let client = script.connect();
        thread::scope(|scope| {
            let leader = scope.spawn(|| client.ping());
            let leading = script.take_requests(1).remove(0);
            script.wait_for(|calls| calls.receives == 1);

            script.change(|state| state.returns = 1);
            let writer = scope.spawn(|| client.ping());
            let written = script.take_requests(1).remove(0);
            let others: Vec<_> = (0..2).map(|_| scope.spawn(|| client.ping())).collect();
            while client.in_flight() < 4 {
                thread::yield_now();
            }
            // Until they sleep.
            thread::sleep(Duration::from_millis(100));
            // Its answer is read before its write returns; the next write does not return.
            script.give(&ok(written.sync));
            script.wait_for(|calls| calls.receives == 2);
            script.change(|state| state.returns = 2);
            writer.join().unwrap().unwrap();

            script.change(|state| state.returns = usize::MAX);
            for request in script.take_requests(2) {
                script.give(&ok(request.sync));
            }
            script.give(&ok(leading.sync));
            for other in others.into_iter().chain([leader]) {
                other.join().unwrap().unwrap();
            }
        });
        script.end();
    });
}

/// Who reads cannot write: with nobody else there, what it queued is written by whoever leaves.
#[test]
fn a_writer_writes_what_the_leader_queued_before_it_leaves() {
    bounded(|| {
        let script = Script::silent();
        let client = script.connect();
        script.change(|state| state.returns = 0);
        thread::scope(|scope| {
            let writer = scope.spawn(|| client.ping());
            let written = script.take_requests(1).remove(0);
            let leader = scope.spawn(|| client.ping());
            script.wait_for(|calls| calls.receives == 1);
            let started = Instant::now();
            script.give(&ok(written.sync));
            script.wait_for(|calls| calls.receives == 2);
            script.change(|state| state.returns = usize::MAX);
            writer.join().unwrap().unwrap();
            let queued = script.take_requests(1).remove(0);
            assert!(started.elapsed() < TICK / 2, "{:?}", started.elapsed());
            script.give(&ok(queued.sync));
            leader.join().unwrap().unwrap();
        });
        script.end();
    });
}

/// Whoever writes for others too must not miss that its own answer was read by the leader.
#[test]
fn a_stuck_writer_takes_its_answer_from_the_leader() {
    bounded(|| {
        let script = Script::silent();
        let client = script.connect();
        thread::scope(|scope| {
            let leader = scope.spawn(|| client.ping());
            let leading = script.take_requests(1).remove(0);
            script.wait_for(|calls| calls.receives >= 1);

            let small = client.submit(Ping);
            let large = client.submit(Call::new("f").arguments("x".repeat(1_000)));
            script.change(|state| state.room = 100);
            let writer = scope.spawn(move || small.wait());
            let answered = script.take_requests(1).remove(0);
            script.wait_for(|calls| calls.waits >= 1);
            script.give(&ok(answered.sync));
            writer.join().unwrap().unwrap();

            // The leader goes on with what the writer left.
            script.change(|state| state.room = usize::MAX);
            let left = script.take_requests(1).remove(0);
            script.give(&ok(left.sync));
            script.give(&ok(leading.sync));
            leader.join().unwrap().unwrap();
            large.wait().unwrap();
        });
    });
}

/// One who reads would not notice that the server takes the rest.
#[test]
fn a_large_request_is_submitted_whole_while_another_thread_reads() {
    bounded(|| {
        let script = Script::silent();
        let client = script.connect();
        thread::scope(|scope| {
            let reading = scope.spawn(|| client.ping());
            let ping = script.take_requests(1).remove(0);
            script.wait_for(|calls| calls.receives >= 1);
            script.change(|state| state.room = 10_000);
            let taking = scope.spawn(|| {
                for _ in 0..20 {
                    thread::sleep(Duration::from_millis(2));
                    script.change(|state| state.room += 10_000);
                }
            });
            let large = client.submit(Call::new("f").arguments("x".repeat(100_000)));
            let request = script.take_requests(1).remove(0);
            taking.join().unwrap();

            // A server that takes nothing holds up who submits for a moment, once.
            script.change(|state| state.room = 0);
            let text = "x".repeat(70_000);
            let started = Instant::now();
            let others: Vec<_> =
                (0..50).map(|_| client.submit(Call::new("f").arguments(&text))).collect();
            let took = started.elapsed();
            assert!(took < Duration::from_millis(250), "{took:?}");
            script.change(|state| state.room = usize::MAX);
            script.give(&ok(ping.sync));
            script.give(&ok(request.sync));
            reading.join().unwrap().unwrap();
            large.wait().unwrap();
            drop(others);
        });
        script.end();
    });
}
