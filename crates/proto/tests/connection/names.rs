//! Spaces and indexes by name: sent as names where the server takes them, resolved where not.

use rmpv::Value;
use tarantool_proto::request::{Delete, Insert, Ping, Request, Select, Update, Upsert, ops};
use tarantool_proto::{Config, ErrorCode, Event, Outcome, RequestId, Unanswered};

use crate::peer::*;
use crate::schema::*;

#[test]
fn servers_that_take_names_get_names() {
    let mut link = Link::ready();
    link.send(&Select::from("users").index("age").key(18));
    let sent = link.write();
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].field(0x5e), Some(&"users".into()));
    assert_eq!(sent[0].field(0x5f), Some(&"age".into()));
    assert_eq!(sent[0].field(0x10), None);
    assert_eq!(sent[0].field(0x20), Some(&Value::Array(vec![18.into()])));
}

#[test]
fn the_schema_is_read_once_for_many_requests() {
    let mut link = old_server();
    let ids: Vec<RequestId> =
        (0..20).map(|number| link.send(&Insert::into("users").row((number,)))).collect();
    assert_reads_schema(&link.write());
    let late = link.send(&Insert::into("orders").row((99,)));
    assert_eq!(link.write(), []);
    assert_eq!(link.feed(&ok_at(INDEXES_SYNC, SCHEMA, indexes())), []);
    assert_eq!(link.feed(&ok_at(SPACES_SYNC, SCHEMA, spaces(false))), []);

    let sent = link.write();
    assert_eq!(sent.len(), 21);
    for (sent, (number, id)) in sent.iter().zip(ids.iter().enumerate()) {
        assert_eq!((sent.kind, sent.sync), (INSERT, id.sync()));
        assert_eq!(sent.field(0x10), Some(&Value::from(512)));
        assert_eq!(sent.field(0x5e), None);
        assert_eq!(sent.field(0x21), Some(&Value::Array(vec![number.into()])));
    }
    assert_eq!(sent[20].sync, late.sync());
    assert_eq!(sent[20].field(0x10), Some(&Value::from(513)));

    // From now on names cost nothing.
    link.send(&Select::from("orders").index("primary").key(1));
    assert_eq!(link.write().len(), 1);
}

#[test]
fn a_resolved_request_is_encoded_as_one_by_number() {
    fn compare(named: &impl Request, numbered: &impl Request) {
        let mut link = with_schema();
        link.send(named);
        let by_name = link.write().remove(0);
        let mut link = with_schema();
        link.send(numbered);
        let by_number = link.write().remove(0);
        assert_eq!(by_name.schema, Some(SCHEMA), "the numbers hold for this schema only");
        assert_eq!(by_name.body_bytes, by_number.body_bytes);
        assert_eq!((by_name.kind, by_name.sync), (by_number.kind, by_number.sync));
    }
    compare(&Insert::into("users").row((1, "a")), &Insert::into(512).row((1, "a")));
    compare(
        &Upsert::into("orders").row((1, 2)).operations(ops().add(1, 5)),
        &Upsert::into(513).row((1, 2)).operations(ops().add(1, 5)),
    );
    for index in ["primary", "age"] {
        let number = if index == "age" { 2 } else { 0 };
        compare(
            &Select::from("users").index(index).key((18,)).limit(3),
            &Select::from(512).index(number).key((18,)).limit(3),
        );
        compare(
            &Update::of("users").index(index).key(1).operations(ops().assign("x", "y")),
            &Update::of(512).index(number).key(1).operations(ops().assign("x", "y")),
        );
        // An index by name of a space by number, and the other way round.
        compare(
            &Delete::from(512).index(index).key(7),
            &Delete::from("users").index(number).key(7),
        );
        compare(&Delete::from(512).index(index).key(7), &Delete::from(512).index(number).key(7));
    }
    compare(&Select::from("users"), &Select::from(512));
}

#[test]
fn requests_by_number_are_not_held_up() {
    let mut link = old_server();
    link.send(&Insert::into("users").row((1,)));
    let by_number = link.send(&Insert::into(512).row((2,)));
    let sent = link.write();
    assert_reads_schema(&sent[..2]);
    assert_eq!(sent[2].sync, by_number.sync());
    let call = link.written_call(3);
    assert_eq!(link.feed(&ok(call.sync())), [Event::Answered(call)]);
}

#[test]
fn a_server_without_names_needs_no_schema_for_numbers() {
    let mut link = old_server();
    link.send(&Select::from(512).index(1).key(1));
    assert_eq!(link.write().len(), 1);
}

#[test]
fn a_changed_schema_is_read_again_at_the_next_name() {
    let mut link = with_schema();
    let call = link.written_call(1);
    link.feed(&ok_at(call.sync(), SCHEMA + 1, vec![]));
    assert_eq!(link.writes().len(), 0);
    link.send(&Insert::into(512).row((1,)));
    assert_eq!(link.write().len(), 1);

    link.send(&Insert::into("new").row((1,)));
    assert_reads_schema(&link.write());
    link.feed(&schema_at(SCHEMA + 1, true));
    let sent = link.write();
    assert_eq!(sent[0].field(0x10), Some(&Value::from(514)));
    link.send(&Insert::into("users").row((1,)));
    assert_eq!(link.write().len(), 1);
}

#[test]
fn a_reply_without_schema_version_changes_nothing() {
    let mut link = with_schema();
    let call = link.written_call(1);
    link.feed(&packet_of(0, call.sync(), 0, &[0x80]));
    link.send(&Insert::into("users").row((1,)));
    assert_eq!(link.write()[0].kind, INSERT);
}

