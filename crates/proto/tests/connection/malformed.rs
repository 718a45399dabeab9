//! What breaks the protocol ends the connection, and every request is told.

use bytes::BytesMut;
use tarantool_proto::{Config, ConnectionError, Event, Outcome, ProtocolError, Unanswered};

use crate::peer::*;

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
    assert_eq!(events, [written[0], written[1], queued].map(Event::Answered));
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
    assert!(matches!(broken_by(b"\xd2"), ProtocolError::LengthNotInteger { byte: 0xd2 }));
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
    assert_eq!(error, ProtocolError::PacketTooLong { length: 1001, max: 1000 });
    let error =
        broken_with(config.clone(), &[0xcf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
    assert_eq!(error, ProtocolError::PacketTooLong { length: usize::MAX, max: 1000 });
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
        assert_eq!(link.feed(&content[content.len() - 1..]), [Event::Answered(id)]);
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
    for content in [&[0x81, 0x01, 0xa1, b'x'][..], &[0x81, 0x00, 0xff], &[0x81, 0x05, 0xc0]] {
        let error = broken_by(&packet(content));
        assert!(error.to_string().contains("expected an unsigned integer"), "{error}");
    }
}

#[test]
fn a_header_longer_than_its_packet_ends_the_connection() {
    // The next packet's bytes are not read as part of this header.
    let error = broken_by(&[packet(&[0x82, 0x00, 0x00]), ok(1 << 32)].concat());
    assert!(matches!(error, ProtocolError::Header(_)), "{error:?}");
}
