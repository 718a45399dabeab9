//! MessagePack to serde, borrowing strings and binary data from the input.

use std::iter;

use serde::de::value::MapDeserializer;
use serde::de::{self, Deserialize, Visitor};
use serde::forward_to_deserialize_any;

use super::parts::{Pairs, Sequence, Variant, Wanted};
use super::tuple::{self, Formats};
use super::{DEPTH_MAX, DecodeError, Reader, Token, ext, raw};
use crate::server_error::ServerError;

/// Decodes exactly one value.
///
/// Arrays fill tuples and structs by position, maps fill structs by field name. Columns that the
/// type does not have are skipped; columns that the row does not have read as nil, so `Option`
/// fields at the end may be absent. An empty array is an empty map too, as Lua's tables are, but
/// for what serde looks at first: untagged and internally tagged enums, flattened structs.
///
/// # Errors
/// The input is not MessagePack, is more than one value, or does not fit `T`; the message names
/// the place and both types.
pub fn from_slice<'de, T: Deserialize<'de>>(input: &'de [u8]) -> Result<T, DecodeError> {
    let mut deserializer = Deserializer::new(Reader::new(input));
    let value = T::deserialize(&mut deserializer)?;
    if !deserializer.reader.is_empty() {
        let at = deserializer.reader.offset();
        return Err(DecodeError::new("bytes follow after the value").at(at));
    }
    Ok(value)
}

/// A serde deserializer over a [`Reader`]; see [`from_slice`] for the mapping.
#[derive(Debug)]
pub struct Deserializer<'de> {
    pub(super) reader: Reader<'de>,
    depth: usize,
    /// What the fields of tuples are called, if the reply told.
    pub(super) formats: Option<Box<Formats<'de>>>,
}

impl<'de> Deserializer<'de> {
    /// Decodes from where `reader` stands.
    #[must_use]
    pub const fn new(reader: Reader<'de>) -> Self {
        Self { reader, depth: 0, formats: None }
    }

    /// The same with the formats of a reply's tuples, the value of TUPLE_FORMATS: they fill structs
    /// by the names of their fields, in any order.
    #[must_use]
    pub(crate) fn with_formats(mut self, formats: Option<&'de [u8]>) -> Self {
        self.formats = formats.map(|map| Box::new(Formats::new(map)));
        self
    }

    /// The reader, behind what has been decoded.
    #[must_use]
    pub fn into_reader(self) -> Reader<'de> {
        self.reader
    }

    /// Runs `visit` one level deeper and skips what it left of a compound's values.
    pub(super) fn nested<T>(
        &mut self,
        at: usize,
        visit: impl FnOnce(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<T, DecodeError> {
        if self.depth == DEPTH_MAX {
            return Err(DecodeError::too_deep(at));
        }
        self.depth += 1;
        let value = visit(self);
        self.depth -= 1;
        value
    }

    /// `APART` makes a copy of the code for all but rows: called from one place more it would not be
    /// inlined into the usual way to a row, which then takes 15 % more instructions.
    pub(super) fn array<const APART: bool, V: Visitor<'de>>(
        &mut self,
        at: usize,
        length: usize,
        wanted: Wanted,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.nested(at, |this| {
            let mut sequence = Sequence::<APART> { de: this, left: length, index: 0, wanted };
            let value = visitor.visit_seq(&mut sequence)?;
            for _ in 0..sequence.left {
                this.reader.skip()?;
            }
            Ok(value)
        })
    }

    fn map<V: Visitor<'de>>(
        &mut self,
        at: usize,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.nested(at, |this| {
            let mut pairs = Pairs { de: this, left: length };
            let value = visitor.visit_map(&mut pairs)?;
            for _ in 0..2 * pairs.left {
                this.reader.skip()?;
            }
            Ok(value)
        })
    }

    /// An array for a type of known columns; anything else as it is.
    pub(super) fn columns<V: Visitor<'de>>(
        &mut self,
        wanted: Wanted,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        let at = self.reader.offset();
        match self.reader.token()? {
            Token::Array(length) => self.array::<false, V>(at, length, wanted, visitor),
            other => self.no_columns(at, other, wanted, visitor),
        }
        .map_err(|error| error.at(at))
    }

    /// Kept out of the usual way to a row, which then takes fewer instructions.
    #[cold]
    #[inline(never)]
    fn no_columns<V: Visitor<'de>>(
        &mut self,
        at: usize,
        token: Token<'de>,
        wanted: Wanted,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        match token {
            Token::Ext(tuple::KIND, payload) => self.tuple(payload, wanted, visitor),
            other => self.visit(at, other, visitor),
        }
    }

    /// An extension for a type that knows some; anything else as it is.
    fn extension<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, DecodeError> {
        let at = self.reader.offset();
        match self.reader.token()? {
            Token::Ext(tuple::KIND, payload) if self.formats.is_some() => {
                self.tuple(payload, Wanted::Any, visitor)
            }
            Token::Ext(kind, payload) => visitor.visit_enum(ext::Access { kind, payload }),
            other => self.visit(at, other, visitor),
        }
        .map_err(|error| error.at(at))
    }

    fn visit<V: Visitor<'de>>(
        &mut self,
        at: usize,
        token: Token<'de>,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        match token {
            Token::Nil => visitor.visit_unit(),
            Token::Bool(value) => visitor.visit_bool(value),
            Token::Uint(value) => visitor.visit_u64(value),
            Token::Int(value) => visitor.visit_i64(value),
            Token::F32(value) => visitor.visit_f32(value),
            Token::F64(value) => visitor.visit_f64(value),
            Token::Str(bytes) => match simdutf8::basic::from_utf8(bytes) {
                Ok(text) => visitor.visit_borrowed_str(text),
                Err(_) => visitor.visit_borrowed_bytes(bytes),
            },
            Token::Bin(bytes) => visitor.visit_borrowed_bytes(bytes),
            Token::Array(length) => self.array::<true, V>(at, length, Wanted::Any, visitor),
            Token::Map(length) => self.map(at, length, visitor),
            Token::Ext(tuple::KIND, payload) => self.tuple(payload, Wanted::Any, visitor),
            Token::Ext(kind, _) => Err(ext::unexpected(kind, &visitor)),
        }
    }
}

