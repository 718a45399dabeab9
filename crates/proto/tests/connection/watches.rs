//! Watched keys: what is sent, what is kept, and events that nobody asked for.

use rmpv::Value;
use tarantool_proto::request::{Unwatch, Watch, WatchOnce};
use tarantool_proto::{Capability, Config, Event, SendError, Unanswered, WatchError, WatchId};

use crate::peer::*;

const UNWATCH: u64 = 75;

/// The sync id of the one request that is written: a WATCH of this key.
fn watch_sync(link: &mut Link, key: &str) -> u64 {
    let [watch] = &link.write()[..] else { panic!("not one request") };
    assert_eq!((watch.kind, watch.field(KEY)), (WATCH, Some(&key.into())));
    watch.sync
}

fn value(link: &Link, id: WatchId) -> Option<u64> {
    link.conn.changed(id, 0).map(|change| change.decode().unwrap())
}

#[test]
fn each_event_is_acknowledged_and_the_newest_value_kept() {
    let mut link = Link::ready();
    let id = link.conn.watch("k").unwrap();
    assert_eq!((link.conn.in_flight(), link.conn.changed(id, 0)), (0, None));
    let sync = watch_sync(&mut link, "k");
    for number in 1..=3_u64 {
        assert_eq!(link.feed(&event(sync, "k", number * 10)), [Event::Changed(id)]);
        assert_eq!(link.conn.changed(id, 0).map(|value| value.number()), Some(number));
        assert_eq!(value(&link, id), Some(number * 10));
        assert_eq!(watch_sync(&mut link, "k"), sync);
    }
    assert_eq!((link.conn.stats().unsolicited, link.conn.stats().requests), (0, 0));
}

#[test]
fn a_key_without_a_value_is_told_too() {
    let mut link = Link::ready();
    let id = link.conn.watch("k").unwrap();
    let sync = watch_sync(&mut link, "k");
    assert_eq!(link.feed(&event_of(sync, &map(&[(KEY, "k".into())]))), [Event::Changed(id)]);
    let change = link.conn.changed(id, 0).unwrap();
    assert_eq!((change.raw(), change.decode::<Option<u64>>()), (None, Ok(None)));
    assert!(change.decode::<u64>().is_err());
    // A value of nil is a value.
    link.feed(&event(sync, "k", Value::Nil));
    assert_eq!(link.conn.changed(id, 0).unwrap().raw(), Some(&[0xc0][..]));
}

#[test]
fn owners_of_a_key_share_one_watch() {
    let mut link = Link::ready();
    let id = link.conn.watch("k").unwrap();
    let sync = watch_sync(&mut link, "k");
    link.feed(&event(sync, "k", 7));
    link.write();
    assert_eq!(link.conn.watch("k"), Ok(id));
    assert_eq!((link.write(), value(&link, id)), (vec![], Some(7)));
    link.conn.unwatch(id);
    assert_eq!(link.write(), []);
    link.conn.unwatch(id);
    let sent = link.write();
    assert_eq!((sent.len(), sent[0].kind, sent[0].field(KEY)), (1, UNWATCH, Some(&"k".into())));
    assert_eq!(link.conn.changed(id, 0), None);
    link.conn.unwatch(id);
    assert_eq!(link.write(), []);

    let again = link.conn.watch("k").unwrap();
    assert_ne!(again, id);
    assert_ne!(watch_sync(&mut link, "k"), sync);
}

#[test]
fn keys_are_watched_once_the_server_is_known() {
    let mut link = Link::new(Config::default());
    let id = link.conn.watch("k").unwrap();
    let gone = link.conn.watch("gone").unwrap();
    link.conn.unwatch(gone);
    link.feed(GREETING_3_7);
    assert!(link.write().iter().all(|sent| sent.kind == ID));
    assert_eq!(link.feed(&id_reply(GREETING_3_7)), [Event::Ready]);
    let sync = watch_sync(&mut link, "k");
    assert_eq!(link.feed(&event(sync, "k", 1)), [Event::Changed(id)]);
}

#[test]
fn a_server_without_watched_keys_is_sent_nothing() {
    let lacks = |link: &mut Link, id| {
        assert_eq!(link.write(), []);
        let Some(WatchError::Unsupported(what)) = link.conn.watch_error(id) else { panic!() };
        assert_eq!(what.capability(), Capability::Watchers);
    };
    let mut link = Link::ready_with(GREETING_2_6, Config::default());
    let id = link.conn.watch("k").unwrap();
    assert_eq!(link.events(), [Event::Changed(id)]);
    lacks(&mut link, id);
    link.conn.unwatch(id);
    assert_eq!(link.write(), []);

    let mut link = Link::new(Config::default());
    let id = link.conn.watch("k").unwrap();
    link.feed(GREETING_2_6);
    link.write();
    assert_eq!(link.feed(&id_reply(GREETING_2_6)), [Event::Ready, Event::Changed(id)]);
    lacks(&mut link, id);

    let once = link.send(&WatchOnce::new("k"));
    assert_eq!((link.write(), link.events()), (vec![], vec![Event::Answered(once)]));
    let answer = link.conn.take(once);
    assert!(matches!(answer, Some(Err(Unanswered::Unsupported(what)))
        if what.capability() == Capability::WatchOnce));
}

