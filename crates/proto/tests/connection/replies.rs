//! Replies find their requests; what is no reply is counted.

use rmpv::Value;
use tarantool_proto::request::{Ping, Select};
use tarantool_proto::{Answer, Config, ErrorCode, Event, Header, Outcome, RequestId, Unanswered};

use crate::peer::*;

/// The numbers in this reply's data.
fn values(answer: Option<Answer>) -> Vec<u64> {
    answer.unwrap().unwrap().rows().unwrap()
}

#[test]
fn replies_in_another_order() {
    let mut link = Link::ready();
    let ids: Vec<RequestId> = (0..5).map(|number| link.call(number)).collect();
    assert_eq!(numbers(&link.write()), [0, 1, 2, 3, 4]);
    for at in [3, 0, 4, 2, 1] {
        let reply = ok_with(ids[at].sync(), vec![(at as u64 * 10).into()]);
        assert_eq!(link.feed(&reply), [Event::Answered(ids[at])]);
        assert_eq!(values(link.conn.take(ids[at])), [at as u64 * 10]);
    }
    assert_eq!(link.conn.in_flight(), 0);
    assert_eq!(link.conn.stats().answered, 5);
}

#[test]
fn many_replies_in_one_read() {
    let mut link = Link::ready();
    let ids: Vec<RequestId> = (0..50).map(|number| link.call(number)).collect();
    link.write();
    let bytes: Vec<u8> = ids.iter().rev().flat_map(|id| ok(id.sync())).collect();
    let expected: Vec<Event> = ids.iter().rev().map(|id| Event::Answered(*id)).collect();
    assert_eq!(link.feed(&bytes), expected);
    assert!(link.input.is_empty());
}

#[test]
fn an_answer_is_taken_once() {
    let mut link = Link::ready();
    let id = link.written_call(1);
    assert_eq!(link.conn.take(id), None);
    link.feed(&ok(id.sync()));
    assert!(link.conn.take(id).is_some());
    assert_eq!(link.conn.take(id), None);
}

#[test]
fn an_error_reply_is_an_answer() {
    let mut link = Link::ready();
    let id = link.written_call(1);
    assert_eq!(
        link.feed(&error(id.sync(), 33, "Procedure 'f' is not defined")),
        [Event::Answered(id)]
    );
    let response = link.conn.take(id).unwrap().unwrap();
    let error = response.into_result().unwrap_err();
    assert_eq!(error.code(), ErrorCode::NO_SUCH_PROC);
    assert_eq!(error.message(), "Procedure 'f' is not defined");
    assert_eq!(link.conn.stats().answered, 1);
    assert_eq!(link.conn.failure(), None);
}

#[test]
fn an_error_whose_code_exceeds_the_headers_bits() {
    let mut link = Link::ready();
    let id = link.written_call(1);
    // Code 70000 as 2.6.0 sends it; 3.x keeps 15 bits of it.
    link.feed(&packet_of(0x1_9170, id.sync(), SCHEMA, &map(&[(0x31, "user's".into())])));
    let error = link.conn.take(id).unwrap().unwrap().into_result();
    assert_eq!(error.unwrap_err().message(), "user's");
}

#[test]
fn a_late_reply_after_cancel_is_dropped() {
    let mut link = Link::ready();
    let id = link.written_call(1);
    link.conn.cancel(id);
    assert_eq!(link.feed(&ok(id.sync())), []);
    assert_eq!(link.conn.take(id), None);
    assert_eq!(link.conn.stats().late_replies, 1);
    assert_eq!(link.conn.stats().cancelled, 1);
}

#[test]
fn a_late_reply_after_timeout_is_dropped() {
    let mut link = Link::ready();
    let id = link.send_until(&Ping, Some(link.at(100)));
    link.write();
    link.conn.handle_timeout(link.at(100));
    assert_eq!(link.feed(&ok(id.sync())), [Event::Answered(id)]);
    assert_eq!(link.conn.stats().late_replies, 1);
    let answer = link.conn.take(id);
    assert_eq!(answer, Some(Err(Unanswered::TimedOut(Outcome::MaybeExecuted))));
}

