//! Requests in streams: their headers, their order, and servers without streams.

use std::time::Duration;

use rmpv::Value;
use tarantool_proto::request::{Begin, Commit, Insert, Isolation, Ping, Request, Rollback, Select};
use tarantool_proto::{Capability, Event, Frame, Unanswered};

use crate::capabilities::{assert_refused, features, link_with};
use crate::peer::*;
use crate::schema::{assert_reads_schema, fate, old_server, schema_at};

/// Streams and transactions, but no names.
fn server_2_11() -> Link {
    link_with("2.11.0", &features(&[0, 1, 2, 3, 4]))
}

fn bytes_in(stream: u64, request: &impl Request) -> Vec<u8> {
    let mut frame = Frame::new();
    frame.encode_in_stream(stream.try_into().unwrap(), request).unwrap();
    frame.as_bytes().to_vec()
}

#[test]
fn the_stream_follows_the_type_in_the_header() {
    let mut expected = b"\xce\0\0\0\x0f\x83\x01\xcf\0\0\0\0\0\0\0\0\0\x0e\x0a\x07".to_vec();
    assert_eq!(bytes_in(7, &Begin::new()), expected);
    expected.splice(17.., b"\x40\x0a\xcf\xff\xff\xff\xff\xff\xff\xff\xff".iter().copied());
    expected[4] += 8;
    assert_eq!(bytes_in(u64::MAX, &Ping), expected);

    // A frame forgets its stream.
    let mut frame = Frame::new();
    frame.encode_in_stream(1.try_into().unwrap(), &Ping).unwrap();
    frame.encode(&Ping).unwrap();
    assert_eq!(frame.as_bytes(), b"\xce\0\0\0\x0d\x82\x01\xcf\0\0\0\0\0\0\0\0\0\x40");
}

#[test]
fn what_a_transaction_is_to_be_stands_in_the_body() {
    let body = |request: &dyn Request| {
        let mut link = Link::ready();
        let mut frame = Frame::new();
        frame.encode_in_stream(3.try_into().unwrap(), request).unwrap();
        link.conn.send(&mut frame, None).unwrap();
        let sent = link.write().remove(0);
        assert_eq!(sent.stream, Some(3));
        (sent.kind, sent.body)
    };
    assert_eq!(body(&Begin::new()), (BEGIN, None));
    assert_eq!(body(&Begin::new().timeout(Duration::ZERO).synchronous(false)), (BEGIN, None));
    assert_eq!(body(&Commit::new().synchronous(false)), (COMMIT, None));
    assert_eq!(body(&Rollback), (ROLLBACK, None));
    let all = Begin::new()
        .isolation(Isolation::Linearizable)
        .timeout(Duration::from_millis(1500))
        .synchronous(true);
    let entries = [(0x56, 1.5.into()), (0x59, 4.into()), (0x61, true.into())];
    let entries = entries.map(|(key, value): (u64, Value)| (key.into(), value)).to_vec();
    assert_eq!(body(&all), (BEGIN, Some(Value::Map(entries))));
    let synchronous = Value::Map(vec![(0x61.into(), true.into())]);
    assert_eq!(body(&Commit::new().synchronous(true)), (COMMIT, Some(synchronous)));
}

#[test]
fn servers_without_streams_are_sent_nothing() {
    let mut link = old_server();
    for id in [
        link.send_in(1, &Insert::into(512).row((1,))),
        link.send_in(1, &Insert::into("users").row((1,))),
        link.send_in(1, &Ping),
        link.send_in(1, &Begin::new()),
        link.send_in(1, &Commit::new()),
    ] {
        assert_refused(&mut link, id, Capability::Streams);
    }
    for id in [link.send(&Begin::new()), link.send(&Commit::new()), link.send(&Rollback)] {
        assert_refused(&mut link, id, Capability::Transactions);
    }
    assert_eq!(link.writes().len(), 0);

    // Streams without transactions, and a commit that the server would not do as asked.
    let mut link = link_with("3.7.0", &features(&[0]));
    link.send_in(1, &Ping);
    assert_eq!(link.write()[0].stream, Some(1));
    let id = link.send_in(1, &Begin::new());
    let text = fate(&mut link, id).to_string();
    assert_eq!(text, "the server, version 3.7.0, does not announce transactions in streams");
    let mut link = server_2_11();
    for id in [
        link.send_in(1, &Begin::new().synchronous(true)),
        link.send_in(1, &Commit::new().synchronous(true)),
    ] {
        let text = fate(&mut link, id).to_string();
        assert!(text.contains("lacks synchronous commit, which came with 3.1.1"), "{text}");
    }
    assert_eq!(link.writes().len(), 0);
}

