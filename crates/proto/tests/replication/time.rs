//! Heartbeats, silence, acknowledgements: what happens by time.

use std::time::Duration;

use tarantool_proto::replication::{Event, FollowConfig, FollowError};
use tarantool_proto::{ConnectionError, Stage};

use crate::peer::{
    GREETING_2_6, INSERT, Link, SUBSCRIBE, config, field, heartbeat, map, packet_of, row, row_of,
    tuple, written,
};

/// Silent after 1 s, acknowledging after 200 ms.
fn quick() -> FollowConfig {
    let mut config = config();
    config.heartbeat_timeout = Some(Duration::from_secs(1));
    config
}

#[test]
fn the_server_must_accept_in_time() {
    // Silence is another thing, of the time after.
    let mut link = Link::new(quick());
    assert_eq!(link.follower.poll_timeout(), Some(link.at(10_000)));
    link.time(9_999);
    assert_eq!(link.feed(GREETING_2_6), []);
    link.time(10_000);
    let end = link.events_to_end().1.unwrap();
    let late = ConnectionError::HandshakeTimedOut { stage: Stage::Login };
    assert_eq!(end, FollowError::Connection(late));
    assert_eq!(link.follower.poll_timeout(), None);
}

#[test]
fn silence_is_death() {
    let mut link = Link::subscribed(quick(), 10);
    link.time(100);
    // Half of a packet is no silence.
    link.feed(&heartbeat()[..3]);
    link.time(1_050);
    link.time(2_049);
    assert_eq!(link.events_to_end().1, None);
    link.time(2_050);
    assert_eq!(link.events_to_end().1, Some(FollowError::Silent { millis: 1000 }));
}

/// A driver that comes only when it must.
#[test]
fn silence_is_noticed_within_twice_the_timeout() {
    let mut link = Link::subscribed(quick(), 10);
    let mut now = 0;
    for _ in 0..5 {
        link.feed(&heartbeat());
        link.write();
        let due = link.follower.poll_timeout().unwrap();
        now = (due - link.at(0)).as_millis() as u64;
        link.time(now);
        assert_eq!(link.events_to_end().1, None);
    }
    let due = link.follower.poll_timeout().unwrap();
    assert_eq!(due, link.at(now + 1000));
    link.follower.handle_timeout(due);
    assert!(matches!(link.events_to_end().1, Some(FollowError::Silent { .. })));
}

#[test]
fn silence_may_be_allowed() {
    let mut config = quick();
    config.heartbeat_timeout = None;
    let mut link = Link::subscribed(config, 10);
    assert_eq!(link.follower.poll_timeout(), None);
    link.time(1_000_000_000);
    assert_eq!(link.events_to_end(), (vec![], None));
}

#[test]
fn a_heartbeat_is_answered_at_once_with_what_is_done() {
    let mut link = Link::subscribed(quick(), 10);
    assert_eq!(link.feed(&heartbeat()), [Event::Heartbeat]);
    assert_eq!(link.acknowledged(), ["{1: 10}"]);
    assert!(link.write().is_empty());
    // Many of them are one reply: its size has a limit.
    link.feed(&heartbeat().repeat(100));
    assert_eq!(link.acknowledged(), ["{1: 10}"]);
    assert_eq!(link.follower.stats().heartbeats, 101);
    assert_eq!(link.follower.stats().acknowledgements, 2);
}

#[test]
fn what_a_heartbeat_says_is_sent_back() {
    let mut link = Link::subscribed(quick(), 10);
    let header = [(0, 0.into()), (1, SUBSCRIBE.into())];
    link.feed(&packet_of(&header, Some(map(&[(0x5a, 77.into())]))));
    let sent = written(&link.write());
    let body = sent[0].2.as_ref().unwrap();
    assert_eq!(field(body, 0x5a), Some(&77.into()));
}

#[test]
fn only_what_was_taken_and_come_back_from_is_acknowledged() {
    let mut link = Link::subscribed(quick(), 10);
    let part = |lsn, tsn, more: &[(u64, u64)]| {
        let more = [&[(8, tsn)], more].concat();
        row_of(INSERT, 1, lsn, &more, Some(tuple(512, &[lsn])))
    };
    let bytes = [
        row(INSERT, 11, Some(tuple(512, &[11]))),
        heartbeat(),
        part(12, 0, &[]),
        part(13, 1, &[(9, 1)]),
    ];
    link.input.extend_from_slice(&bytes.concat());
    let mut poll = |millis: u64| {
        let event = link.follower.poll_event(&mut link.input).unwrap();
        let now = link.at(millis);
        link.follower.handle_timeout(now);
        (event.is_some(), link.acknowledged())
    };
    // The first row is being dealt with.
    assert_eq!(poll(200), (true, vec!["{1: 10}".to_owned()]));
    // The heartbeat: one has come back for more.
    assert_eq!(poll(210), (true, vec!["{1: 11}".to_owned()]));
    // In the middle of a transaction.
    assert_eq!(poll(500), (true, vec!["{1: 11}".to_owned()]));
    assert_eq!(poll(800), (true, vec!["{1: 11}".to_owned()]));
    // Nothing came since.
    assert_eq!(poll(900), (false, vec![]));
    assert_eq!(link.feed(&heartbeat()), [Event::Heartbeat]);
    assert_eq!(link.acknowledged(), ["{1: 13}"]);
}

#[test]
fn rows_without_a_pause_are_acknowledged_by_time() {
    let mut link = Link::subscribed(quick(), 10);
    link.time(1_000);
    link.feed(&row(INSERT, 11, Some(tuple(512, &[1]))));
    // Nothing was acknowledged for long: it is due.
    assert_eq!(link.follower.poll_timeout(), Some(link.at(200)));
    link.time(1_001);
    assert_eq!(link.acknowledged(), ["{1: 11}"]);
    let mut sent = 0;
    for lsn in 12..1_012 {
        link.feed(&row(INSERT, lsn, Some(tuple(512, &[1]))));
        link.time(1_001 + lsn - 11);
        sent += link.acknowledged().len();
    }
    assert_eq!(sent, 5, "a second, each 200 ms");
}