#[test]
fn a_late_reply_never_reaches_the_slots_new_owner() {
    let mut link = Link::ready();
    let old = link.written_call(1);
    link.conn.cancel(old);
    let new = link.written_call(2);
    assert_eq!(old.slot(), new.slot());
    assert_ne!(old.sync(), new.sync());

    assert_eq!(link.feed(&ok_with(old.sync(), vec![1.into()])), []);
    assert_eq!(link.conn.take(new), None);
    let reply = ok_with(new.sync(), vec![2.into()]);
    assert_eq!(link.feed(&reply), [Event::Answered(new)]);
    assert_eq!(values(link.conn.take(new)), [2]);
    assert_eq!(link.conn.stats().late_replies, 1);
}

#[test]
fn a_late_reply_while_the_new_owner_waits_for_a_place() {
    let mut config = Config::default();
    config.in_flight_max = 1;
    let mut link = Link::ready_with(GREETING_3_7, config);
    let first = link.written_call(1);
    let second = link.call(2);
    link.conn.cancel(first);
    link.conn.cancel(second);
    let third = link.call(3);
    let fourth = link.call(4);
    for old in [first, first] {
        assert_eq!(link.feed(&ok(old.sync())), []);
    }
    assert_eq!(link.conn.stats().late_replies, 2);
    assert_eq!(numbers(&link.write()), [3]);
    assert_eq!(link.feed(&ok(third.sync())), [Event::Answered(third)]);
    assert_eq!(numbers(&link.write()), [4]);
    assert_eq!(link.feed(&ok(fourth.sync())), [Event::Answered(fourth)]);
}

#[test]
fn a_second_reply_is_dropped() {
    let mut link = Link::ready();
    let id = link.written_call(1);
    let twice = [ok_with(id.sync(), vec![1.into()]), ok_with(id.sync(), vec![9.into()])];
    assert_eq!(link.feed(&twice.concat()), [Event::Answered(id)]);
    assert_eq!(values(link.conn.take(id)), [1]);
    assert_eq!(link.feed(&twice[1]), []);
    assert_eq!(link.conn.stats().late_replies, 2);
    assert_eq!(link.conn.stats().answered, 1);
}

#[test]
fn what_answers_no_request_is_tolerated_and_counted() {
    let mut link = Link::ready();
    let id = link.written_call(1);
    let sync = id.sync();
    let strays = [
        packet_of(EVENT, sync, SCHEMA, &map(&[(0x57, "key".into())])),
        packet_of(EVENT, 0, SCHEMA, &map(&[(0x57, "key".into())])),
        packet_of(CHUNK, sync, SCHEMA, &map(&[(DATA, Value::Array(vec![1.into()]))])),
        packet_of(0x7fff, sync, SCHEMA, &[0x80]),
        packet_of(0x1_0021, sync, SCHEMA, &[0x80]),
        // Of an unknown type even the body may be anything.
        packet_of(99, sync, SCHEMA, &[0xc0]),
        packet_of(0, 0, SCHEMA, &[0x80]),
        // As `box.iproto.send` can make them: no keys at all, no body.
        packet(&[0x80]),
        packet(&[0x81, 0x00, 0x4c]),
    ];
    assert_eq!(link.feed(&strays.concat()), []);
    assert_eq!(link.conn.stats().unsolicited, strays.len() as u64);
    assert_eq!(link.feed(&ok(sync)), [Event::Answered(id)]);
    assert_eq!(link.conn.stats().late_replies, 0);
}

