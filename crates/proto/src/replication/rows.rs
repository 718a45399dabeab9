//! Cutting rows off the input.

use bytes::{Buf, Bytes, BytesMut};

use crate::error::ProtocolError;
use crate::keys::{Key, RequestType};
use crate::msgpack::{DecodeError, Reader, Token};
use crate::packet::{self, Header};

/// A packet of a replication stream: the header has more than that of a reply.
#[derive(Debug)]
pub(super) struct Packet {
    pub(super) header: Header,
    pub(super) row: RowHeader,
    pub(super) body: Bytes,
}

/// What the header of a row has besides.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct RowHeader {
    pub(super) replica_id: u32,
    pub(super) lsn: u64,
    pub(super) timestamp: Option<f64>,
    /// `None`: the only row of its transaction.
    pub(super) tsn: Option<u64>,
    pub(super) flags: u64,
}

impl RowHeader {
    const COMMIT: u64 = 1;
    const WAIT_SYNC: u64 = 2;
    const WAIT_ACK: u64 = 4;

    pub(super) fn is_last(&self) -> bool {
        self.tsn.is_none() || self.flags & Self::COMMIT != 0
    }

    pub(super) fn waits_sync(&self) -> bool {
        self.flags & Self::WAIT_SYNC != 0
    }

    pub(super) fn waits_ack(&self) -> bool {
        self.flags & Self::WAIT_ACK != 0
    }
}

/// Cuts the first whole packet off `input`. `None`: read more.
pub(super) fn split(
    input: &mut BytesMut,
    packet_bytes_max: usize,
) -> Result<Option<Packet>, ProtocolError> {
    let Some((prefix, length)) = packet::whole(input, packet_bytes_max)? else {
        return Ok(None);
    };
    let packet = input.get(prefix..prefix + length).unwrap_or_default();
    let mut reader = Reader::new(packet);
    let (header, row) = read_header(&mut reader).map_err(ProtocolError::Header)?;
    let header_length = reader.offset();
    input.advance(prefix + header_length);
    let body = input.split_to(length - header_length).freeze();
    Ok(Some(Packet { header, row, body }))
}

fn read_header(reader: &mut Reader<'_>) -> Result<(Header, RowHeader), DecodeError> {
    let mut header = Header { request_type: RequestType::OK, sync: 0, schema_version: 0 };
    let mut row = RowHeader::default();
    for _ in 0..reader.map()? {
        match reader.key()?.map(Key::new) {
            Some(Key::REQUEST_TYPE) => {
                header.request_type = RequestType::new(narrow(reader.uint()?));
            }
            Some(Key::SYNC) => header.sync = reader.uint()?,
            Some(Key::SCHEMA_VERSION) => header.schema_version = reader.uint()?,
            Some(Key::REPLICA_ID) => row.replica_id = narrow(reader.uint()?),
            Some(Key::LSN) => row.lsn = reader.uint()?,
            Some(Key::TIMESTAMP) => match reader.token()? {
                Token::F64(seconds) => row.timestamp = Some(seconds),
                other => {
                    return Err(DecodeError::new(format!("expected a double, found {other}")));
                }
            },
            Some(Key::TSN) => row.tsn = Some(reader.uint()?),
            Some(Key::FLAGS) => row.flags = reader.uint()?,
            _ => reader.skip()?,
        }
    }
    Ok((header, row))
}

pub(super) fn narrow(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// The value of a key of a body, which may be absent.
pub(super) fn value<'a, T>(
    body: &'a [u8],
    key: Key,
    read: impl Fn(&mut Reader<'a>) -> Result<T, DecodeError>,
) -> Result<Option<T>, DecodeError> {
    if body.is_empty() {
        return Ok(None);
    }
    let mut reader = Reader::new(body);
    let mut found = None;
    for _ in 0..reader.map()? {
        if reader.key()? == Some(key.number()) {
            found = Some(read(&mut reader)?);
        } else {
            reader.skip()?;
        }
    }
    Ok(found)
}
