//! Watched keys over many connections, among them the one that tells of a server's shutdown.

use tarantool_proto::session::{SessionEvent, Status};
use tarantool_proto::{SendError, WatchId};

use crate::link::{Link, addresses, refused};
use crate::peer::*;

/// The sync id of the WATCH of this key, which is the only request to be written.
fn watch_sync(link: &mut Link, key: &str) -> u64 {
    let [watch] = &link.write()[..] else { panic!("not one request") };
    assert_eq!((watch.kind, watch.field(KEY)), (WATCH, Some(&key.into())));
    watch.sync
}

fn value(link: &Link, id: WatchId, seen: u64) -> Option<(u64, u64, bool)> {
    let value = link.session.changed(id, seen)?;
    Some((value.number(), value.decode().unwrap(), value.after_gap()))
}

#[test]
fn keys_are_watched_again_and_a_gap_is_told() {
    let mut link = Link::ready(addresses(1));
    let id = link.session.watch("k").unwrap();
    let sync = watch_sync(&mut link, "k");
    assert_eq!(link.feed(&event(sync, "k", 10_u64)), [SessionEvent::Changed(id)]);
    assert_eq!(value(&link, id, 0), Some((1, 10, false)));

    link.session.handle_eof();
    link.events();
    assert_eq!(value(&link, id, 0), Some((1, 10, false)), "what is known stays known");
    link.connect(GREETING_3_7);
    let sync = watch_sync(&mut link, "k");
    assert_eq!(value(&link, id, 1), None);
    link.feed(&event(sync, "k", 20_u64));
    assert_eq!(value(&link, id, 1), Some((2, 20, true)));
    assert_eq!(value(&link, id, 0), Some((2, 20, false)), "who saw none missed none");
    link.feed(&event(sync, "k", 30_u64));
    assert_eq!(value(&link, id, 1), Some((3, 30, true)), "the gap is still before it");
    assert_eq!(value(&link, id, 2), Some((3, 30, false)));
}

/// It is one of a row without a hole, whenever it is looked at.
#[test]
fn a_value_from_before_the_loss_has_no_gap_before_it() {
    let mut link = Link::ready(addresses(1));
    let id = link.session.watch("k").unwrap();
    let sync = watch_sync(&mut link, "k");
    link.feed(&event(sync, "k", 10_u64));
    link.feed(&event(sync, "k", 20_u64));
    link.session.handle_eof();
    assert_eq!(value(&link, id, 1), Some((2, 20, false)));
    assert_eq!(value(&link, id, 2), None);
}

#[test]
fn a_key_can_be_watched_while_there_is_no_connection() {
    let mut link = Link::new(addresses(1));
    let id = link.session.watch("k").unwrap();
    link.fail_attempt();
    link.connect(GREETING_3_7);
    let sync = watch_sync(&mut link, "k");
    link.feed(&event(sync, "k", 10_u64));
    assert_eq!(value(&link, id, 0), Some((1, 10, false)));

    link.session.handle_eof();
    link.session.unwatch(id);
    link.connect(GREETING_3_7);
    assert_eq!(link.write(), []);
}

#[test]
fn a_server_that_cannot_is_followed_by_one_that_can() {
    let mut link = Link::new(addresses(1));
    let id = link.session.watch("k").unwrap();
    link.connect(GREETING_2_6);
    assert_eq!(link.write(), []);
    assert!(link.session.watch_error(id).is_some());
    link.session.handle_eof();
    link.connect(GREETING_3_7);
    assert!(link.session.watch_error(id).is_none());
    watch_sync(&mut link, "k");
}

#[test]
fn what_was_not_told_of_a_key_is_told_before_the_end() {
    let mut link = Link::new(addresses(1));
    link.connect(GREETING_2_6);
    let id = link.session.watch("k").unwrap();
    link.session.abort(refused());
    assert_eq!(link.events_to_end(), (vec![SessionEvent::Changed(id)], Some(refused())));
    assert!(link.session.watch_error(id).is_some());
}

#[test]
fn nothing_is_watched_once_it_is_over() {
    let mut link = Link::ready(addresses(1));
    link.session.close(None);
    assert_eq!(link.session.watch("k"), Err(SendError::Closed));
    link.session.abort(refused());
    assert_eq!(link.session.watch("k"), Err(SendError::Closed));
}

#[test]
fn a_server_that_announces_its_shutdown_is_left() {
    let mut link = Link::graceful(addresses(2), 1);
    link.connect(GREETING_3_7);
    let sync = watch_sync(&mut link, "box.shutdown");
    let id = link.session.watch("box.shutdown").unwrap();
    assert_eq!(link.write(), [], "it is watched already");
    link.feed(&event(sync, "box.shutdown", rmpv::Value::Nil));
    assert_eq!(watch_sync(&mut link, "box.shutdown"), sync);
    assert_eq!(link.session.status(), Status::Ready { address: 0 });
    let events = link.feed(&event(sync, "box.shutdown", true));
    assert_eq!(
        events[..],
        [SessionEvent::Changed(id), SessionEvent::Draining { address: 0, generation: 1 }]
    );
    assert_eq!(link.session.status(), Status::Draining { address: 0 });

    link.session.handle_eof();
    assert_eq!(link.connect(GREETING_3_7), (1, 2));
    watch_sync(&mut link, "box.shutdown");
    assert_eq!(link.session.status(), Status::Ready { address: 1 });
}

/// What is known of the key is from the server before.
#[test]
fn an_announced_shutdown_is_not_that_of_the_next_server() {
    for greeting in [GREETING_2_6, GREETING_3_7] {
        let mut link = Link::graceful(addresses(2), 1);
        link.connect(GREETING_3_7);
        let sync = watch_sync(&mut link, "box.shutdown");
        link.feed(&event(sync, "box.shutdown", true));
        link.session.handle_eof();
        link.events();
        link.connect(greeting);
        if greeting == GREETING_3_7 {
            let sync = watch_sync(&mut link, "box.shutdown");
            link.feed(&error(sync, 48, "no keys here"));
        }
        assert_eq!(link.session.status(), Status::Ready { address: 1 });
        let id = link.call(1);
        assert_eq!(link.write().len(), 1);
        assert_eq!(link.feed(&ok(id.sync())), [SessionEvent::Answered(id)]);
    }
}

#[test]
fn a_server_without_watched_keys_is_not_asked() {
    let mut link = Link::graceful(addresses(1), 1);
    link.open();
    link.feed(GREETING_2_6);
    link.write();
    let ready = SessionEvent::Ready { address: 0, generation: 1 };
    assert_eq!(link.feed(&id_reply(GREETING_2_6)), [ready], "nor is anybody told of the key");
    assert_eq!(link.write(), []);
}
