//! The operations of update and upsert.

use serde::Serialize;

use crate::msgpack::{EncodeError, write, write_value};

/// Starts a list of operations for update and upsert.
///
/// ```
/// use tarantool_proto::request::ops;
///
/// let changes = ops().add("age", 1).assign("name", "Anna").delete(-1, 1);
/// ```
#[must_use]
pub fn ops() -> Operations {
    Operations::default()
}

/// What an operation changes: a field by number, name or path.
///
/// Numbers count from 0 and negative ones from the end (-1 is the last field). A string is a field
/// name of the space's format, or a path such as `address.street[1]`, whose `[n]` count from 1;
/// names and paths need server 2.3.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field<'a> {
    /// By number.
    Number(i32),
    /// By name or path.
    Name(&'a str),
}

impl From<i32> for Field<'_> {
    fn from(number: i32) -> Self {
        Self::Number(number)
    }
}

impl<'a> From<&'a str> for Field<'a> {
    fn from(name: &'a str) -> Self {
        Self::Name(name)
    }
}

/// More than most operations take, so that a list of one is one allocation.
const OPERATION_BYTES: usize = 32;

/// A list of operations, applied by the server from left to right; at most 4000.
///
/// Field numbers after an [`insert`](Self::insert) or [`delete`](Self::delete) are the shifted ones.
/// Two operations on one field are an error on servers before 3.0, and primary key fields cannot
/// change. A value that cannot be serialized is reported when the request is encoded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Operations {
    bytes: Vec<u8>,
    count: usize,
    index_base: u32,
    failed: Option<EncodeError>,
}

impl Operations {
    /// Counts fields, and the offsets of [`splice`](Self::splice), from `base` instead of 0.
    #[must_use]
    pub fn counting_from(mut self, base: u32) -> Self {
        self.index_base = base;
        self
    }

    /// Sets a field; one past the last appends. Further right fills with nil (2.8.1; before:
    /// error 37).
    #[must_use]
    pub fn assign<'f>(self, field: impl Into<Field<'f>>, value: impl Serialize) -> Self {
        self.operation(b"=", field.into(), value)
    }

    /// Inserts a field before this one; -1 appends after the last.
    #[must_use]
    pub fn insert<'f>(self, field: impl Into<Field<'f>>, value: impl Serialize) -> Self {
        self.operation(b"!", field.into(), value)
    }

    /// Deletes `count` fields from this one on; at least 1.
    #[must_use]
    pub fn delete<'f>(self, field: impl Into<Field<'f>>, count: u32) -> Self {
        self.operation(b"#", field.into(), count)
    }

    /// Adds a number.
    #[must_use]
    pub fn add<'f>(self, field: impl Into<Field<'f>>, value: impl Serialize) -> Self {
        self.operation(b"+", field.into(), value)
    }

    /// Subtracts a number.
    #[must_use]
    pub fn subtract<'f>(self, field: impl Into<Field<'f>>, value: impl Serialize) -> Self {
        self.operation(b"-", field.into(), value)
    }

    /// Bitwise and, of a non-negative integer.
    #[must_use]
    pub fn bit_and<'f>(self, field: impl Into<Field<'f>>, value: u64) -> Self {
        self.operation(b"&", field.into(), value)
    }

    /// Bitwise or, of a non-negative integer.
    #[must_use]
    pub fn bit_or<'f>(self, field: impl Into<Field<'f>>, value: u64) -> Self {
        self.operation(b"|", field.into(), value)
    }

    /// Bitwise exclusive or, of a non-negative integer.
    #[must_use]
    pub fn bit_xor<'f>(self, field: impl Into<Field<'f>>, value: u64) -> Self {
        self.operation(b"^", field.into(), value)
    }

    /// Cuts `cut` bytes out of a string at byte `offset` and puts `paste` in their place.
    ///
    /// A negative offset counts from the end, -1 being behind the last byte; a negative cut keeps
    /// that many bytes at the end.
    #[must_use]
    pub fn splice<'f>(
        mut self,
        field: impl Into<Field<'f>>,
        offset: i32,
        cut: i32,
        paste: &str,
    ) -> Self {
        self.begin_splice(field.into(), offset, cut);
        write::str(&mut self.bytes, paste.as_bytes());
        self
    }

    /// As [`splice`](Self::splice), of binary data (a field of type `varbinary`, 3.2.0).
    #[must_use]
    pub fn splice_bytes<'f>(
        mut self,
        field: impl Into<Field<'f>>,
        offset: i32,
        cut: i32,
        paste: &[u8],
    ) -> Self {
        self.begin_splice(field.into(), offset, cut);
        write::bin(&mut self.bytes, paste);
        self
    }

    /// How many operations there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(super) fn index_base(&self) -> u32 {
        self.index_base
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        write::array(out, self.count);
        out.extend_from_slice(&self.bytes);
        Ok(())
    }

    fn operation(mut self, name: &[u8], field: Field<'_>, value: impl Serialize) -> Self {
        self.begin(3, name, field);
        if let Err(error) = write_value(&mut self.bytes, &value) {
            self.failed.get_or_insert(error);
        }
        self
    }

    fn begin_splice(&mut self, field: Field<'_>, offset: i32, cut: i32) {
        self.begin(5, b":", field);
        write::int(&mut self.bytes, i64::from(offset));
        write::int(&mut self.bytes, i64::from(cut));
    }

    fn begin(&mut self, length: usize, name: &[u8], field: Field<'_>) {
        self.count += 1;
        self.bytes.reserve(OPERATION_BYTES);
        write::array(&mut self.bytes, length);
        write::str(&mut self.bytes, name);
        match field {
            Field::Number(number) => write::int(&mut self.bytes, i64::from(number)),
            Field::Name(name) => write::str(&mut self.bytes, name.as_bytes()),
        }
    }
}
