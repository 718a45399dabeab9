//! What the connection refuses by itself.

use rmpv::Value;
use tarantool_proto::server::{Incoming, ServerConfig};
use tarantool_proto::{ErrorCode, ProtocolError, RequestType, ServerError};

use crate::peer::{Peer, array, error, map, packet, request};

fn refused(bytes: &[u8]) -> (u64, ServerError) {
    Peer::new(ServerConfig::default()).refused(bytes)
}

#[track_caller]
fn expect(bytes: &[u8], sync: u64, code: ErrorCode, message: &str) {
    let (actual, error) = refused(bytes);
    assert_eq!((actual, error.code(), error.message()), (sync, code, message), "{bytes:02x?}");
    let newest = &error.stack()[0];
    assert_eq!((&*newest.kind, newest.code, &*newest.message), ("ClientError", code, message));
    let name = newest.field::<&str>("name").unwrap();
    assert_eq!(name, code.name());
}

#[test]
fn headers() {
    let message = "Invalid MsgPack - packet header";
    for (content, sync) in [
        (&[0x94, 0x00, 0x40, 0x01, 0x01][..], 0), // an array
        (&[0xc0], 0),
        (&[0x83, 0xa1, b'x', 0x01, 0x00, 0x40, 0x01, 0x09], 0), // a key that is a string, first
        (&[0x83, 0x01, 0x09, 0xff, 0x01, 0x00, 0x40], 9),       // one that is negative, after SYNC
        (&[0x82, 0x01, 0x09, 0x00, 0xc0], 9),
        (&[0x82, 0x00, 0x40, 0x01, 0xff], 0),
        (&[0x83, 0x01, 0x09, 0x00, 0x40, 0x0a, 0xc3], 9),
        (&[0x83, 0x01, 0x09, 0x00, 0x40, 0x04, 0x01], 9), // TIMESTAMP is a double
        (&[0x83, 0x01, 0x09, 0x00, 0x40, 0x23, 0x01], 9), // USER_NAME of bodies, a string
        (&[0x83, 0x01, 0x09, 0x00, 0x40], 0),             // half of it is missing
        (&[0x82, 0x01, 0x09, 0x00, 0xc1], 0),
        (&[0xdf, 0xff, 0xff, 0xff, 0xff], 0),
    ] {
        expect(&packet(content), sync, ErrorCode::INVALID_MSGPACK, message);
    }
}

#[test]
fn headers_of_any_form() {
    let mut peer = Peer::new(ServerConfig::default());
    peer.send(&packet(b"\x83\x00\x40\x01\x07\x7f\xa1x"));
    assert_eq!(peer.request().sync, 7);
    peer.send(&packet(b"\xde\0\x03\x01\xcf\0\0\0\0\0\0\0\x08\xcd\0\0\xcc\x40\xce\0\0\0\x0a\x05"));
    let request = peer.request();
    assert_eq!((request.request_type, request.sync), (RequestType::PING, 8));
    assert_eq!(request.stream_id, 5);
    peer.send(&packet(b"\x84\x00\x40\x01\x07\xcf\0\0\0\x01\0\0\0\0\x01\x01\x09"));
    assert_eq!(peer.request().sync, 9, "the last one counts, a key over 32 bits is unknown");
}