#[test]
fn requests_of_a_stream_leave_in_their_order() {
    let mut link = Link::ready();
    link.send_in(9, &Begin::new());
    link.call(1);
    link.send_in(9, &Insert::into("users").row((1,)));
    link.send_in(9, &Commit::new());
    let sent: Vec<_> = link.write().iter().map(|sent| (sent.stream, sent.kind)).collect();
    let expected = [(Some(9), BEGIN), (None, CALL), (Some(9), INSERT), (Some(9), COMMIT)];
    assert_eq!(sent, expected);
}

#[test]
fn nothing_of_a_stream_overtakes_what_waits_for_the_schema() {
    let mut link = server_2_11();
    link.send_in(1, &Begin::new());
    link.send_in(1, &Insert::into("users").row((1,)));
    link.send_in(1, &Insert::into(513).row((2,)));
    link.send_in(2, &Ping);
    link.send_in(1, &Commit::new());
    let other = link.call(1);
    let sent = link.write();
    let kinds: Vec<_> = sent.iter().map(|sent| (sent.stream, sent.kind)).collect();
    let views = [(None, SELECT), (None, SELECT)];
    assert_eq!(kinds[..1], [(Some(1), BEGIN)]);
    assert_eq!(kinds[1..3], views);
    assert_eq!(kinds[3..], [(Some(2), PING), (None, CALL)], "others go on");
    assert_eq!(sent[4].sync, other.sync());
    assert_eq!(link.conn.in_flight(), 6);

    assert_eq!(link.feed(&schema_at(SCHEMA, false)), []);
    let sent = link.write();
    let kinds: Vec<_> = sent.iter().map(|sent| (sent.stream, sent.kind)).collect();
    assert_eq!(kinds, [(Some(1), INSERT), (Some(1), INSERT), (Some(1), COMMIT)]);
    assert_eq!((sent[0].schema, sent[1].schema), (Some(SCHEMA), None));
    assert_eq!(sent[0].field(0x10), Some(&Value::from(512)));
    assert_eq!(sent[1].field(0x10), Some(&Value::from(513)));

    // Nothing waits any more.
    link.send_in(1, &Rollback);
    assert_eq!(link.write()[0].kind, ROLLBACK);
}

#[test]
fn what_waited_behind_a_cancelled_or_unknown_name_goes_on() {
    let mut link = server_2_11();
    let cancelled = link.send_in(1, &Insert::into("users").row((1,)));
    let unknown = link.send_in(2, &Insert::into("nobody").row((1,)));
    let rollback = link.send_in(1, &Rollback);
    let commit = link.send_in(2, &Commit::new());
    link.conn.cancel(cancelled);
    assert_reads_schema(&link.write());
    assert_eq!(link.feed(&schema_at(SCHEMA, false)), [Event::Answered(unknown)]);
    assert!(matches!(fate(&mut link, unknown), Unanswered::UnknownName(_)));
    let syncs: Vec<u64> = link.write().iter().map(|sent| sent.sync).collect();
    assert_eq!(syncs, [rollback.sync(), commit.sync()]);
}

#[test]
fn what_waited_behind_a_name_is_sent_if_the_schema_cannot_be_read() {
    let mut link = server_2_11();
    let named = link.send_in(1, &Insert::into("users").row((1,)));
    let rollback = link.send_in(1, &Rollback);
    link.write();
    let replies = [error(SPACES_SYNC, 42, "denied"), error(INDEXES_SYNC, 42, "denied")];
    assert_eq!(link.feed(&replies.concat()), [Event::Answered(named)]);
    assert!(matches!(fate(&mut link, named), Unanswered::SchemaUnavailable(_)));
    assert_eq!(link.write()[0].sync, rollback.sync());
}

#[test]
fn a_request_of_a_stream_is_never_sent_again() {
    let mut link = server_2_11();
    let insert = link.send_in(1, &Insert::into("users").row((1,)));
    link.write();
    link.feed(&schema_at(SCHEMA, false));
    link.send_in(1, &Commit::new());
    assert_eq!(link.write().len(), 2);
    // Sent again it would come behind the commit.
    let refusal = error(insert.sync(), 109, "Wrong schema version");
    assert_eq!(link.feed(&refusal), [Event::Answered(insert)]);
    let error = link.conn.take(insert).unwrap().unwrap().into_result().unwrap_err();
    assert_eq!(error.code().number(), 109);
    assert_eq!(link.writes().len(), 0);

    // The next one finds a fresh schema.
    link.send_in(2, &Select::from("users").key(1));
    assert_reads_schema(&link.write());
    link.feed(&schema_at(SCHEMA + 1, false));
    let sent = link.write();
    assert_eq!((sent[0].stream, sent[0].schema), (Some(2), Some(SCHEMA + 1)));
}