impl<'de> de::Deserializer<'de> for &mut Deserializer<'de> {
    type Error = DecodeError;

    fn is_human_readable(&self) -> bool {
        false
    }

    #[inline]
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let at = self.reader.offset();
        let token = self.reader.token()?;
        self.visit(at, token, visitor).map_err(|error| error.at(at))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        if self.reader.rest().first() == Some(&0xc0) {
            self.reader.skip()?;
            return visitor.visit_none();
        }
        visitor.visit_some(self)
    }

    /// The text of an error where a string is asked for: servers before 2.10 send it so.
    #[inline]
    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let at = self.reader.offset();
        match self.reader.token()? {
            Token::Ext(ERROR, payload) => match ServerError::decode_value(payload) {
                Ok(Some(error)) => visitor.visit_str(error.message()),
                _ => Err(ext::unexpected(ERROR, &visitor)),
            },
            other => self.visit(at, other, visitor),
        }
        .map_err(|error| error.at(at))
    }

    #[inline]
    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.deserialize_str(visitor)
    }

    /// Strings and binary data alike: 2.6 returns binary arguments as strings.
    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let at = self.reader.offset();
        match self.reader.token()? {
            Token::Str(bytes) | Token::Bin(bytes) => visitor.visit_borrowed_bytes(bytes),
            other => self.visit(at, other, visitor),
        }
        .map_err(|error| error.at(at))
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        if name == raw::TOKEN {
            return visitor.visit_borrowed_bytes(self.reader.raw()?);
        }
        if name == ext::TOKEN {
            return self.extension(visitor);
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.columns(Wanted::Count(length), visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.columns(Wanted::Count(length), visitor)
    }

    /// Lua has one kind of table, so that a map that is empty comes as an array.
    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let at = self.reader.offset();
        let mut ahead = self.reader.clone();
        match ahead.token() {
            Ok(Token::Array(0)) => {
                self.reader = ahead;
                let empty = MapDeserializer::new(iter::empty::<((), ())>());
                visitor.visit_map(empty).map_err(|error: DecodeError| error.at(at))
            }
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.columns(Wanted::Fields(fields), visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        let at = self.reader.offset();
        let mut ahead = self.reader.clone();
        match ahead.token()? {
            Token::Map(1) => {
                self.reader = ahead;
                self.nested(at, |this| visitor.visit_enum(Variant { de: this, with_value: true }))
            }
            _ => visitor.visit_enum(Variant { de: self, with_value: false }),
        }
        .map_err(|error| error.at(at))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.reader.skip()?;
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char unit unit_struct seq identifier
    }
}

/// The type of the extension that errors are.
const ERROR: i8 = 3;