#[test]
fn bodies() {
    let body = "Invalid MsgPack - packet body";
    let code = ErrorCode::INVALID_MSGPACK;
    for bytes in [
        request(64, 5, &[0x80, 0x80]), // two, even where any body will do
        request(64, 5, &[0xc1]),
        request(1, 5, &[0x83, 0x10]),
        request(1, 5, &[0xdd, 0xff, 0xff, 0xff, 0xff]),
        request(1, 5, &[0x90]),
        request(10, 5, &[0x90]),
        request(1, 5, &map(&[(0x10, "x".into())])),
        request(1, 5, &map(&[(0x12, (-1).into())])),
        request(1, 5, &map(&[(0x20, Value::Map(vec![]))])),
        request(2, 5, &map(&[(0x21, 1.into())])),
        request(9, 5, &map(&[(0x28, Value::Nil)])),
        request(1, 5, &map(&[(0x1f, 1.into())])),
        request(1, 5, &map(&[(0x2e, array(&[]))])),
        request(1, 5, &map(&[(0x2f, "x".into())])),
        request(17, 5, &map(&[(0x36, Value::Ext(7, vec![1]))])),
        request(10, 5, &map(&[(0x22, 1.into())])),
        request(8, 5, &map(&[(0x27, Value::Binary(vec![]))])),
        request(8, 5, &map(&[(0x60, array(&[]))])),
        request(10, 5, b"\x82\xa1x\x01\x22\xa1f"),
        request(7, 5, &map(&[(0x23, 1.into())])),
        request(74, 5, &map(&[(0x57, 1.into())])),
        request(11, 5, &map(&[(0x40, 1.into())])),
        request(11, 5, &map(&[(0x43, "x".into())])),
        request(11, 5, &map(&[(0x41, 1.into())])),
    ] {
        expect(&bytes, 5, code, body);
    }
    for request_type in [6, 7, 8, 10, 11, 13, 74, 75, 77] {
        let message = "Invalid MsgPack - missing request body";
        expect(&request(request_type, 5, &[]), 5, code, message);
    }
    for bytes in [
        request(73, 5, &[]),
        request(73, 5, &[0x90]),
        request(73, 5, &map(&[(0x54, "x".into())])),
        request(73, 5, &map(&[(0x55, array(&["x".into()]))])),
        packet(&[&[0x83, 0, 14, 1, 5, 10, 1], &map(&[(0x56, 5.into())])[..]].concat()),
        packet(&[&[0x83, 0, 14, 1, 5, 10, 1], &map(&[(0x59, "x".into())])[..]].concat()),
        packet(&[&[0x83, 0, 15, 1, 5, 10, 1], &map(&[(0x61, 1.into())])[..]].concat()),
    ] {
        expect(&bytes, 5, code, "Invalid MsgPack - request body");
    }
    let both = map(&[(0x40, "x".into()), (0x43, 1.into())]);
    let (_, error) = refused(&request(11, 5, &both));
    assert_eq!(error.code(), code);
}

#[test]
fn causes_are_told() {
    let (_, error) = refused(&request(1, 5, &[0x80, 0x01]));
    let messages: Vec<&str> = error.stack().iter().map(|entry| &*entry.message).collect();
    assert_eq!(messages, ["Invalid MsgPack - packet body", "Invalid MsgPack - junk after input"]);
    let (_, error) = refused(&request(1, 5, &[0x81, 0xc1]));
    assert_eq!(error.stack().len(), 2);
}

#[test]
fn missing_keys() {
    let space = (0x10, Value::from(512));
    let tuple = (0x21, array(&[]));
    let key = (0x20, array(&[]));
    for (request_type, pairs, missing) in [
        (1, vec![], "SPACE_ID"),
        (1, vec![space.clone()], "LIMIT"),
        (1, vec![space.clone(), (0x12, 1.into())], "KEY"),
        (2, vec![tuple.clone()], "SPACE_ID"),
        (3, vec![space.clone()], "TUPLE"),
        (4, vec![space.clone(), tuple.clone()], "KEY"),
        (4, vec![space.clone(), key.clone(), (0x28, array(&[]))], "TUPLE"),
        (5, vec![space.clone()], "KEY"),
        (9, vec![(0x5e, "space".into()), tuple.clone()], "OPS"),
        (17, vec![space], "ARROW"),
        (6, vec![tuple.clone()], "FUNCTION_NAME"),
        (10, vec![tuple.clone()], "FUNCTION_NAME"),
        (8, vec![tuple.clone()], "EXPR"),
        (7, vec![tuple], "USER_NAME"),
        (7, vec![(0x23, "user".into())], "TUPLE"),
        (74, vec![], "EVENT_KEY"),
        (75, vec![], "EVENT_KEY"),
        (77, vec![], "EVENT_KEY"),
        (11, vec![], "SQL_TEXT or STMT_ID"),
        (13, vec![], "SQL_TEXT or STMT_ID"),
    ] {
        let message = format!("Missing mandatory field '{missing}' in request");
        let bytes = request(request_type, 5, &map(&pairs));
        expect(&bytes, 5, ErrorCode::MISSING_REQUEST_FIELD, &message);
    }
    expect(
        &request(1, 5, &[]),
        5,
        ErrorCode::MISSING_REQUEST_FIELD,
        "Missing mandatory field 'SPACE_ID' in request",
    );
}

#[test]
fn unknown_types() {
    for request_type in [0, 12, 18, 30, 41, 65, 66, 67, 68, 69, 70, 71, 76, 78, 127] {
        let message = format!("Unknown request type {request_type}");
        let bytes = request(request_type, 5, &[0x80]);
        expect(&bytes, 5, ErrorCode::UNKNOWN_REQUEST_TYPE, &message);
    }
    let bytes = packet(b"\x82\x00\xce\x00\x01\x00\x40\x01\x05");
    expect(&bytes, 5, ErrorCode::UNKNOWN_REQUEST_TYPE, "Unknown request type 65600");
    let bytes = packet(b"\x82\x00\xcf\xff\xff\xff\xff\xff\xff\xff\xff\x01\x05");
    expect(&bytes, 5, ErrorCode::UNKNOWN_REQUEST_TYPE, "Unknown request type 4294967295");
}

