//! serde to MessagePack, straight into the request's bytes.

use std::ops::Range;

use serde::ser::{self, Serialize};

use super::{EncodeError, ext, raw, write};

/// Appends one value.
///
/// Structs and tuples become arrays, unit variants their name, other variants a map of one pair,
/// `None` and `()` nil.
///
/// # Errors
/// A `Serialize` implementation reported one. Bytes appended so far stay: callers discard them.
pub fn write_value<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) -> Result<(), EncodeError> {
    value.serialize(&mut Serializer::new(out))
}

/// Appends a value that the protocol requires to be an array, such as a row: a struct, a tuple, a
/// sequence.
///
/// # Errors
/// As [`write_value`], or the value is not an array.
pub fn write_array<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) -> Result<(), EncodeError> {
    let start = out.len();
    write_value(out, value)?;
    if is_array(out.get(start)) {
        return Ok(());
    }
    Err(EncodeError::new("a row must be a struct, a tuple or a sequence"))
}

/// Appends a key or a list of arguments: an array as it is, nil and `()` as the empty array, any
/// other value as an array of one.
///
/// # Errors
/// As [`write_value`].
pub fn write_key<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) -> Result<(), EncodeError> {
    let start = out.len();
    write::array(out, 1);
    write_value(out, value)?;
    match out.get(start + 1) {
        first if is_array(first) => {
            out.remove(start);
        }
        None | Some(0xc0) => {
            out.truncate(start);
            write::array(out, 0);
        }
        Some(_) => {}
    }
    Ok(())
}

fn is_array(first: Option<&u8>) -> bool {
    matches!(first, Some(0x90..=0x9f | 0xdc | 0xdd))
}

/// A serde serializer that appends to a byte vector; see [`write_value`] for the mapping.
#[derive(Debug)]
pub struct Serializer<'o> {
    out: &'o mut Vec<u8>,
    bytes: Bytes,
}

/// What the next bytes are.
#[derive(Debug, Default)]
enum Bytes {
    #[default]
    Binary,
    /// Those of a [`Raw`](super::Raw): a whole value as it is.
    Verbatim,
    /// The number of an extension's type, and the payload.
    Extension,
}

impl<'o> Serializer<'o> {
    /// Appends what is serialized to `out`.
    pub const fn new(out: &'o mut Vec<u8>) -> Self {
        Self { out, bytes: Bytes::Binary }
    }

    fn variant(&mut self, name: &str) {
        write::map(self.out, 1);
        write::str(self.out, name.as_bytes());
    }
}

impl<'a, 'o> ser::Serializer for &'a mut Serializer<'o> {
    type Ok = ();
    type Error = EncodeError;
    type SerializeSeq = Compound<'a>;
    type SerializeTuple = Compound<'a>;
    type SerializeTupleStruct = Compound<'a>;
    type SerializeTupleVariant = Compound<'a>;
    type SerializeMap = Compound<'a>;
    type SerializeStruct = Compound<'a>;
    type SerializeStructVariant = Compound<'a>;

    fn is_human_readable(&self) -> bool {
        false
    }

    fn serialize_bool(self, value: bool) -> Result<(), EncodeError> {
        write::boolean(self.out, value);
        Ok(())
    }

    fn serialize_i8(self, value: i8) -> Result<(), EncodeError> {
        self.serialize_i64(i64::from(value))
    }

    fn serialize_i16(self, value: i16) -> Result<(), EncodeError> {
        self.serialize_i64(i64::from(value))
    }

    fn serialize_i32(self, value: i32) -> Result<(), EncodeError> {
        self.serialize_i64(i64::from(value))
    }

    fn serialize_i64(self, value: i64) -> Result<(), EncodeError> {
        write::int(self.out, value);
        Ok(())
    }

    fn serialize_i128(self, value: i128) -> Result<(), EncodeError> {
        if let Ok(value) = u64::try_from(value) {
            return self.serialize_u64(value);
        }
        let value = i64::try_from(value)
            .map_err(|_| EncodeError::new(format!("{value} does not fit 64 bits")))?;
        self.serialize_i64(value)
    }

    fn serialize_u8(self, value: u8) -> Result<(), EncodeError> {
        self.serialize_u64(u64::from(value))
    }

    fn serialize_u16(self, value: u16) -> Result<(), EncodeError> {
        self.serialize_u64(u64::from(value))
    }

    fn serialize_u32(self, value: u32) -> Result<(), EncodeError> {
        self.serialize_u64(u64::from(value))
    }

    fn serialize_u64(self, value: u64) -> Result<(), EncodeError> {
        write::uint(self.out, value);
        Ok(())
    }

    fn serialize_u128(self, value: u128) -> Result<(), EncodeError> {
        let value = u64::try_from(value)
            .map_err(|_| EncodeError::new(format!("{value} does not fit 64 bits")))?;
        self.serialize_u64(value)
    }

    fn serialize_f32(self, value: f32) -> Result<(), EncodeError> {
        write::f32(self.out, value);
        Ok(())
    }

    fn serialize_f64(self, value: f64) -> Result<(), EncodeError> {
        write::f64(self.out, value);
        Ok(())
    }

    fn serialize_char(self, value: char) -> Result<(), EncodeError> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<(), EncodeError> {
        write::str(self.out, value.as_bytes());
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), EncodeError> {
        match (std::mem::take(&mut self.bytes), value) {
            (Bytes::Verbatim, _) => self.out.extend_from_slice(value),
            (Bytes::Extension, [kind, payload @ ..]) => {
                write::ext(self.out, i8::from_be_bytes([*kind]), payload);
            }
            _ => write::bin(self.out, value),
        }
        Ok(())
    }

