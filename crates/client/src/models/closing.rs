//! The last handles go while others wait.

use loom::thread;

use super::script::{Manner, SILENCE, Script};
use super::{block_on, check};
use crate::Status;
use crate::config::Config;

/// There is nothing left to wait for then, which the driver must see.
#[test]
fn the_last_wait_that_is_given_up_ends_a_closing_client() {
    check(3, || {
        let (client, driving) = Script::new(Manner::default()).connect(|config| config);
        let driver = thread::spawn(move || block_on(driving));
        let pending = client.call::<u64>("f", SILENCE);
        let dropping = thread::spawn(move || drop(pending));
        drop(client);
        dropping.join().unwrap();
        driver.join().unwrap().unwrap();
    });
}

#[test]
fn a_closed_client_still_gets_its_reply() {
    check(3, || {
        let (client, driving) = Script::new(Manner::default()).connect(|config| config);
        let driver = thread::spawn(move || block_on(driving));
        let pending = client.call::<u64>("f", 1);
        let closing = thread::spawn(move || client.close());
        assert_eq!(block_on(pending).unwrap(), 1);
        closing.join().unwrap();
        driver.join().unwrap().unwrap();
    });
}

#[test]
fn whoever_waits_until_it_is_ready_is_told_of_the_end() {
    check(3, || {
        let (client, driving) = Script::new(Manner::default()).connect(|config| config);
        let driver = thread::spawn(move || block_on(driving));
        let seen = client.status();
        let other = client.clone();
        let waiting = thread::spawn(move || block_on(other.status_changed(&seen)));
        client.close();
        assert_eq!(waiting.join().unwrap(), Status::Closed);
        driver.join().unwrap().unwrap();
    });
}

#[test]
fn whoever_waits_for_the_end_is_told_of_it() {
    check(3, || {
        let (client, driving) = Script::new(Manner::default()).connect(|config| config);
        let driver = thread::spawn(move || block_on(driving));
        let other = client.clone();
        let waiting = thread::spawn(move || block_on(other.closed()));
        client.close();
        waiting.join().unwrap();
        driver.join().unwrap().unwrap();
    });
}

fn closed_by_another_thread(configure: fn(Config) -> Config) {
    check(3, move || {
        let script = Script::new(Manner { ticks: true, ..Manner::default() });
        let client = script.connect_blocking(configure);
        let other = client.clone();
        let closing = thread::spawn(move || other.close());
        client.closed();
        assert_eq!(client.status(), Status::Closed);
        closing.join().unwrap();
    });
}

#[test]
fn a_thread_that_waits_for_the_end_sees_another_close() {
    closed_by_another_thread(|config| config);
}

#[test]
fn a_thread_that_opens_a_connection_sees_another_close() {
    closed_by_another_thread(|config| config.lazy(true));
}
