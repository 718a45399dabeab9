//! Replies byte by byte, as servers write them, and errors with all they carry.

use tarantool_proto::server::ServerConfig;
use tarantool_proto::{ErrorCode, Feature, FeatureSet, Header, ServerError};

use crate::load::to_hex;
use crate::peer::{Peer, error, map, request};

fn peer() -> Peer {
    let mut config = ServerConfig::default();
    config.instance_uuid = "11111111-1111-4111-8111-111111111111".into();
    let mut peer = Peer::new(config);
    peer.conn.set_schema_version(0x89);
    peer
}

#[test]
fn as_servers_write_them() {
    let mut peer = peer();
    let conn = &mut peer.conn;
    conn.reply_ok(1);
    conn.reply_data(0x0f, [b"\x92\x0b\xa6second".as_slice()]);
    conn.reply_data(1, []);
    let rows = [b"\x92\x01\xa3odd".as_slice(), b"\x92\x02\xa4even", b"\x92\x03\xa3odd"];
    conn.reply_page(0x49, rows, Some(b"kQM"));
    conn.reply_chunk(2, b"\x92\xa5chunk\x01");
    conn.send_event(2, b"k1", Some(b"\xa2v1"));
    conn.send_event(0, b"", None);
    let expected = [
        "ce0000001c8300ce0000000001cf000000000000000105cf000000000000008980",
        "ce0000002b8300ce0000000001cf000000000000000f05cf00000000000000898130dd00000001920ba67365636f6e64",
        "ce000000228300ce0000000001cf000000000000000105cf00000000000000898130dd00000000",
        "ce0000003a8300ce0000000001cf000000000000004905cf00000000000000898230dd000000039201a36f64649202a46576656e9203a36f646435a36b514d",
        "ce0000002a8300ce0000008001cf000000000000000205cf00000000000000898130dd0000000192a56368756e6b01",
        "ce0000000e82004c01028257a26b3158a27631",
        "ce0000000882004c01008157a0",
    ];
    assert_eq!(to_hex(&peer.output()), expected.concat());
}

/// As captured from server 3.7.0, but for file, line and so the length.
#[test]
fn errors_as_servers_write_them() {
    let mut peer = peer();
    peer.send(&request(99, 0x1c, &[0x80]));
    assert!(peer.event().unwrap().is_none());
    let expected = [
        "ce000000938300ce0000803001cf000000000000001c05cf0000000000000089",
        "8231b7556e6b6e6f776e20726571756573742074797065203939528100918700ab436c69656e744572726f72",
        "020001a8656d62656464656403b7556e6b6e6f776e20726571756573742074797065203939040005300682",
        "a46e616d65b4554e4b4e4f574e5f524551554553545f54595045a576616c756563",
    ];
    assert_eq!(to_hex(&peer.output()), expected.concat());
}

#[test]
fn identification() {
    let mut peer = peer();
    assert!(peer.conn.features().is_empty());
    let announced = map(&[
        (0x54, 10.into()),
        (0x55, crate::peer::array(&[2.into(), 63.into(), 500.into(), u64::MAX.into()])),
    ]);
    peer.send(&request(73, 1, &announced));
    assert!(peer.event().unwrap().is_none());
    assert_eq!(peer.conn.in_progress(), 0);
    let expected: FeatureSet = [Feature::ERROR_EXTENSION, Feature::new(63)].into_iter().collect();
    assert_eq!(peer.conn.features(), expected);
    let reply = peer.replies().remove(0);
    assert_eq!(to_hex(&reply.body), "83540a5598000102030405060b5ba9636861702d73686131");

    peer.send(&request(73, 2, &[0x80]));
    assert!(peer.event().unwrap().is_none());
    assert!(peer.conn.features().is_empty(), "the last one counts");
}

#[test]
fn an_error_comes_back_as_it_was() {
    let cause = ServerError::new(ErrorCode::NO_SUCH_SPACE, "no space").with_kind("Other");
    let sent = ServerError::new(ErrorCode::new(70_000), "текст")
        .with_field("tuple", &(1, "x"))
        .with_field("tuple", &(2, "y"))
        .caused_by(cause.clone())
        .caused_by(cause);
    let mut peer = peer();
    peer.conn.reply_error(u64::MAX, &sent);
    let reply = peer.replies().remove(0);
    assert_eq!(reply.header.request_type.number(), 0x8000 | 4464);
    let received = error(&reply);
    assert_eq!(received, sent);
    assert_eq!(received.code(), ErrorCode::new(70_000));
    assert_eq!(received.stack().len(), 3);
    let newest = &received.stack()[0];
    assert_eq!(newest.field_names().collect::<Vec<_>>(), ["name", "tuple"]);
    assert_eq!(newest.field("name").unwrap(), Some("UNKNOWN"));
    assert_eq!(newest.field("tuple").unwrap(), Some((2, "y")));
    assert_eq!(received.stack()[1].field_names().count(), 0);
    assert_eq!(&*received.stack()[1].kind, "Other");
}

#[test]
fn an_error_of_a_server_without_stacks() {
    let mut header = Header::decode(&mut tarantool_proto::msgpack::Reader::new(&[0x80])).unwrap();
    header.request_type = 0x8024.into();
    let old = ServerError::decode(&header, b"\x81\x31\xa3old");
    let mut body = Vec::new();
    old.encode(&mut body);
    assert_eq!(body, b"\x81\x31\xa3old");
    let newer = ServerError::new(ErrorCode::UNKNOWN, "newer").caused_by(old);
    assert_eq!(newer.stack()[1].code, ErrorCode::NO_SUCH_SPACE);
    assert_eq!(&*newer.stack()[1].message, "old");
}
