//! Threads that share a socket which takes a few bytes at a time: who writes for all.

use loom::thread;
use tarantool_proto::Batching;

use super::check;
use super::script::{Manner, Reads, SILENCE, Script};
use crate::request::Call;

/// In the middle of the second request. Reads return after a while: a thread that has begun one is
/// perhaps the only one left to write its own request.
const SLOW: Manner = Manner { reads: Reads::All, write_max: Some(40), ticks: true };

#[test]
fn whoever_writes_takes_the_others_along() {
    check(5, || {
        let client = Script::new(SLOW).connect_blocking(|config| config);
        let other = client.clone();
        let other = thread::spawn(move || other.call::<u64>("f", 1).unwrap());
        assert_eq!(client.call::<u64>("f", 2).unwrap(), 2);
        assert_eq!(other.join().unwrap(), 1);
    });
}

/// Who submits does not wait for the socket: the rest of its write is for whoever waits.
#[test]
fn what_is_left_of_a_write_is_written_by_whoever_waits() {
    check(6, || {
        let client = Script::new(SLOW).connect_blocking(|config| config);
        let other = client.clone();
        let submitting = thread::spawn(move || other.submit(Call::new("f").arguments(1)));
        assert_eq!(client.call::<u64>("f", 2).unwrap(), 2);
        let submitted = submitting.join().unwrap();
        assert_eq!(submitted.wait().unwrap().returned::<u64>().unwrap(), 1);
    });
}

/// One reads, for good, and one leaves a write half-done: the third must complete it.
#[test]
fn a_follower_completes_what_another_left() {
    check(3, || {
        let script = Script::new(Manner { ticks: false, ..SLOW });
        // Whoever submits writes at once.
        let client =
            script.connect_blocking(|config| config.batching(Batching::immediate().up_to(1)));
        let [reading, following] = [SILENCE, 1].map(|number| {
            let client = client.clone();
            move || client.call::<u64>("f", number)
        });
        let reading = thread::spawn(reading);
        script.wait_for_reader();
        let following = thread::spawn(following);
        let submitted = client.submit(Call::new("f").arguments(2));
        assert_eq!(following.join().unwrap().unwrap(), 1);
        drop(submitted);
        script.end();
        assert!(reading.join().unwrap().is_err());
    });
}

#[test]
fn one_flush_writes_what_two_submitted() {
    check(4, || {
        let client = Script::new(SLOW).connect_blocking(|config| config);
        let other = client.clone();
        let submitting = thread::spawn(move || {
            let submitted = other.submit(Call::new("f").arguments(1));
            other.flush();
            submitted
        });
        let mine = client.submit(Call::new("f").arguments(2));
        client.flush();
        let submitted = submitting.join().unwrap();
        assert_eq!(mine.wait().unwrap().returned::<u64>().unwrap(), 2);
        assert_eq!(submitted.wait().unwrap().returned::<u64>().unwrap(), 1);
    });
}

/// Whoever yields before it writes may find that another has written: what is queued leaves once, by
/// one of them.
#[test]
fn who_yields_leaves_nothing_behind() {
    check(2, || {
        let client = Script::new(Manner::default()).connect_blocking(|config| config);
        let calls = [[1, 2], [3, 4]].map(|numbers| {
            let client = client.clone();
            let call = move |number| assert_eq!(client.call::<u64>("f", number).unwrap(), number);
            thread::spawn(move || numbers.map(call))
        });
        assert_eq!(client.call::<u64>("f", 5).unwrap(), 5);
        calls.map(|call| call.join().unwrap());
        assert_eq!(client.in_flight(), 0);
    });
}
