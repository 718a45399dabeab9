//! One place for requests under way, and more who want it.

use loom::thread;

use super::script::{Manner, SILENCE, Script};
use super::{block_on, check};
use crate::config::Config;

fn one_place(config: Config) -> Config {
    config.in_flight_max(1)
}

#[test]
fn tasks_take_turns_at_one_place() {
    check(3, || {
        let (client, driving) = Script::new(Manner::default()).connect(one_place);
        let driver = thread::spawn(move || block_on(driving));
        let other = client.clone();
        let other = thread::spawn(move || block_on(other.call::<u64>("f", 1)).unwrap());
        assert_eq!(block_on(client.call::<u64>("f", 2)).unwrap(), 2);
        assert_eq!(other.join().unwrap(), 1);
        drop(client);
        driver.join().unwrap().unwrap();
    });
}

/// It has the place for good otherwise: there is no reply to it.
#[test]
fn a_dropped_request_gives_its_place_to_a_task_that_waits() {
    check(3, || {
        let (client, driving) = Script::new(Manner::default()).connect(one_place);
        let driver = thread::spawn(move || block_on(driving));
        let other = client.clone();
        let other = thread::spawn(move || drop(other.call::<u64>("f", SILENCE)));
        assert_eq!(block_on(client.call::<u64>("f", 2)).unwrap(), 2);
        other.join().unwrap();
        drop(client);
        driver.join().unwrap().unwrap();
    });
}

/// The one that is dropped waits for the place, or has it, or has had it.
#[test]
fn a_request_dropped_in_the_line_lets_the_next_one_pass() {
    check(2, || {
        let (client, driving) = Script::new(Manner::default()).connect(one_place);
        let driver = thread::spawn(move || block_on(driving));
        let first = client.call::<u64>("f", 1);
        let dropped = client.call::<u64>("f", SILENCE);
        let third = client.call::<u64>("f", 3);
        let dropping = thread::spawn(move || drop(dropped));
        let other = thread::spawn(move || block_on(third).unwrap());
        assert_eq!(block_on(first).unwrap(), 1);
        dropping.join().unwrap();
        assert_eq!(other.join().unwrap(), 3);
        drop(client);
        driver.join().unwrap().unwrap();
    });
}

#[test]
fn threads_take_turns_at_one_place() {
    check(6, || {
        let client = Script::new(Manner::default()).connect_blocking(one_place);
        let other = client.clone();
        let other = thread::spawn(move || other.call::<u64>("f", 1).unwrap());
        assert_eq!(client.call::<u64>("f", 2).unwrap(), 2);
        assert_eq!(other.join().unwrap(), 1);
    });
}

/// Whoever waits for the place reads meanwhile, and finds it free when the read returns.
#[test]
fn a_dropped_request_gives_its_place_to_a_thread_that_waits() {
    check(6, || {
        let script = Script::new(Manner { ticks: true, ..Manner::default() });
        let client = script.connect_blocking(one_place);
        let submitted = client.submit(crate::request::Call::new("f").arguments(SILENCE));
        let dropping = thread::spawn(move || drop(submitted));
        assert_eq!(client.call::<u64>("f", 2).unwrap(), 2);
        dropping.join().unwrap();
        script.end();
    });
}