#[test]
fn streams() {
    for (request_type, name) in [(14, "BEGIN"), (15, "COMMIT"), (16, "ROLLBACK")] {
        let message = format!("Unable to process {name} request out of stream");
        let code = ErrorCode::UNABLE_TO_PROCESS_OUT_OF_STREAM;
        expect(&request(request_type, 5, &[]), 5, code, &message);
    }
    let outside =
        [(7, "AUTH"), (73, "ID"), (74, "WATCH"), (75, "UNWATCH"), (77, "WATCH_ONCE"), (68, "VOTE")];
    for (request_type, name) in outside {
        let message = format!("Unable to process {name} request in stream");
        let code = ErrorCode::UNABLE_TO_PROCESS_IN_STREAM;
        expect(&packet(&[0x83, 0, request_type, 1, 5, 10, 1]), 5, code, &message);
    }
    let mut peer = Peer::new(ServerConfig::default());
    for request_type in [14, 15, 16, 64] {
        peer.send(&packet(&[0x83, 0, request_type, 1, 5, 10, 0xcd, 1, 0]));
        let request = peer.request();
        assert_eq!(request.request_type.number(), u32::from(request_type));
        assert_eq!(request.stream_id, 256);
    }
}

#[test]
fn schema_version() {
    let mut peer = Peer::new(ServerConfig::default());
    peer.conn.set_schema_version(137);
    for (version, passes) in [(0, true), (137, true), (1, false), (136, false)] {
        let bytes = packet(&[0x83, 0, 64, 1, 5, 5, 0xcc, version]);
        if passes {
            peer.send(&bytes);
            assert_eq!(peer.request().schema_version, u64::from(version));
            continue;
        }
        let (_, error) = peer.refused(&bytes);
        assert_eq!(error.code(), ErrorCode::WRONG_SCHEMA_VERSION);
        let message = format!("Wrong schema version, current: {version}, in request: 137");
        assert_eq!(error.message(), message);
        assert_eq!(error.stack()[0].field("expected").unwrap(), Some(137));
    }
    peer.conn.reply_ok(5);
    assert_eq!(peer.replies()[0].header.schema_version, 137);
}

#[test]
fn lengths() {
    let mut config = ServerConfig::default();
    config.packet_bytes_max = 100;
    for (bytes, failure, message) in [
        (
            &[0xa3, 0x61, 0x62, 0x63][..],
            ProtocolError::LengthNotInteger { byte: 0xa3 },
            "Invalid MsgPack - packet length",
        ),
        (
            &[0xd2, 0, 0, 0, 6],
            ProtocolError::LengthNotInteger { byte: 0xd2 },
            "Invalid MsgPack - packet length",
        ),
        (
            &[101],
            ProtocolError::PacketTooLong { length: 101, max: 100 },
            "Invalid MsgPack - too big packet size in the header: 101",
        ),
    ] {
        let mut peer = Peer::new(config.clone());
        peer.send(&request(64, 1, &[]));
        peer.send(bytes);
        assert_eq!(peer.request().sync, 1);
        for _ in 0..2 {
            assert_eq!(peer.event().unwrap_err(), failure);
        }
        let replies = peer.replies();
        assert_eq!(replies.len(), 1, "told once");
        assert_eq!(replies[0].header.sync, 0);
        assert_eq!(error(&replies[0]).code(), ErrorCode::INVALID_MSGPACK);
        assert_eq!(error(&replies[0]).message(), message);
    }
}

#[test]
fn empty_packets() {
    let mut peer = Peer::new(ServerConfig::default());
    peer.send(&[0]);
    assert!(peer.event().unwrap().is_none());
    assert!(peer.output().is_empty(), "noticed with the next byte");
    peer.send(&[0xce, 0, 0, 0, 0]);
    peer.send(&request(64, 7, &[]));
    assert_eq!(peer.request().sync, 7);
    let replies = peer.replies();
    assert_eq!(replies.len(), 2);
    assert!(replies.iter().all(|reply| reply.header.sync == 0));
    assert_eq!(error(&replies[1]).message(), "Invalid MsgPack - packet header");
}

#[test]
fn without_a_connection() {
    let refusal = Incoming::decode(&request(99, 5, &[])[5..].to_vec().into()).unwrap_err();
    assert_eq!((refusal.sync, refusal.error.code()), (5, ErrorCode::UNKNOWN_REQUEST_TYPE));
    assert!(refusal.to_string().contains("Unknown request type 99"));
    assert!(Incoming::decode(&Default::default()).is_err());
}
