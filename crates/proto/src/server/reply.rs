//! Replies as bytes (IPROTO reference, sections 3 and 6).

use std::ops::Range;

use crate::error_code::ErrorCode;
use crate::keys::{Key, RequestType};
use crate::msgpack::write;
use crate::server_error::ServerError;

/// The body of a success that says nothing more.
pub(super) const EMPTY: &[u8] = &[0x80];

/// What a reply says about the request and the server.
#[derive(Clone, Copy)]
pub(super) struct To {
    pub(super) sync: u64,
    pub(super) schema_version: u64,
}

/// Appends a reply with the body that `body` appends; an error if it is longer than any packet may
/// be.
pub(super) fn reply(
    out: &mut Vec<u8>,
    request_type: RequestType,
    to: To,
    body: impl FnOnce(&mut Vec<u8>),
) {
    if !packet(out, request_type, to, body) {
        let error = ServerError::new(ErrorCode::UNSUPPORTED, "A reply of over 2 GiB");
        packet(out, error_type(&error), to, |out| error.encode(out));
    }
}

/// Appends an error reply.
pub(super) fn error(out: &mut Vec<u8>, to: To, error: &ServerError) {
    reply(out, error_type(error), to, |out| error.encode(out));
}

/// Appends the body of a reply with data: the rows, in an array whose header is 5 bytes always.
pub(super) fn data<'a>(out: &mut Vec<u8>, rows: impl IntoIterator<Item = &'a [u8]>) {
    write::uint(out, u64::from(Key::DATA.number()));
    out.extend_from_slice(&[0xdd, 0, 0, 0, 0]);
    let start = out.len();
    let mut count = 0_u32;
    for row in rows {
        out.extend_from_slice(row);
        count = count.saturating_add(1);
    }
    if let Some(place) = out.get_mut(start - 4..start) {
        place.copy_from_slice(&count.to_be_bytes());
    }
}

/// Appends an event of a watcher, which has no schema version and the shortest integers.
pub(super) fn event(out: &mut Vec<u8>, sync: u64, key: &[u8], value: Option<&[u8]>) {
    let start = out.len();
    out.extend_from_slice(&PREFIX);
    write::map(out, 2);
    write::uint(out, u64::from(Key::REQUEST_TYPE.number()));
    write::uint(out, u64::from(RequestType::EVENT.number()));
    write::uint(out, u64::from(Key::SYNC.number()));
    write::uint(out, sync);
    write::map(out, 1 + usize::from(value.is_some()));
    write::uint(out, u64::from(Key::EVENT_KEY.number()));
    write::str(out, key);
    if let Some(value) = value {
        write::uint(out, u64::from(Key::EVENT_DATA.number()));
        out.extend_from_slice(value);
    }
    seal(out, start);
}

fn error_type(error: &ServerError) -> RequestType {
    let code = error.code().number() & (RequestType::ERROR_BIT - 1);
    RequestType::new(RequestType::ERROR_BIT | code)
}

/// `false`: it would be too long, and nothing is appended.
fn packet(
    out: &mut Vec<u8>,
    request_type: RequestType,
    to: To,
    body: impl FnOnce(&mut Vec<u8>),
) -> bool {
    let start = out.len();
    out.extend_from_slice(&PREFIX);
    out.extend_from_slice(&[0x83, Key::REQUEST_TYPE.number() as u8, 0xce]);
    out.extend_from_slice(&request_type.number().to_be_bytes());
    out.extend_from_slice(&[Key::SYNC.number() as u8, 0xcf]);
    out.extend_from_slice(&to.sync.to_be_bytes());
    out.extend_from_slice(&[Key::SCHEMA_VERSION.number() as u8, 0xcf]);
    out.extend_from_slice(&to.schema_version.to_be_bytes());
    body(out);
    seal(out, start)
}

/// Fills in the length of the packet that begins at `start`; takes it back if it is too long.
fn seal(out: &mut Vec<u8>, start: usize) -> bool {
    let length = out.len() - start - PREFIX.len();
    let place = out.get_mut(start + LENGTH.start..start + LENGTH.end);
    match (u32::try_from(length), place) {
        (Ok(small), Some(place)) if length <= LENGTH_MAX => {
            place.copy_from_slice(&small.to_be_bytes());
            true
        }
        _ => {
            out.truncate(start);
            false
        }
    }
}

/// A length of 4 bytes, to be filled in: servers write no other.
const PREFIX: [u8; 5] = [0xce, 0, 0, 0, 0];
const LENGTH: Range<usize> = 1..5;
/// The longest packet there is.
const LENGTH_MAX: usize = 1 << 31;
