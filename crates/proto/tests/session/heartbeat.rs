//! Whether silence is noticed, and only silence.

use std::time::Duration;

use bytes::BytesMut;
use tarantool_proto::session::{SessionConfig, Status};
use tarantool_proto::{ConnectionError, ProtocolError};

use crate::link::{Link, addresses};
use crate::peer::*;

const HEARTBEAT_SYNC: u64 = 0xffff_ff05;

fn ready() -> Link {
    let mut config = SessionConfig::default();
    let heartbeat = config.heartbeat.as_mut().unwrap();
    heartbeat.after = Duration::from_millis(1000);
    heartbeat.timeout = Duration::from_millis(300);
    Link::ready(config)
}

fn is_ping(sent: &[Sent]) -> bool {
    matches!(sent, [sent] if (sent.kind, sent.sync) == (PING, HEARTBEAT_SYNC))
}

#[test]
fn silence_is_asked_about_and_no_answer_is_the_end() {
    let mut link = ready();
    let call = link.call(1);
    link.write();
    link.advance(999);
    assert_eq!(link.write(), []);
    assert_eq!(link.session.poll_timeout(), Some(link.at(1000)));
    link.advance(1);
    assert!(is_ping(&link.write()));
    link.advance(299);
    assert_eq!(link.write(), []);
    assert!(matches!(link.session.status(), Status::Ready { .. }));
    link.advance(1);
    let timeout = Duration::from_millis(300);
    assert_eq!(link.session.last_loss(), Some(&ConnectionError::Unresponsive { timeout }));
    assert!(link.fate(call).is_some());
    link.connect(GREETING_3_7);
    link.advance(999);
    assert_eq!(link.write(), []);
}

#[test]
fn a_long_call_lives_on_pings() {
    let mut link = ready();
    let call = link.call(1);
    link.write();
    for _ in 0..20 {
        while !is_ping(&link.write()) {
            link.wait();
        }
        link.advance(200);
        assert_eq!(link.feed(&ok(HEARTBEAT_SYNC)), []);
        link.advance(100);
    }
    assert!(matches!(link.session.status(), Status::Ready { .. }));
    link.feed(&ok(call.sync()));
    assert!(link.session.take(call).unwrap().is_ok());
}

/// However long the answer could have taken.
#[test]
fn silence_after_an_answer_is_asked_about_in_time() {
    let mut config = SessionConfig::default();
    let heartbeat = config.heartbeat.as_mut().unwrap();
    heartbeat.after = Duration::from_millis(100);
    heartbeat.timeout = Duration::from_millis(5000);
    let mut link = Link::ready(config);
    let mut heard_at = 0;
    for _ in 0..5 {
        while !is_ping(&link.write()) {
            link.wait();
        }
        assert!((100..=200).contains(&(link.now - heard_at)), "{} ms", link.now - heard_at);
        link.advance(10);
        assert_eq!(link.feed(&ok(HEARTBEAT_SYNC)), []);
        heard_at = link.now;
    }
}

#[test]
fn parts_of_a_packet_are_signs_of_life() {
    let mut link = ready();
    let call = link.call(1);
    link.write();
    let reply = ok_with(call.sync(), vec!["x".repeat(30).into()]);
    for byte in &reply[..reply.len() - 1] {
        link.advance(900);
        assert_eq!(link.feed(&[*byte]), []);
        assert_eq!(link.write(), []);
    }
    assert_eq!(link.feed(&reply[reply.len() - 1..]).len(), 1);
}

#[test]
fn an_answer_that_nobody_asked_for_breaks_the_protocol() {
    let mut link = ready();
    link.feed(&ok(HEARTBEAT_SYNC));
    assert!(matches!(link.session.last_loss(), Some(ConnectionError::Protocol(_))));
}

#[test]
fn each_ping_has_one_answer() {
    let mut link = ready();
    for _ in 0..3 {
        while !is_ping(&link.write()) {
            link.wait();
        }
        assert_eq!(link.feed(&ok(HEARTBEAT_SYNC)), []);
        assert_eq!(link.session.last_loss(), None);
    }
    link.feed(&ok(HEARTBEAT_SYNC));
    let error = ProtocolError::UnknownSync { sync: HEARTBEAT_SYNC };
    assert_eq!(link.session.last_loss(), Some(&ConnectionError::Protocol(error)));
}

#[test]
fn no_heartbeat_if_not_wanted() {
    let mut config = SessionConfig::default();
    config.heartbeat = None;
    let mut link = Link::ready(config);
    assert_eq!(link.session.poll_timeout(), None);
    link.advance(1_000_000);
    assert_eq!(link.write(), []);
}

/// Drivers look for events without new input, too.
#[test]
fn half_a_packet_is_a_sign_of_life_once() {
    let mut link = Link::ready(addresses(1));
    let id = link.call(1);
    link.write();
    let reply = ok(id.sync());
    link.feed(&reply[..10]);
    for _ in 0..80 {
        link.advance(500);
        if link.session.last_loss().is_some() {
            break;
        }
        let _ = link.session.poll_event(&mut BytesMut::new());
        link.write();
    }
    assert!(matches!(link.session.last_loss(), Some(ConnectionError::Unresponsive { .. })));
}
