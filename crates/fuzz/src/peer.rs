//! A server's bytes, made by hand.

use bytes::BytesMut;
use tarantool_proto::{Connection, Event};

pub(crate) const GREETING: &[u8; 128] = b"Tarantool 2.10.0 (Binary) \
    11111111-1111-4111-8111-111111111111 \n\
    AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=                   \n";

/// The sync ids of the connection's own requests: ID, and the views of the schema.
pub(crate) const ID_SYNC: u64 = 0xffff_ff01;
pub(crate) const SPACES_SYNC: u64 = 0xffff_ff03;

pub(crate) const OK: u32 = 0;
pub(crate) const EVENT: u32 = 76;
pub(crate) const CHUNK: u32 = 0x80;
pub(crate) const ERROR: u32 = 0x8000;

/// What a server without names says of itself: streams, transactions, errors, watchers, pages.
pub(crate) const ID_BODY: &[u8] = &[0x82, 0x54, 0x04, 0x55, 0x95, 0, 1, 2, 3, 4];

/// Appends a packet as servers write it.
pub(crate) fn packet(out: &mut Vec<u8>, kind: u32, sync: u64, body: &[u8]) {
    out.push(0xce);
    out.extend((HEADER_SIZE + body.len() as u32).to_be_bytes());
    out.extend([0x83, 0x00, 0xce]);
    out.extend(kind.to_be_bytes());
    out.extend([0x01, 0xcf]);
    out.extend(sync.to_be_bytes());
    out.extend([0x05, 0xcf]);
    out.extend(SCHEMA.to_be_bytes());
    out.extend(body);
}

const HEADER_SIZE: u32 = 27;
const SCHEMA: u64 = 70;

/// A short string as MessagePack has it.
pub(crate) fn short(text: &[u8]) -> Vec<u8> {
    let length = text.len().min(0x1f);
    [&[0xa0 | length as u8], &text[..length]].concat()
}

/// Greets a new connection and answers its identification.
pub(crate) fn make_ready(conn: &mut Connection, input: &mut BytesMut) {
    input.extend_from_slice(GREETING);
    assert_eq!(conn.poll_event(input), Ok(None));
    assert!(conn.poll_transmit(&mut Vec::new()), "no handshake");
    let mut reply = Vec::new();
    packet(&mut reply, OK, ID_SYNC, ID_BODY);
    input.extend_from_slice(&reply);
    assert_eq!(conn.poll_event(input), Ok(Some(Event::Ready)));
}
