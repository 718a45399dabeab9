//! Bytes of a peer that means harm: an error, never a panic, and nothing kept for what was only
//! announced.

use proptest::prelude::*;
use tarantool_proto::replication::{Event, FollowError};
use tarantool_proto::{ConnectionError, ProtocolError};

use crate::peer::{
    DELETE, INSERT, Link, SNAPSHOT, SUBSCRIBE, UPDATE, UPSERT, array, config, map, packet,
    packet_of, row, row_of, snapshot_row, tuple, vclock_reply,
};

#[test]
fn packets_that_are_too_long_or_none() {
    let mut config = config();
    config.packet_bytes_max = 1000;
    let protocol = |bytes: &[u8]| {
        let mut link = Link::subscribed(config.clone(), 10);
        match link.feed_to_end(bytes) {
            FollowError::Connection(ConnectionError::Protocol(error)) => error,
            other => panic!("{other}"),
        }
    };
    let long = ProtocolError::PacketTooLong { length: 1001, max: 1000 };
    assert_eq!(protocol(&[0xcd, 0x03, 0xe9]), long);
    assert_eq!(protocol(&[0x00, 0x00]), ProtocolError::EmptyPacket);
    assert_eq!(protocol(&[0xd2, 0, 0, 0, 1]), ProtocolError::LengthNotInteger { byte: 0xd2 });
    assert!(matches!(protocol(&packet(&[0x90])), ProtocolError::Header(_)));
    // A header whose values are of other types.
    for (key, value) in
        [(2, "x".into()), (3, (-1).into()), (4, 1.into()), (5, "x".into()), (8, "x".into())]
    {
        let header = [(0, INSERT.into()), (1, SUBSCRIBE.into()), (key, value)];
        assert!(matches!(protocol(&packet_of(&header, None)), ProtocolError::Header(_)), "{key}");
    }
}

#[test]
fn rows_that_lack_something() {
    let space = || (0x10, 512.into());
    for (kind, body) in [
        (INSERT, None),
        (INSERT, Some(map(&[space()]))),
        (INSERT, Some(map(&[(0x21, array(&[1]))]))),
        (INSERT, Some(array(&[1]))),
        (INSERT, Some(map(&[(0x10, "x".into()), (0x21, array(&[1]))]))),
        (UPDATE, Some(map(&[space(), (0x20, array(&[1]))]))),
        (UPDATE, Some(map(&[space(), (0x21, array(&[1]))]))),
        (UPSERT, Some(tuple(512, &[1]))),
        (DELETE, Some(map(&[space(), (0x21, array(&[1]))]))),
    ] {
        let mut link = Link::subscribed(config(), 10);
        let end = link.feed_to_end(&row(kind, 11, body.clone()));
        assert!(matches!(end, FollowError::Malformed(_)), "{kind} {body:?}: {end}");
    }
    // Bytes behind the body, and a body that is cut off.
    let good = row(INSERT, 11, Some(tuple(512, &[1])));
    for content in [[&good[5..], &[0xc0]].concat(), good[5..good.len() - 1].to_vec()] {
        let mut link = Link::subscribed(config(), 10);
        let end = link.feed_to_end(&packet(&content));
        assert!(matches!(end, FollowError::Malformed(_)), "{end}");
    }
}

#[test]
fn snapshots_as_of_no_vclock() {
    let header = [(0, 0.into()), (1, SNAPSHOT.into())];
    for body in [None, Some(map(&[])), Some(map(&[(0x26, array(&[1]))]))] {
        let mut link = Link::asked(config());
        let end = link.feed_to_end(&packet_of(&header, body));
        assert!(matches!(end, FollowError::Malformed(_)), "{end}");
    }
    let mut link = Link::asked(config());
    let end = link.feed_to_end(&vclock_reply(SNAPSHOT, &[(32, 1)]));
    assert!(end.to_string().contains("below 32"), "{end}");
}

/// Sessions of which bytes are changed.
fn session(is_snapshot: bool) -> (Link, Vec<u8>) {
    let part = |lsn, more: &[(u64, u64)]| row_of(INSERT, 1, lsn, more, Some(tuple(512, &[1, 2])));
    if is_snapshot {
        let rows = [
            vclock_reply(SNAPSHOT, &[(1, 10)]),
            snapshot_row(tuple(512, &[1])),
            vclock_reply(SNAPSHOT, &[(1, 10)]),
            crate::peer::subscribed(crate::peer::REPLICASET),
            part(11, &[]),
        ];
        return (Link::asked(config()), rows.concat());
    }
    let rows = [
        part(11, &[(8, 0)]),
        crate::peer::heartbeat(),
        part(12, &[(8, 1), (9, 1)]),
        crate::peer::error(SUBSCRIBE, 115, "timed out"),
    ];
    (Link::subscribed(config(), 10), rows.concat())
}

fn life(mut link: Link, bytes: &[u8], piece: usize) -> (Vec<Event>, Option<FollowError>) {
    let mut seen = Vec::new();
    for piece in bytes.chunks(piece) {
        link.input.extend_from_slice(piece);
        let (events, end) = link.events_to_end();
        for event in &events {
            if let Event::Change(change) = event {
                let _ = (change.decode::<(u64, u64)>(), format!("{change:?}"));
            }
        }
        seen.extend(events);
        link.write();
        if end.is_some() {
            return (seen, end);
        }
    }
    (seen, None)
}

proptest! {
    #[test]
    fn any_bytes(is_snapshot: bool, bytes in prop::collection::vec(any::<u8>(), 0..200), piece in 1_usize..9) {
        let whole = life(session(is_snapshot).0, &bytes, usize::MAX);
        prop_assert_eq!(life(session(is_snapshot).0, &bytes, piece), whole);
    }

    #[test]
    fn changed_bytes(is_snapshot: bool, at: prop::sample::Index, byte: u8, piece in 1_usize..9) {
        let (link, mut bytes) = session(is_snapshot);
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let whole = life(link, &bytes, usize::MAX);
        prop_assert_eq!(life(session(is_snapshot).0, &bytes, piece), whole);
    }
}
