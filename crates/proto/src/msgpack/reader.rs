//! A checked cursor over MessagePack bytes.

use std::fmt;

use super::error::DecodeError;
use super::ext;

/// A cursor that reads MessagePack values from a slice and never past it.
///
/// Array and map headers are checked against the bytes that remain, so a length from a hostile
/// peer is never more than the input could hold. Skipping is iterative: nesting costs no stack.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
    length: usize,
}

/// One MessagePack token: a scalar whole, an array or a map as its header.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Token<'a> {
    /// nil
    Nil,
    /// true or false
    Bool(bool),
    /// A non-negative integer, whatever form it was sent in.
    Uint(u64),
    /// A negative integer.
    Int(i64),
    /// A 32-bit float.
    F32(f32),
    /// A 64-bit float.
    F64(f64),
    /// A string; not necessarily UTF-8.
    Str(&'a [u8]),
    /// Binary data.
    Bin(&'a [u8]),
    /// The header of an array with this many values.
    Array(usize),
    /// The header of a map with this many pairs.
    Map(usize),
    /// An extension value: type and payload.
    Ext(i8, &'a [u8]),
}

impl fmt::Display for Token<'_> {
    /// The token's type, as error messages name it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nil => f.write_str("nil"),
            Self::Bool(_) => f.write_str("a boolean"),
            Self::Uint(value) => write!(f, "the integer {value}"),
            Self::Int(value) => write!(f, "the integer {value}"),
            Self::F32(_) | Self::F64(_) => f.write_str("a float"),
            Self::Str(_) => f.write_str("a string"),
            Self::Bin(_) => f.write_str("binary data"),
            Self::Array(_) => f.write_str("an array"),
            Self::Map(_) => f.write_str("a map"),
            Self::Ext(kind, _) => ext::Kind(*kind).fmt(f),
        }
    }
}

