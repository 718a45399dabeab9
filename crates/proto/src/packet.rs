//! Packets on their way in: cut off the input, with their header.

use bytes::{Buf, Bytes, BytesMut};

use crate::error::ProtocolError;
use crate::keys::{Key, RequestType};
use crate::msgpack::{DecodeError, Reader};

/// The header of an incoming packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Header {
    /// Reply type; [`RequestType::OK`] when absent.
    pub request_type: RequestType,
    /// The sync id of the request that this answers; 0 when absent.
    pub sync: u64,
    /// The version of the server's schema; 0 when absent.
    pub schema_version: u64,
}

impl Header {
    /// Reads a header map and stands behind it afterwards, where the body begins.
    ///
    /// # Errors
    /// The bytes are not a map, or a known key has a value of the wrong type. Unknown keys are
    /// skipped, strings among them: server-side code may send any.
    #[inline]
    pub fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        if let Some((header, rest)) = Self::decode_usual(reader.rest()) {
            reader.advance_to(rest);
            return Ok(header);
        }
        Self::decode_any(reader)
    }

    /// The header as servers write it in replies: three keys, in this order and width.
    #[inline]
    fn decode_usual(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (usual, rest) = bytes.split_first_chunk::<19>()?;
        let &[
            0x83,
            0x00,
            0xce,
            t0,
            t1,
            t2,
            t3,
            0x01,
            0xcf,
            s0,
            s1,
            s2,
            s3,
            s4,
            s5,
            s6,
            s7,
            0x05,
            width,
        ] = usual
        else {
            return None;
        };
        let (schema_version, rest) = match width {
            0xcf => rest.split_first_chunk().map(|(v, rest)| (u64::from_be_bytes(*v), rest))?,
            0xce => {
                rest.split_first_chunk().map(|(v, rest)| (u32::from_be_bytes(*v).into(), rest))?
            }
            _ => return None,
        };
        let request_type = RequestType::new(u32::from_be_bytes([t0, t1, t2, t3]));
        let sync = u64::from_be_bytes([s0, s1, s2, s3, s4, s5, s6, s7]);
        Some((Self { request_type, sync, schema_version }, rest))
    }

    fn decode_any(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut header = Self { request_type: RequestType::OK, sync: 0, schema_version: 0 };
        for _ in 0..reader.map()? {
            match reader.key()?.map(Key::new) {
                Some(Key::REQUEST_TYPE) => {
                    let number = u32::try_from(reader.uint()?).unwrap_or(u32::MAX);
                    header.request_type = RequestType::new(number);
                }
                Some(Key::SYNC) => header.sync = reader.uint()?,
                Some(Key::SCHEMA_VERSION) => header.schema_version = reader.uint()?,
                _ => reader.skip()?,
            }
        }
        Ok(header)
    }
}

/// An incoming packet: its header and the bytes of its body, empty if it has none.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Packet {
    /// The decoded header.
    pub header: Header,
    /// The body, a slice of the input without a copy.
    pub body: Bytes,
}

/// Cuts the first whole packet off `input`. `None`: read more.
///
/// Nothing is allocated for a packet that has not arrived, whatever its length prefix claims.
///
/// # Errors
/// The length is no unsigned integer, is 0, or is over `packet_bytes_max`; or the header is not a
/// map of the expected types. None of these can be recovered from: the connection must end.
#[inline]
pub fn split(
    input: &mut BytesMut,
    packet_bytes_max: usize,
) -> Result<Option<Packet>, ProtocolError> {
    let Some((prefix, length)) = whole(input, packet_bytes_max)? else {
        return Ok(None);
    };
    let mut reader = Reader::new(&input[prefix..prefix + length]);
    let header = Header::decode(&mut reader).map_err(ProtocolError::Header)?;
    let header_length = reader.offset();
    input.advance(prefix + header_length);
    let body = input.split_to(length - header_length).freeze();
    Ok(Some(Packet { header, body }))
}

/// The size of the length prefix and the length in it, once all of the first packet has arrived.
#[inline]
pub(crate) fn whole(
    input: &[u8],
    packet_bytes_max: usize,
) -> Result<Option<(usize, usize)>, ProtocolError> {
    let Some((prefix, length)) = peek_length(input)? else {
        return Ok(None);
    };
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    if length > packet_bytes_max {
        return Err(ProtocolError::PacketTooLong { length, max: packet_bytes_max });
    }
    if length == 0 {
        return Err(ProtocolError::EmptyPacket);
    }
    Ok((input.len() - prefix >= length).then_some((prefix, length)))
}

/// The size of the length prefix and the length in it, once all of the prefix has arrived.
#[inline]
pub(crate) fn peek_length(input: &[u8]) -> Result<Option<(usize, u64)>, ProtocolError> {
    let Some(&marker) = input.first() else {
        return Ok(None);
    };
    let size = match marker {
        0x00..=0x7f => 1,
        0xcc => 2,
        0xcd => 3,
        0xce => 5,
        0xcf => 9,
        _ => return Err(ProtocolError::LengthNotInteger { byte: marker }),
    };
    let Some(prefix) = input.get(..size) else {
        return Ok(None);
    };
    let length = Reader::new(prefix).uint().map_err(ProtocolError::Header)?;
    Ok(Some((size, length)))
}