#[test]
fn requests_that_wait_for_the_schema_time_out_and_can_be_cancelled() {
    let mut link = old_server();
    let late = link.send_until(&Insert::into("users").row((1,)), Some(link.at(100)));
    let cancelled = link.send(&Insert::into("users").row((2,)));
    let kept = link.send(&Insert::into("users").row((3,)));
    link.write();
    link.conn.handle_timeout(link.at(100));
    link.conn.cancel(cancelled);
    assert_eq!(link.events(), [Event::Answered(late)]);
    assert_eq!(fate(&mut link, late), Unanswered::TimedOut(Outcome::NotSent));
    assert_eq!(link.feed(&schema_at(SCHEMA, false)), []);
    let sent = link.write();
    assert_eq!(sent.iter().map(|sent| sent.sync).collect::<Vec<_>>(), [kept.sync()]);
}

#[test]
fn a_reply_is_awaited_once_the_request_is_queued_by_number() {
    let mut link = old_server();
    let id = link.send(&Insert::into("users").row((1,)));
    link.write();
    assert!(!link.conn.awaits_replies(), "nothing that a caller asked for is under way");
    link.feed(&schema_at(SCHEMA, false));
    assert!(link.conn.awaits_replies());
    link.write();
    link.feed(&ok(id.sync()));
    assert!(!link.conn.awaits_replies());
}

#[test]
fn requests_that_wait_for_the_schema_are_lost_unsent() {
    let mut link = old_server();
    let id = link.send(&Insert::into("users").row((1,)));
    link.write();
    link.conn.handle_eof();
    assert_eq!(link.events_to_end().0, [Event::Answered(id)]);
    assert_eq!(fate(&mut link, id), Unanswered::Lost(Outcome::NotSent));
}

#[test]
fn requests_that_wait_for_the_schema_hold_their_places() {
    let mut config = Config::default();
    config.in_flight_max = 2;
    let mut link = Link::ready_with(GREETING_2_6, config);
    let ids: Vec<RequestId> =
        (0..6).map(|number| link.send(&Insert::into("users").row((number,)))).collect();
    assert_reads_schema(&link.write());
    assert!(link.conn.is_saturated());
    link.feed(&schema_at(SCHEMA, false));
    for pair in ids.chunks(2) {
        let syncs: Vec<u64> = link.write().iter().map(|sent| sent.sync).collect();
        assert_eq!(syncs, [pair[0].sync(), pair[1].sync()]);
        link.feed(&[ok(pair[0].sync()), ok(pair[1].sync())].concat());
    }
    assert_eq!(link.conn.in_flight(), 0);
}

#[test]
fn names_in_requests_from_before_ready() {
    let mut link = Link::new(Config::default());
    link.send(&Insert::into("users").row((1,)));
    link.send(&Ping);
    link.feed(GREETING_2_6);
    link.write();
    link.feed(&id_reply(GREETING_2_6));
    let sent = link.write();
    assert_reads_schema(&sent[..2]);
    assert_eq!(sent[2].kind, PING);
    link.feed(&schema_at(SCHEMA, false));
    assert_eq!(link.write()[0].field(0x10), Some(&Value::from(512)));
}

/// What the server answers to numbers of another schema than its own; nothing is executed then.
fn wrong_schema(sync: u64, version: u64) -> Vec<u8> {
    let text = Value::from("Wrong schema version");
    packet_of(0x8000 | 109, sync, version, &map(&[(0x31, text)]))
}

#[test]
fn numbers_of_an_older_schema_are_looked_up_again() {
    let mut link = with_schema();
    let id = link.send(&Delete::from("users").index("age").key(7));
    let refused = link.write().remove(0);
    assert_eq!(refused.schema, Some(SCHEMA));

    assert_eq!(link.feed(&wrong_schema(id.sync(), SCHEMA + 1)), [], "the caller sees nothing");
    assert_reads_schema(&link.write());
    link.feed(&ok_at(SPACES_SYNC, SCHEMA + 1, spaces(false)));
    link.feed(&ok_at(INDEXES_SYNC, SCHEMA + 1, indexes()));

    let again = link.write().remove(0);
    assert_eq!((again.sync, again.schema), (id.sync(), Some(SCHEMA + 1)));
    assert_eq!(again.body, refused.body);
    assert_eq!(link.feed(&ok(id.sync())), [Event::Answered(id)]);
    assert!(link.conn.take(id).unwrap().is_ok());
    assert_eq!(link.conn.in_flight(), 0);
}

#[test]
fn a_schema_that_never_holds_still_is_left_to_the_caller() {
    let mut link = with_schema();
    let id = link.send(&Delete::from("users").key(7));
    let mut attempts = 0;
    for version in SCHEMA + 1.. {
        attempts += link.write().len();
        assert!(attempts <= 16, "it goes on for ever");
        let events = link.feed(&wrong_schema(id.sync(), version));
        if events == [Event::Answered(id)] {
            break;
        }
        assert_reads_schema(&link.write());
        link.feed(&ok_at(SPACES_SYNC, version, spaces(false)));
        link.feed(&ok_at(INDEXES_SYNC, version, indexes()));
    }
    let error = link.conn.take(id).unwrap().unwrap().into_result().unwrap_err();
    assert_eq!(error.code(), ErrorCode::WRONG_SCHEMA_VERSION);
    assert_eq!(attempts, 16);
}

#[test]
fn error_109_to_a_request_by_number_is_an_answer() {
    let mut link = with_schema();
    let id = link.send(&Delete::from(512).key(7));
    link.write();
    assert_eq!(link.feed(&wrong_schema(id.sync(), SCHEMA)), [Event::Answered(id)]);
}