#[test]
fn what_has_no_reply_is_no_request() {
    let mut link = Link::ready();
    for mut frame in [frame(&Watch::new("k")), frame(&Unwatch::new("k"))] {
        assert_eq!(link.conn.send(&mut frame, None), Err(SendError::NoReply));
        assert_eq!(link.conn.try_send(&mut frame, None), Err(SendError::NoReply));
    }
    assert_eq!((link.write(), link.conn.in_flight()), (vec![], 0));
}

#[test]
fn a_refused_key_says_why() {
    let mut link = Link::ready();
    let id = link.conn.watch("k").unwrap();
    let sync = watch_sync(&mut link, "k");
    assert_eq!(link.feed(&error(sync, 5, "too many keys")), [Event::Changed(id)]);
    let Some(WatchError::Server(error_of)) = link.conn.watch_error(id) else { panic!() };
    assert_eq!(error_of.message(), "too many keys");
    link.conn.unwatch(id);
    // Late, or a success that nobody waits for: no harm.
    let other = link.conn.watch("other").unwrap();
    let syncs: Vec<u64> = link.write().iter().map(|sent| sent.sync).collect();
    assert_eq!(link.feed(&[error(sync, 5, "late"), ok(syncs[1])].concat()), []);
    assert_eq!(link.conn.watch_error(other), None);
    assert_eq!((link.conn.stats().late_replies, link.conn.stats().unsolicited), (1, 1));
}

#[test]
fn events_that_nobody_asked_for_do_no_harm() {
    let mut link = Link::ready();
    let id = link.conn.watch("k").unwrap();
    let sync = watch_sync(&mut link, "k");
    let strays = [
        event(sync, "another", 1),
        event(0, "", 1),
        event_of(sync, &[]),
        event_of(sync, &[0xc0]),
        event_of(sync, &[0x81, KEY as u8, 0x01]),
        event_of(sync, &[0x81, KEY as u8, 0xdb, 0xff, 0xff, 0xff, 0xff]),
        event_of(sync, &[0x82, KEY as u8, 0xa1, b'k', VALUE as u8]),
        event_of(sync, &[0x82, KEY as u8, 0xa1, b'k', VALUE as u8, 0xdd, 0xff, 0xff, 0xff, 0xff]),
        event_of(sync, &map(&[(VALUE, 1.into())])),
    ];
    assert_eq!(link.feed(&strays.concat()), []);
    assert_eq!(link.conn.stats().unsolicited, strays.len() as u64);
    assert_eq!((link.write(), link.conn.changed(id, 0)), (vec![], None));
}

/// A server that does not wait to be asked makes neither the output nor the memory grow.
#[test]
fn a_flood_of_events_is_acknowledged_once() {
    let mut link = Link::ready();
    let id = link.conn.watch("k").unwrap();
    let sync = watch_sync(&mut link, "k");
    for number in 1..10_000_u64 {
        link.feed(&event(sync, "k", number));
    }
    assert_eq!(value(&link, id), Some(9_999));
    assert!(link.conn.queued_bytes() < 64, "{} bytes", link.conn.queued_bytes());
    assert_eq!(watch_sync(&mut link, "k"), sync);
}

#[test]
fn watching_has_the_limits_of_requests() {
    let mut config = Config::default();
    config.queued_bytes_max = 100;
    config.packet_bytes_max = 1000;
    let mut link = Link::ready_with(GREETING_3_7, config);
    assert!(matches!(link.conn.watch(&"k".repeat(1000)), Err(SendError::TooLarge { .. })));
    for _ in 0..2 {
        let refused = (0..100).map(|number| link.conn.watch(&format!("key {number}")));
        assert!(refused.into_iter().any(|watch| watch == Err(SendError::Saturated)));
        assert!(link.conn.queued_bytes() < 200);
        link.write();
    }
    link.conn.close();
    assert_eq!(link.conn.watch("k"), Err(SendError::Closed));
}

#[test]
fn a_connection_that_closes_acknowledges_nothing_and_is_drained() {
    let mut link = Link::ready();
    let id = link.conn.watch("k").unwrap();
    let sync = watch_sync(&mut link, "k");
    link.conn.close();
    assert_eq!(link.feed(&event(sync, "k", 1)), [Event::Changed(id)]);
    assert!(link.conn.is_drained());
}

#[test]
fn the_newest_value_outlives_the_connection() {
    let mut link = Link::ready();
    let id = link.conn.watch("k").unwrap();
    let sync = watch_sync(&mut link, "k");
    link.feed(&event(sync, "k", 5));
    link.conn.handle_eof();
    assert_eq!(value(&link, id), Some(5));
    link.conn.unwatch(id);
    assert_eq!(link.conn.changed(id, 0), None);
}

/// A small one would keep the whole buffer that it was read into.
#[test]
fn small_values_are_copied_and_large_ones_share_what_was_read() {
    // With the 3 bytes before the binary data: 16 KiB is large.
    for (bytes, is_shared) in [(1, false), (16_380, false), (16_381, true), (50_000, true)] {
        let mut link = Link::ready();
        let id = link.conn.watch("k").unwrap();
        let sync = watch_sync(&mut link, "k");
        link.input.extend_from_slice(&event(sync, "k", Value::Binary(vec![7; bytes])));
        let read = link.input.as_ptr_range();
        assert_eq!(link.events(), [Event::Changed(id)]);
        let value = link.conn.changed(id, 0).unwrap();
        assert_eq!(read.contains(&value.raw().unwrap().as_ptr()), is_shared, "{bytes}");
    }
}
