//! The header of a request.

use super::refusal::{self, Refusal};
use crate::keys::{Key, RequestType};
use crate::msgpack::{Reader, Token};

/// What the header of a request says; absent keys are 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct RequestHeader {
    /// The low 32 bits of the type, all that servers look at.
    pub(super) number: u32,
    pub(super) sync: u64,
    pub(super) stream_id: u64,
    pub(super) schema_version: u64,
}

impl RequestHeader {
    /// Reads the header map and stands behind it afterwards.
    ///
    /// The refusal has the SYNC that was read by then (IPROTO reference, section 3); none was if the
    /// header is not MessagePack, which servers look at first.
    pub(super) fn decode(reader: &mut Reader<'_>) -> Result<Self, Refusal> {
        let start = reader.clone();
        let mut header = Self::default();
        if header.read(reader).is_some() {
            return Ok(header);
        }
        let sync = if start.clone().skip().is_ok() { header.sync } else { 0 };
        Err(Refusal { sync, error: refusal::malformed("packet header") })
    }

    fn read(&mut self, reader: &mut Reader<'_>) -> Option<()> {
        for _ in 0..reader.map().ok()? {
            let Ok(Token::Uint(key)) = reader.token() else {
                return None;
            };
            let Some(key) = u32::try_from(key).ok().map(Key::new) else {
                reader.skip().ok()?;
                continue;
            };
            match expected(key) {
                Expected::Uint => {
                    let value = reader.uint().ok()?;
                    self.set(key, value);
                }
                expected => {
                    let mut value = reader.clone();
                    reader.skip().ok()?;
                    if !expected.fits(&value.token().ok()?) {
                        return None;
                    }
                }
            }
        }
        Some(())
    }

    fn set(&mut self, key: Key, value: u64) {
        match key {
            Key::REQUEST_TYPE => self.number = value as u32,
            Key::SYNC => self.sync = value,
            Key::SCHEMA_VERSION => self.schema_version = value,
            Key::STREAM_ID => self.stream_id = value,
            _ => {}
        }
    }

    pub(super) const fn request_type(&self) -> RequestType {
        RequestType::new(self.number)
    }
}

/// The type that servers check the value of a key for.
#[derive(Clone, Copy)]
enum Expected {
    Any,
    Uint,
    Double,
    Bool,
    Str,
    Array,
    Map,
    Ext,
}

impl Expected {
    fn fits(self, value: &Token<'_>) -> bool {
        match self {
            Self::Any => true,
            Self::Uint => matches!(value, Token::Uint(_)),
            Self::Double => matches!(value, Token::F64(_)),
            Self::Bool => matches!(value, Token::Bool(_)),
            Self::Str => matches!(value, Token::Str(_)),
            Self::Array => matches!(value, Token::Array(_)),
            Self::Map => matches!(value, Token::Map(_)),
            Self::Ext => matches!(value, Token::Ext(..)),
        }
    }
}

/// Keys of the body are checked in headers too, though nothing is done with them there.
fn expected(key: Key) -> Expected {
    match key.number() {
        0x00..=0x03 | 0x05..=0x0b | 0x10..=0x15 => Expected::Uint,
        0x34 | 0x53 | 0x54 | 0x59 | 0x5a | 0x64 => Expected::Uint,
        0x04 | 0x56 => Expected::Double,
        0x1f | 0x50 | 0x61 | 0x62 => Expected::Bool,
        0x20 | 0x21 | 0x28 | 0x2c | 0x2d | 0x2f | 0x30 | 0x32 | 0x33 | 0x41 | 0x51 | 0x55 => {
            Expected::Array
        }
        0x22..=0x25 | 0x27 | 0x2e | 0x31 | 0x35 | 0x57 | 0x5b..=0x5f => Expected::Str,
        0x26 | 0x29..=0x2b | 0x42 | 0x52 | 0x60 | 0x63 => Expected::Map,
        0x36 => Expected::Ext,
        _ => Expected::Any,
    }
}