impl<'a> Reader<'a> {
    /// A cursor at the start of `bytes`.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, length: bytes.len() }
    }

    /// How many bytes have been read.
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.length - self.rest.len()
    }

    /// The bytes not read yet.
    #[must_use]
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Whether every byte has been read.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Reads the next token.
    ///
    /// # Errors
    /// The input ends before the token does, or the byte `0xc1` stands where a value must.
    #[inline]
    pub fn token(&mut self) -> Result<Token<'a>, DecodeError> {
        let at = self.offset();
        let [marker] = self.take_array()?;
        Ok(match marker {
            0x00..=0x7f => Token::Uint(u64::from(marker)),
            0x80..=0x8f => self.map_of(usize::from(marker & 0x0f))?,
            0x90..=0x9f => self.array_of(usize::from(marker & 0x0f))?,
            0xa0..=0xbf => Token::Str(self.take(usize::from(marker & 0x1f))?),
            0xc0 => Token::Nil,
            0xc1 => return Err(DecodeError::reserved(at)),
            0xc2 => Token::Bool(false),
            0xc3 => Token::Bool(true),
            0xc4..=0xc6 => {
                let length = self.length_of(marker - 0xc4)?;
                Token::Bin(self.take(length)?)
            }
            0xc7..=0xc9 => {
                let length = self.length_of(marker - 0xc7)?;
                self.ext_of(length)?
            }
            0xca => Token::F32(f32::from_be_bytes(self.take_array()?)),
            0xcb => Token::F64(f64::from_be_bytes(self.take_array()?)),
            0xcc => Token::Uint(u64::from(u8::from_be_bytes(self.take_array()?))),
            0xcd => Token::Uint(u64::from(u16::from_be_bytes(self.take_array()?))),
            0xce => Token::Uint(u64::from(u32::from_be_bytes(self.take_array()?))),
            0xcf => Token::Uint(u64::from_be_bytes(self.take_array()?)),
            0xd0 => signed(i64::from(i8::from_be_bytes(self.take_array()?))),
            0xd1 => signed(i64::from(i16::from_be_bytes(self.take_array()?))),
            0xd2 => signed(i64::from(i32::from_be_bytes(self.take_array()?))),
            0xd3 => signed(i64::from_be_bytes(self.take_array()?)),
            0xd4..=0xd8 => self.ext_of(1 << (marker - 0xd4))?,
            0xd9..=0xdb => {
                let length = self.length_of(marker - 0xd9)?;
                Token::Str(self.take(length)?)
            }
            0xdc | 0xdd => {
                let length = self.length_of(marker - 0xdb)?;
                self.array_of(length)?
            }
            0xde | 0xdf => {
                let length = self.length_of(marker - 0xdd)?;
                self.map_of(length)?
            }
            0xe0..=0xff => Token::Int(i64::from(i8::from_be_bytes([marker]))),
        })
    }

    /// Reads a non-negative integer of any width.
    ///
    /// # Errors
    /// As [`token`](Self::token), or the value is something else.
    #[inline]
    pub fn uint(&mut self) -> Result<u64, DecodeError> {
        if let Some((&small @ 0..=0x7f, rest)) = self.rest.split_first() {
            self.rest = rest;
            return Ok(u64::from(small));
        }
        let at = self.offset();
        match self.token()? {
            Token::Uint(value) => Ok(value),
            other => Err(DecodeError::unexpected(at, "an unsigned integer", other)),
        }
    }

    /// Reads the key of a pair. `None`: one that is no unsigned integer of 32 bits.
    #[inline]
    pub(crate) fn key(&mut self) -> Result<Option<u32>, DecodeError> {
        match self.rest.first() {
            Some(0x00..=0x7f | 0xcc..=0xcf) => Ok(u32::try_from(self.uint()?).ok()),
            _ => self.skip().map(|()| None),
        }
    }

    /// Reads a string's bytes.
    ///
    /// # Errors
    /// As [`token`](Self::token), or the value is something else.
    pub fn str_bytes(&mut self) -> Result<&'a [u8], DecodeError> {
        let at = self.offset();
        match self.token()? {
            Token::Str(bytes) => Ok(bytes),
            other => Err(DecodeError::unexpected(at, "a string", other)),
        }
    }

    /// Reads an array's header and returns the number of its values.
    ///
    /// # Errors
    /// As [`token`](Self::token), or the value is something else.
    pub fn array(&mut self) -> Result<usize, DecodeError> {
        let at = self.offset();
        match self.token()? {
            Token::Array(length) => Ok(length),
            other => Err(DecodeError::unexpected(at, "an array", other)),
        }
    }

    /// Reads a map's header and returns the number of its pairs.
    ///
    /// # Errors
    /// As [`token`](Self::token), or the value is something else.
    #[inline]
    pub fn map(&mut self) -> Result<usize, DecodeError> {
        let at = self.offset();
        match self.token()? {
            Token::Map(length) => Ok(length),
            other => Err(DecodeError::unexpected(at, "a map", other)),
        }
    }

    /// Skips one value, whatever it holds.
    ///
    /// # Errors
    /// As [`token`](Self::token).
    pub fn skip(&mut self) -> Result<(), DecodeError> {
        let mut pending = 1_usize;
        while pending > 0 {
            pending -= 1;
            match self.token()? {
                // Each header is checked against the remaining input, but many may claim it.
                Token::Array(length) => pending = pending.saturating_add(length),
                Token::Map(length) => pending = pending.saturating_add(2 * length),
                _ => {}
            }
        }
        Ok(())
    }

    /// Reads one value as the bytes it is made of.
    ///
    /// # Errors
    /// As [`token`](Self::token).
    pub fn raw(&mut self) -> Result<&'a [u8], DecodeError> {
        let start = self.rest;
        self.skip()?;
        Ok(&start[..start.len() - self.rest.len()])
    }

    /// Continues at `rest`, the end of what has not been read yet.
    #[inline]
    pub(crate) fn advance_to(&mut self, rest: &'a [u8]) {
        debug_assert!(rest.len() <= self.rest.len(), "not the end of the same input");
        self.rest = rest;
    }

    /// A cursor over the payload that was read last, whose offsets are those of the whole input.
    pub(super) const fn within(&self, payload: &'a [u8]) -> Self {
        Self { rest: payload, length: self.offset() }
    }

    #[inline]
    fn take(&mut self, length: usize) -> Result<&'a [u8], DecodeError> {
        match self.rest.split_at_checked(length) {
            Some((taken, rest)) => {
                self.rest = rest;
                Ok(taken)
            }
            None => Err(self.truncated(length)),
        }
    }

    #[inline]
    fn take_array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        match self.rest.split_first_chunk() {
            Some((taken, rest)) => {
                self.rest = rest;
                Ok(*taken)
            }
            None => Err(self.truncated(N)),
        }
    }

    /// `width` is 0, 1 or 2 for a length of 1, 2 or 4 bytes.
    fn length_of(&mut self, width: u8) -> Result<usize, DecodeError> {
        Ok(match width {
            0 => usize::from(u8::from_be_bytes(self.take_array()?)),
            1 => usize::from(u16::from_be_bytes(self.take_array()?)),
            _ => u32::from_be_bytes(self.take_array()?) as usize,
        })
    }

    fn array_of(&mut self, length: usize) -> Result<Token<'a>, DecodeError> {
        if length > self.rest.len() {
            return Err(self.truncated(length));
        }
        Ok(Token::Array(length))
    }

    fn map_of(&mut self, length: usize) -> Result<Token<'a>, DecodeError> {
        if length > self.rest.len() / 2 {
            return Err(self.truncated(length.saturating_mul(2)));
        }
        Ok(Token::Map(length))
    }

    fn ext_of(&mut self, length: usize) -> Result<Token<'a>, DecodeError> {
        let [kind] = self.take_array()?;
        Ok(Token::Ext(i8::from_be_bytes([kind]), self.take(length)?))
    }

    #[cold]
    fn truncated(&self, needed: usize) -> DecodeError {
        DecodeError::truncated(self.offset(), needed, self.rest.len())
    }
}

fn signed<'a>(value: i64) -> Token<'a> {
    u64::try_from(value).map_or(Token::Int(value), Token::Uint)
}