#[test]
fn strange_keys_in_headers_are_skipped() {
    let mut link = Link::ready();
    let id = link.written_call(1);
    let mut content = vec![0xde, 0, 6, 0xa4];
    content.extend(b"name");
    content.extend([0x92, 0x01, 0x81, 0xc0, 0xc3]);
    // SYNC as a key of two bytes, type OK in nine, a float, an unknown number, another string.
    content.extend([0xcc, 0x01, 0xcf]);
    content.extend(id.sync().to_be_bytes());
    content.extend([0x00, 0xcf, 0, 0, 0, 0, 0, 0, 0, 0]);
    content.extend([0xca, 0, 0, 0, 0, 0xc0]);
    content.extend([0x7f, 0xd9, 0x01, b'y', 0xd9, 0x01, b'x', 0x80]);
    content.push(0x80);
    assert_eq!(link.feed(&packet(&content)), [Event::Answered(id)]);
    let response = link.conn.take(id).unwrap().unwrap();
    assert_eq!(&response.body()[..], [0x80]);
    assert_eq!(response.header().schema_version, 0);
}

#[test]
fn a_reply_without_body() {
    let mut link = Link::ready();
    let id = link.send(&Ping);
    link.write();
    assert_eq!(link.feed(&packet_of(0, id.sync(), 71, &[])), [Event::Answered(id)]);
    let response = link.conn.take(id).unwrap().unwrap();
    assert!(response.body().is_empty());
    assert_eq!(response.data(), Ok(None));
    assert_eq!(response.rows::<u64>(), Ok(vec![]));
    let Header { sync, schema_version, .. } = *response.header();
    assert_eq!((sync, schema_version), (id.sync(), 71));
}

#[test]
fn an_error_without_body_has_its_code() {
    let mut link = Link::ready();
    let id = link.send(&Select::from(512));
    link.write();
    link.feed(&packet_of(0x8000 | 42, id.sync(), SCHEMA, &[]));
    let error = link.conn.take(id).unwrap().unwrap().into_result().unwrap_err();
    assert_eq!(error.code(), ErrorCode::ACCESS_DENIED);
}

#[test]
fn data_is_found_among_other_keys() {
    let mut link = Link::ready();
    let id = link.written_call(1);
    let mut body = vec![0xdf, 0, 0, 0, 3, 0xa4];
    body.extend(b"name");
    body.extend([0x30, 0x35, 0x91, 0xc0, 0xcc, 0x30, 0xdd, 0, 0, 0, 1, 0x07]);
    link.feed(&packet_of(0, id.sync(), SCHEMA, &body));
    assert_eq!(values(link.conn.take(id)), [7]);
}

#[test]
fn a_malformed_body_is_the_callers_error_only() {
    let mut link = Link::ready();
    let id = link.written_call(1);
    link.feed(&packet_of(0, id.sync(), SCHEMA, &[0x81, 0x30, 0x92, 0x01]));
    let response = link.conn.take(id).unwrap().unwrap();
    assert!(response.rows::<u64>().is_err());
    assert!(response.data().is_err());
    assert_eq!(link.conn.failure(), None);
}

/// Whether anybody waits for them or not: a server that owes replies is not idle.
#[test]
fn replies_are_awaited_until_the_last_has_come() {
    let mut link = Link::ready();
    assert!(!link.conn.awaits_replies());
    let (first, second) = (link.call(1), link.send_until(&numbered(2), Some(link.at(10))));
    assert!(link.conn.awaits_replies(), "they are about to be written");
    link.write();
    link.conn.cancel(first);
    link.conn.handle_timeout(link.at(10));
    assert!(link.conn.take(second).unwrap().is_err());
    assert_eq!((link.conn.in_flight(), link.conn.awaits_replies()), (0, true));
    link.feed(&ok(second.sync()));
    assert!(link.conn.awaits_replies());
    link.feed(&ok(first.sync()));
    assert!(!link.conn.awaits_replies());
    // One that comes twice is none of those to come.
    link.feed(&ok(first.sync()));
    let third = link.written_call(3);
    assert!(link.conn.awaits_replies());
    link.feed(&ok(third.sync()));
    assert!(!link.conn.awaits_replies());
}