    fn serialize_none(self) -> Result<(), EncodeError> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), EncodeError> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), EncodeError> {
        write::nil(self.out);
        Ok(())
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<(), EncodeError> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> Result<(), EncodeError> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<(), EncodeError> {
        if name == raw::TOKEN {
            self.bytes = Bytes::Verbatim;
        } else if name == ext::TOKEN {
            self.bytes = Bytes::Extension;
        }
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), EncodeError> {
        self.variant(variant);
        value.serialize(self)
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<Compound<'a>, EncodeError> {
        match length {
            Some(length) => Ok(Compound::array(self.out, length)),
            None => Ok(Compound::counted(self.out, 0xdd)),
        }
    }

    fn serialize_tuple(self, length: usize) -> Result<Compound<'a>, EncodeError> {
        Ok(Compound::array(self.out, length))
    }

    fn serialize_tuple_struct(
        self,
        _name: &'static str,
        length: usize,
    ) -> Result<Compound<'a>, EncodeError> {
        Ok(Compound::array(self.out, length))
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Compound<'a>, EncodeError> {
        self.variant(variant);
        Ok(Compound::array(self.out, length))
    }

    fn serialize_map(self, length: Option<usize>) -> Result<Compound<'a>, EncodeError> {
        match length {
            Some(length) => {
                let start = self.out.len();
                write::map(self.out, length);
                Ok(Compound::announced(self.out, start, length))
            }
            None => Ok(Compound::counted(self.out, 0xdf)),
        }
    }

    fn serialize_struct(
        self,
        _name: &'static str,
        length: usize,
    ) -> Result<Compound<'a>, EncodeError> {
        Ok(Compound::array(self.out, length))
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Compound<'a>, EncodeError> {
        self.variant(variant);
        Ok(Compound::array(self.out, length))
    }
}

/// An array or a map under way.
#[derive(Debug)]
pub struct Compound<'a> {
    out: &'a mut Vec<u8>,
    /// Where the length goes once it is known.
    patch: Option<usize>,
    count: usize,
    promised: Option<usize>,
    /// Elements that were not announced.
    skipped: usize,
    header: Range<usize>,
}

impl<'a> Compound<'a> {
    fn array(out: &'a mut Vec<u8>, length: usize) -> Self {
        let start = out.len();
        write::array(out, length);
        Self::announced(out, start, length)
    }

    /// Behind a header that begins at `start`.
    fn announced(out: &'a mut Vec<u8>, start: usize, length: usize) -> Self {
        let header = start..out.len();
        Self { out, patch: None, count: 0, promised: Some(length), skipped: 0, header }
    }

    fn counted(out: &'a mut Vec<u8>, marker: u8) -> Self {
        let start = out.len();
        out.extend_from_slice(&[marker, 0, 0, 0, 0]);
        let header = start..out.len();
        Self { out, patch: Some(start + 1), count: 0, promised: None, skipped: 0, header }
    }

    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        self.count += 1;
        value.serialize(&mut Serializer::new(self.out))
    }

    /// A wrong count would corrupt every value after this one, so it must not leave.
    fn finish(self) -> Result<(), EncodeError> {
        if let Some(promised) = self.promised {
            let given = self.count - self.skipped;
            if promised != given {
                let text = format!("{promised} elements announced, {given} given");
                return Err(EncodeError::new(text));
            }
        }
        if self.skipped > 0 {
            let mut header = Vec::new();
            write::array(&mut header, self.count);
            self.out.splice(self.header, header);
        }
        if let Some(at) = self.patch {
            let count = u32::try_from(self.count)
                .map_err(|_| EncodeError::new("more than 2^32 elements"))?;
            if let Some(place) = self.out.get_mut(at..at + 4) {
                place.copy_from_slice(&count.to_be_bytes());
            }
        }
        Ok(())
    }
}

macro_rules! sequence {
    ($trait:ident, $method:ident) => {
        impl ser::$trait for Compound<'_> {
            type Ok = ();
            type Error = EncodeError;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
                self.element(value)
            }

            fn end(self) -> Result<(), EncodeError> {
                self.finish()
            }
        }
    };
}

sequence!(SerializeSeq, serialize_element);
sequence!(SerializeTuple, serialize_element);
sequence!(SerializeTupleStruct, serialize_field);
sequence!(SerializeTupleVariant, serialize_field);

macro_rules! named_fields {
    ($trait:ident) => {
        impl ser::$trait for Compound<'_> {
            type Ok = ();
            type Error = EncodeError;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                _name: &'static str,
                value: &T,
            ) -> Result<(), EncodeError> {
                self.element(value)
            }

            /// A skipped field keeps its column: the row's other columns must not move.
            fn skip_field(&mut self, _name: &'static str) -> Result<(), EncodeError> {
                self.skipped += 1;
                self.element(&())
            }

            fn end(self) -> Result<(), EncodeError> {
                self.finish()
            }
        }
    };
}

named_fields!(SerializeStruct);
named_fields!(SerializeStructVariant);

impl ser::SerializeMap for Compound<'_> {
    type Ok = ();
    type Error = EncodeError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), EncodeError> {
        self.element(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        value.serialize(&mut Serializer::new(self.out))
    }

    fn end(self) -> Result<(), EncodeError> {
        self.finish()
    }
}
