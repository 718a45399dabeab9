//! The protocol's bytes, by hand.

use tarantool_client::msgpack::{Reader, write};

pub const GREETING: &[u8; 128] = b"Tarantool 2.6.0 (Binary) \
    11111111-1111-4111-8111-111111111111  \n\
    AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=                   \n";

pub const ID: u64 = 73;

/// A request as it was read.
#[derive(Clone, Debug)]
pub struct Request {
    pub kind: u64,
    pub sync: u64,
}

/// The first whole request in `input`, and its length.
pub fn parse(input: &[u8]) -> Option<(Request, usize)> {
    let mut reader = Reader::new(input);
    let length = reader.uint().ok()? as usize;
    let end = reader.offset() + length;
    if input.len() < end {
        return None;
    }
    let (mut kind, mut sync) = (0, 0);
    for _ in 0..reader.map().unwrap() {
        match reader.uint().unwrap() {
            0 => kind = reader.uint().unwrap(),
            1 => sync = reader.uint().unwrap(),
            _ => reader.skip().unwrap(),
        }
    }
    Some((Request { kind, sync }, end))
}

/// A packet of this content.
pub fn packet(content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0xce];
    bytes.extend((content.len() as u32).to_be_bytes());
    bytes.extend(content);
    bytes
}

/// A packet with the header of a reply.
pub fn reply(kind: u32, sync: u64, body: &[u8]) -> Vec<u8> {
    let mut content = vec![0x83, 0x00, 0xce];
    content.extend(kind.to_be_bytes());
    content.extend([0x01, 0xcf]);
    content.extend(sync.to_be_bytes());
    content.extend([0x05, 0xce, 0, 0, 0, 70]);
    content.extend(body);
    packet(&content)
}

/// A success without data.
pub fn ok(sync: u64) -> Vec<u8> {
    reply(0, sync, &[0x80])
}

/// A success with one value.
pub fn ok_with(sync: u64, value: &[u8]) -> Vec<u8> {
    let mut body = vec![0x81, 0x30, 0x91];
    body.extend(value);
    reply(0, sync, &body)
}

pub fn error(sync: u64, code: u32, text: &str) -> Vec<u8> {
    let mut body = vec![0x81, 0x31];
    write::str(&mut body, text.as_bytes());
    reply(0x8000 | code, sync, &body)
}

/// The answer of server 2.6 to ID.
pub fn id_unknown(sync: u64) -> Vec<u8> {
    error(sync, 48, "Unknown request type 73")
}
