//! Replies find their requests; what is no reply is counted; what breaks the protocol ends it.

use bytes::BytesMut;
use rmpv::Value;
use tarantool_proto::request::{Ping, Select};
use tarantool_proto::{
    Answer, Config, ConnectionError, ErrorCode, Event, Header, Outcome, ProtocolError, RequestId,
    Unanswered,
};

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
    assert_eq!(
        answer,
        Some(Err(Unanswered::TimedOut(Outcome::MaybeExecuted)))
    );
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
    let twice = [
        ok_with(id.sync(), vec![1.into()]),
        ok_with(id.sync(), vec![9.into()]),
    ];
    assert_eq!(link.feed(&twice.concat()), [Event::Answered(id)]);
    assert_eq!(values(link.conn.take(id)), [1]);
    assert_eq!(link.feed(&twice[1]), []);
    assert_eq!(link.conn.stats().late_replies, 2);
    assert_eq!(link.conn.stats().answered, 1);
}

/// With two requests written and one queued, `bytes` end the connection and everyone is answered.
fn broken_by(bytes: &[u8]) -> ProtocolError {
    broken_with(Config::default(), bytes)
}

fn broken_with(config: Config, bytes: &[u8]) -> ProtocolError {
    let mut link = Link::ready_with(GREETING_3_7, config);
    let written = [link.call(1), link.call(2)];
    link.write();
    let queued = link.call(3);
    link.input.extend_from_slice(bytes);
    let (events, end) = link.events_to_end();
    assert_eq!(
        events,
        [written[0], written[1], queued].map(Event::Answered)
    );
    for (id, outcome) in [
        (written[0], Outcome::MaybeExecuted),
        (written[1], Outcome::MaybeExecuted),
        (queued, Outcome::NotSent),
    ] {
        assert_eq!(link.conn.take(id), Some(Err(Unanswered::Lost(outcome))));
    }
    let end = end.unwrap();
    assert_eq!(link.feed_to_end(&ok(1)), end);
    assert_eq!(link.writes().len(), 0);
    let ConnectionError::Protocol(error) = end else {
        panic!("{end:?}");
    };
    error
}

#[test]
fn a_sync_that_was_never_sent_ends_the_connection() {
    let sync = 0x7_0000_0001;
    assert_eq!(broken_by(&ok(sync)), ProtocolError::UnknownSync { sync });
    // A slot that never was, and generation 0, which no request has.
    for sync in [99 | 1 << 32, 1, 0xffff_ff05, u64::MAX] {
        assert_eq!(broken_by(&ok(sync)), ProtocolError::UnknownSync { sync });
    }
}

#[test]
fn a_body_that_is_no_map_ends_the_connection() {
    let sync = 1 << 32;
    for byte in [0x90, 0xc0, 0x00, 0xdc, 0xdd, 0xff] {
        let error = broken_by(&packet_of(0, sync, SCHEMA, &[byte]));
        assert_eq!(error, ProtocolError::BodyNotMap { sync, byte });
    }
}

#[test]
fn a_length_that_is_no_integer_ends_the_connection() {
    for byte in [0x80, 0x91, 0xa1, 0xc0, 0xc1, 0xca, 0xd0, 0xd2, 0xff] {
        let error = broken_by(&[byte, 0, 0, 0, 0]);
        assert_eq!(error, ProtocolError::LengthNotInteger { byte });
    }
    assert!(matches!(
        broken_by(b"\xd2"),
        ProtocolError::LengthNotInteger { byte: 0xd2 }
    ));
}

#[test]
fn a_length_of_zero_ends_the_connection() {
    for bytes in [&[0][..], &[0xcc, 0], &[0xce, 0, 0, 0, 0]] {
        assert_eq!(broken_by(bytes), ProtocolError::EmptyPacket);
    }
}

