//! The entries of a request's body.

use serde::Serialize;

use crate::capability::Capability;
use crate::frame::Frame;
use crate::keys::Key;
use crate::msgpack::{EncodeError, write, write_array, write_key, write_value};

/// A space or an index, by number or by name.
///
/// Names are sent as names where the server knows them (3.0); before that the connection resolves
/// them with the schema it reads from the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Identifier<'a> {
    /// By number; spaces of users begin at 512, the primary index is 0.
    Number(u32),
    /// By name.
    Name(&'a str),
}

impl From<u32> for Identifier<'_> {
    fn from(number: u32) -> Self {
        Self::Number(number)
    }
}

impl<'a> From<&'a str> for Identifier<'a> {
    fn from(name: &'a str) -> Self {
        Self::Name(name)
    }
}

impl<'a> From<&'a String> for Identifier<'a> {
    fn from(name: &'a String) -> Self {
        Self::Name(name)
    }
}

/// The body of a request while it is encoded: a map that counts its own entries.
///
/// Space and index come first where there are any: names are replaced there.
#[derive(Debug)]
pub struct Body<'f> {
    frame: &'f mut Frame,
    start: usize,
    entries: u8,
}

impl<'f> Body<'f> {
    pub(crate) fn new(frame: &'f mut Frame) -> Self {
        let start = frame.len();
        Self { frame, start, entries: 0 }
    }

    /// Patches the number of entries into the map's header.
    pub(crate) fn finish(self) -> Result<(), EncodeError> {
        if self.entries > ENTRIES_MAX {
            return Err(EncodeError::new("a body of more than 15 entries"));
        }
        if let Some(header) = self.frame.bytes_mut().get_mut(self.start) {
            *header = EMPTY_MAP | self.entries;
        }
        Ok(())
    }

    /// The server must have this: the request is not sent to one that does not, and answered with
    /// [`Unanswered::Unsupported`](crate::Unanswered::Unsupported).
    pub fn require(&mut self, capability: Capability) {
        self.frame.require(capability);
    }

    /// The space that the request is about.
    #[inline]
    pub fn space(&mut self, space: Identifier<'_>) {
        self.begin_entry();
        match space {
            Identifier::Number(number) => self.frame.space_number(number),
            Identifier::Name(name) => self.frame.space_name(name),
        }
    }

    /// The index that the request is about; directly after [`space`](Self::space).
    #[inline]
    pub fn index(&mut self, index: Identifier<'_>) {
        self.begin_entry();
        match index {
            Identifier::Number(number) => self.frame.index_number(number),
            Identifier::Name(name) => self.frame.index_name(name),
        }
    }

    /// An unsigned integer.
    #[inline]
    pub fn uint(&mut self, key: Key, value: u32) {
        write::uint(self.entry(key), u64::from(value));
    }

    /// A string.
    pub fn str(&mut self, key: Key, value: &str) {
        let out = self.entry(key);
        write::str(out, value.as_bytes());
    }

    /// A key or a list of arguments: an array as it is, anything else as an array of one, `()` as
    /// the empty array.
    ///
    /// # Errors
    /// The value cannot be serialized.
    pub fn key<T: Serialize + ?Sized>(&mut self, key: Key, value: &T) -> Result<(), EncodeError> {
        write_key(self.entry(key), value)
    }

    /// A row: a value that serializes to an array.
    ///
    /// # Errors
    /// The value cannot be serialized, or is not an array.
    pub fn row<T: Serialize + ?Sized>(&mut self, key: Key, row: &T) -> Result<(), EncodeError> {
        write_array(self.entry(key), row)
    }

    /// Any value.
    ///
    /// # Errors
    /// The value cannot be serialized.
    pub fn value<T: Serialize + ?Sized>(&mut self, key: Key, value: &T) -> Result<(), EncodeError> {
        write_value(self.entry(key), value)
    }

    /// Appends `key` and returns where its value, one MessagePack value, must be appended.
    #[inline]
    pub fn entry(&mut self, key: Key) -> &mut Vec<u8> {
        self.begin_entry();
        let out = self.frame.bytes_mut();
        write::uint(out, u64::from(key.number()));
        out
    }

    pub(super) fn len(&self) -> usize {
        self.frame.len()
    }

    /// What was appended since the body was so long.
    pub(super) fn written_since(&self, length: usize) -> &[u8] {
        self.frame.as_bytes().get(length..).unwrap_or_default()
    }

    /// The map's header is written with the first entry: a request without any has no body.
    #[inline]
    fn begin_entry(&mut self) {
        if self.entries == 0 {
            self.frame.bytes_mut().push(EMPTY_MAP);
        }
        self.entries = self.entries.saturating_add(1);
    }
}

/// What a one-byte map header can hold; no request has more.
const ENTRIES_MAX: u8 = 15;

const EMPTY_MAP: u8 = 0x80;
