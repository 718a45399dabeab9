//! Several addresses: which one errors name.

use std::pin::pin;
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};

use crate::link::*;

#[test]
fn errors_name_the_address_that_they_are_about() {
    let config = config("dead").or_address(address("alive"));
    let mut link = Link::all(&config.request_timeout(Duration::from_millis(5))).remove(0);
    let (attempt, _) = link.asked();
    link.driver.handle_connect_failed(attempt, &"refused");
    let (attempt, address) = link.asked();
    assert_eq!(address.to_string(), "alive:1");
    assert!(link.driver.handle_connected(attempt));
    let handshake = link.greet();
    link.accept(&handshake);
    let mut call = pin!(link.client.call::<()>("a", ()));
    let _ = link.write();
    thread::sleep(Duration::from_millis(10));
    link.driver.handle_timeout(Instant::now());
    let Poll::Ready(Err(error)) = poll(call.as_mut()) else { panic!() };
    let text = format!("{error:#?} {error}");
    assert!(!text.contains("dead"), "{text}");
}

/// The end of the present connection names the present connection.
#[test]
fn the_end_has_its_own_cause() {
    let mut link = Link::all(&config("dead").or_address(address("alive"))).remove(0);
    for round in 0..2 {
        link.connect();
        let handshake = link.greet();
        link.accept(&handshake);
        if round == 0 {
            link.driver.handle_failure(&"EARLIER");
        }
    }
    let mut call = pin!(link.client.call::<()>("a", ()));
    assert_eq!(link.write().len(), 1);
    let Link { client, driver, .. } = link;
    drop(driver);
    let Poll::Ready(Err(error)) = poll(call.as_mut()) else { panic!() };
    let text = format!("{error} / {}", client.failure().unwrap());
    assert!(!text.contains("EARLIER") && !text.contains("dead:1"), "{text}");
}