#[test]
fn a_packet_over_the_limit_ends_the_connection_at_its_length() {
    let mut config = Config::default();
    config.packet_bytes_max = 1000;
    let error = broken_with(config.clone(), &[0xcd, 0x03, 0xe9]);
    assert_eq!(
        error,
        ProtocolError::PacketTooLong {
            length: 1001,
            max: 1000
        }
    );
    let error = broken_with(
        config.clone(),
        &[0xcf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
    );
    assert_eq!(
        error,
        ProtocolError::PacketTooLong {
            length: usize::MAX,
            max: 1000
        }
    );
    assert!(error.to_string().contains("packet_bytes_max"));

    // The limit itself is accepted.
    let mut link = Link::ready_with(GREETING_3_7, config);
    let id = link.written_call(1);
    let text = "x".repeat(1000 - packet_of(0, 1, 1, &[0x81, 0x30, 0x91, 0xda, 0, 0]).len() + 5);
    let reply = ok_with(id.sync(), vec![text.into()]);
    assert_eq!(reply.len(), 1005);
    assert_eq!(link.feed(&reply), [Event::Answered(id)]);
}

#[test]
fn a_claimed_length_reserves_nothing() {
    let mut link = Link::ready();
    link.input = BytesMut::with_capacity(64);
    assert_eq!(link.feed(&[0xce, 0x07, 0xff, 0xff, 0xff, 0x83]), []);
    assert_eq!((link.input.len(), link.input.capacity()), (6, 64));
}

#[test]
fn lengths_of_every_width_are_accepted() {
    let content = &packet_of(0, 1 << 32, SCHEMA, &[0x80])[5..];
    let length = content.len() as u8;
    for prefix in [
        &[length][..],
        &[0xcc, length],
        &[0xcd, 0, length],
        &[0xce, 0, 0, 0, length],
        &[0xcf, 0, 0, 0, 0, 0, 0, 0, length],
    ] {
        let mut link = Link::ready();
        let id = link.written_call(1);
        assert_eq!(id.sync(), 1 << 32);
        for byte in &[prefix, &content[..content.len() - 1]].concat() {
            assert_eq!(link.feed(&[*byte]), []);
        }
        assert_eq!(
            link.feed(&content[content.len() - 1..]),
            [Event::Answered(id)]
        );
    }
}

#[test]
fn a_header_that_is_no_map_ends_the_connection() {
    for content in [&[0x90][..], &[0xc0], &[0x01, 0x02], &[0xa1, b'x']] {
        let error = broken_by(&packet(content));
        assert!(matches!(error, ProtocolError::Header(_)), "{error:?}");
        assert!(error.to_string().contains("expected a map"), "{error}");
    }
}

#[test]
fn a_header_of_wrong_types_ends_the_connection() {
    for content in [
        &[0x81, 0x01, 0xa1, b'x'][..],
        &[0x81, 0x00, 0xff],
        &[0x81, 0x05, 0xc0],
    ] {
        let error = broken_by(&packet(content));
        assert!(
            error.to_string().contains("expected an unsigned integer"),
            "{error}"
        );
    }
}

#[test]
fn a_header_longer_than_its_packet_ends_the_connection() {
    // The next packet's bytes are not read as part of this header.
    let error = broken_by(&[packet(&[0x82, 0x00, 0x00]), ok(1 << 32)].concat());
    assert!(matches!(error, ProtocolError::Header(_)), "{error:?}");
}

#[test]
fn what_answers_no_request_is_tolerated_and_counted() {
    let mut link = Link::ready();
    let id = link.written_call(1);
    let sync = id.sync();
    let strays = [
        packet_of(EVENT, sync, SCHEMA, &map(&[(0x57, "key".into())])),
        packet_of(EVENT, 0, SCHEMA, &map(&[(0x57, "key".into())])),
        packet_of(
            CHUNK,
            sync,
            SCHEMA,
            &map(&[(DATA, Value::Array(vec![1.into()]))]),
        ),
        packet_of(0x7fff, sync, SCHEMA, &[0x80]),
        packet_of(0x1_8021, sync, SCHEMA, &[0x80]),
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
    assert_eq!(
        link.feed(&packet_of(0, id.sync(), 71, &[])),
        [Event::Answered(id)]
    );
    let response = link.conn.take(id).unwrap().unwrap();
    assert!(response.body().is_empty());
    assert_eq!(response.data(), Ok(None));
    assert_eq!(response.rows::<u64>(), Ok(vec![]));
    let Header {
        sync,
        schema_version,
        ..
    } = *response.header();
    assert_eq!((sync, schema_version), (id.sync(), 71));
}

#[test]
fn an_error_without_body_has_its_code() {
    let mut link = Link::ready();
    let id = link.send(&Select::from(512));
    link.write();
    link.feed(&packet_of(0x8000 | 42, id.sync(), SCHEMA, &[]));
    let error = link
        .conn
        .take(id)
        .unwrap()
        .unwrap()
        .into_result()
        .unwrap_err();
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
