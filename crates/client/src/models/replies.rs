//! Tasks that queue requests, wait, and give up, while a driver takes replies and wakes them.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use loom::thread;

use super::script::{Manner, Reads, SILENCE, Script};
use super::{block_on, check};
use crate::client::Client;
use crate::error::Error;

fn call(client: &Client, number: u64) -> Result<u64, Error> {
    block_on(client.call("f", number))
}

#[test]
fn each_task_is_woken_for_its_own_reply() {
    check(3, || {
        let script = Script::new(Manner { reads: Reads::Newest, ..Manner::default() });
        let (client, driving) = script.connect(|config| config);
        let driver = thread::spawn(move || block_on(driving));
        let other = client.clone();
        let other = thread::spawn(move || call(&other, 1).unwrap());
        assert_eq!(call(&client, 2).unwrap(), 2);
        assert_eq!(other.join().unwrap(), 1);
        drop(client);
        driver.join().unwrap().unwrap();
    });
}

/// The reply comes before, between and after the polls; the last one's task is woken.
#[test]
fn the_task_that_polled_last_is_woken() {
    check(5, || {
        let (client, driving) = Script::new(Manner::default()).connect(|config| config);
        let driver = thread::spawn(move || block_on(driving));
        let mut pending = client.call::<u64>("f", 1);
        let result = match Pin::new(&mut pending).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(result) => result,
            Poll::Pending => block_on(pending),
        };
        assert_eq!(result.unwrap(), 1);
        drop(client);
        driver.join().unwrap().unwrap();
    });
}

#[test]
fn a_dropped_request_leaves_the_others_their_replies() {
    check(3, || {
        let (client, driving) = Script::new(Manner::default()).connect(|config| config);
        let driver = thread::spawn(move || block_on(driving));
        let other = client.clone();
        let other = thread::spawn(move || {
            let mut dropped = other.call::<u64>("f", 1);
            let _ = Pin::new(&mut dropped).poll(&mut Context::from_waker(Waker::noop()));
            drop(dropped);
            // In the slot of the dropped one, if that is free by then.
            call(&other, 3).unwrap()
        });
        assert_eq!(call(&client, 2).unwrap(), 2);
        assert_eq!(other.join().unwrap(), 3);
        assert_eq!(client.in_flight(), 0);
        drop(client);
        driver.join().unwrap().unwrap();
    });
}

#[test]
fn a_dropped_driver_wakes_all_with_an_error() {
    check(4, || {
        let (client, driving) = Script::new(Manner::default()).connect(|config| config);
        let others = [1, SILENCE].map(|number| {
            let client = client.clone();
            thread::spawn(move || call(&client, number))
        });
        drop(driving);
        for other in others {
            assert!(other.join().unwrap().is_err());
        }
        assert!(client.failure().is_some());
    });
}

#[test]
fn the_end_of_the_stream_wakes_all() {
    check(3, || {
        let script = Script::new(Manner::default());
        let (client, driving) = script.connect(|config| config);
        let driver = thread::spawn(move || block_on(driving));
        let other = client.clone();
        let other = thread::spawn(move || call(&other, SILENCE));
        script.end();
        // Perhaps it was read, and answered, before.
        let _ = call(&client, 1);
        assert!(other.join().unwrap().is_err());
        assert!(driver.join().unwrap().is_err());
    });
}
