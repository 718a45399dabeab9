//! Threads that share a socket: who reads for all, and who does next.

use std::time::Duration;

use loom::thread;

use super::check;
use super::script::{Manner, Reads, SILENCE, Script};
use crate::blocking::Blocking;
use crate::client::Client;
use crate::error::Error;

fn call(client: &Client<Blocking>, number: u64) -> Result<u64, Error> {
    client.call("f", number)
}

/// A call with that number on a thread of its own.
fn calling(client: &Client<Blocking>, number: u64) -> thread::JoinHandle<Result<u64, Error>> {
    let client = client.clone();
    thread::spawn(move || call(&client, number))
}

/// The leader reads for the other one, if that is answered first, and leaves with its own answer.
fn two_threads(reads: Reads) {
    check(6, move || {
        let script = Script::new(Manner { reads, ..Manner::default() });
        let client = script.connect_blocking(|config| config);
        let other = calling(&client, 1);
        assert_eq!(call(&client, 2).unwrap(), 2);
        assert_eq!(other.join().unwrap().unwrap(), 1);
    });
}

#[test]
fn a_leader_with_its_answer_passes_the_lead_on() {
    two_threads(Reads::Oldest);
}

#[test]
fn a_leader_reads_for_a_follower() {
    two_threads(Reads::Newest);
}

#[test]
fn one_read_wakes_the_follower_too() {
    two_threads(Reads::All);
}

fn three_threads(reads: Reads) {
    check(3, move || {
        let script = Script::new(Manner { reads, ..Manner::default() });
        let client = script.connect_blocking(|config| config);
        let others = [1, 2].map(|number| (number, calling(&client, number)));
        assert_eq!(call(&client, 3).unwrap(), 3);
        for (number, other) in others {
            assert_eq!(other.join().unwrap().unwrap(), number);
        }
    });
}

#[test]
fn three_threads_get_their_own_answers_in_order() {
    three_threads(Reads::Oldest);
}

#[test]
fn three_threads_get_their_own_answers_in_reverse() {
    three_threads(Reads::Newest);
}

#[test]
fn three_threads_wake_each_other() {
    three_threads(Reads::All);
}

/// It waits in vain, as the leader or led by the other one, who must not wait for it.
#[test]
fn a_thread_leaves_at_its_deadline_and_passes_the_lead_on() {
    check(6, || {
        let script = Script::new(Manner::default());
        let client = script.connect_blocking(|config| config);
        let hurried = client.with_timeout(Duration::from_millis(5));
        let hurried = thread::spawn(move || call(&hurried, SILENCE));
        assert_eq!(call(&client, 2).unwrap(), 2);
        let error = hurried.join().unwrap().unwrap_err();
        assert!(error.is_timeout(), "{error}");
        script.end();
    });
}

/// Two deadlines, and two who wait without: nobody is left behind by whoever leaves.
#[test]
fn deadlines_of_two_leave_a_third_its_answer() {
    check(3, || {
        let script = Script::new(Manner::default());
        let client = script.connect_blocking(|config| config);
        let hurried = [2, 5].map(|millis| {
            let client = client.with_timeout(Duration::from_millis(millis));
            thread::spawn(move || call(&client, SILENCE))
        });
        assert_eq!(call(&client, 3).unwrap(), 3);
        for hurried in hurried {
            assert!(hurried.join().unwrap().unwrap_err().is_timeout());
        }
        script.end();
    });
}

#[test]
fn the_end_of_the_stream_is_told_to_followers() {
    check(4, || {
        let script = Script::new(Manner::default());
        let client = script.connect_blocking(|config| config);
        let others = [SILENCE, SILENCE].map(|number| calling(&client, number));
        script.end();
        for other in others {
            assert!(other.join().unwrap().is_err());
        }
    });
}

/// One of them opens the socket, which both need.
#[test]
fn one_of_two_opens_the_socket() {
    check(5, || {
        let client = Script::new(Manner::default()).connect_blocking(|config| config.lazy(true));
        let other = calling(&client, 1);
        assert_eq!(call(&client, 2).unwrap(), 2);
        assert_eq!(other.join().unwrap().unwrap(), 1);
    });
}
