//! The reply to one request, decoded by whoever asked.

use bytes::Bytes;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::keys::{Key, RequestType};
use crate::msgpack::{DecodeError, Deserializer, Reader, from_slice};
use crate::packet::Header;
use crate::server_error::ServerError;

/// A reply: its header and the bytes of its body.
///
/// The body is a slice of the buffer that it was read into, without a copy. Keeping a response
/// therefore keeps that whole buffer; copy what is to be kept for long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    header: Header,
    body: Bytes,
}

impl Response {
    pub(crate) const fn new(header: Header, body: Bytes) -> Self {
        Self { header, body }
    }

    /// The reply's header.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// The reply's body as it came: a MessagePack map, or empty.
    #[must_use]
    pub const fn body(&self) -> &Bytes {
        &self.body
    }

    /// This response if it is a success.
    ///
    /// # Errors
    /// The server answered with an error.
    pub fn into_result(self) -> Result<Self, ServerError> {
        if self.header.request_type == RequestType::OK {
            return Ok(self);
        }
        Err(ServerError::decode(&self.header, &self.body))
    }

    /// The bytes of the reply's data: a MessagePack array of rows or of returned values; `None` if
    /// it has none, as the reply to a ping.
    ///
    /// # Errors
    /// The body is not a map of the expected form.
    pub fn data(&self) -> Result<Option<&[u8]>, DecodeError> {
        self.value_of(Key::DATA)
    }

    /// The position of the last row, where a select asked for it: the next page begins after it.
    /// `None`: there was no row. Opaque; see
    /// [`Select::after_position`](crate::request::Select::after_position).
    ///
    /// # Errors
    /// The body is not a map of the expected form.
    pub fn position(&self) -> Result<Option<&[u8]>, DecodeError> {
        let position = self.value_of(Key::POSITION)?;
        position.map(|value| Reader::new(value).str_bytes()).transpose()
    }

    /// All rows, each as a `T`, which may borrow from the response.
    ///
    /// ```
    /// # fn example(response: &tarantool_proto::Response) -> Result<(), tarantool_proto::msgpack::DecodeError> {
    /// let users: Vec<(u64, &str)> = response.rows()?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// A row does not fit `T`; the error names row, column and both types.
    pub fn rows<'a, T: Deserialize<'a>>(&'a self) -> Result<Vec<T>, DecodeError> {
        let Some((reader, count)) = self.elements()? else {
            return Ok(Vec::new());
        };
        // A row takes at least a byte of input but may take many of memory: grow as rows come.
        let mut rows = Vec::with_capacity(count.min(ROWS_AT_ONCE));
        let mut deserializer = self.deserializer(reader)?;
        for index in 0..count {
            let row = T::deserialize(&mut deserializer).map_err(|error| error.in_row(index))?;
            rows.push(row);
        }
        Ok(rows)
    }

    /// The first row as a `T`; `None` if there is no row.
    ///
    /// # Errors
    /// The row does not fit `T`; the error names column and both types.
    pub fn first<'a, T: Deserialize<'a>>(&'a self) -> Result<Option<T>, DecodeError> {
        let Some((reader, 1..)) = self.elements()? else {
            return Ok(None);
        };
        let row = T::deserialize(&mut self.deserializer(reader)?);
        row.map(Some).map_err(|error| error.in_row(0))
    }

    /// What a call or an eval returned: one value as it is, several as a tuple or a sequence, none
    /// as nil.
    ///
    /// # Errors
    /// The values do not fit `T`.
    pub fn returned<T: DeserializeOwned>(&self) -> Result<T, DecodeError> {
        let Some((reader, count @ 1..)) = self.elements()? else {
            return from_slice(&[0xc0]);
        };
        if count == 1 {
            return T::deserialize(&mut self.deserializer(reader)?);
        }
        let data = Reader::new(self.data()?.unwrap_or_default());
        T::deserialize(&mut self.deserializer(data)?)
    }

    /// All that a call or an eval returned, as a list whatever their number: for functions that give
    /// a value, or nil and an error. A tuple has `Option`s for those that may be absent; `T` may borrow
    /// from the response.
    ///
    /// ```
    /// # fn example(response: &tarantool_proto::Response) -> Result<(), tarantool_proto::msgpack::DecodeError> {
    /// // `return value`, or `return nil, why`
    /// let (value, why): (Option<u64>, Option<String>) = response.returned_list()?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// The values do not fit `T`.
    pub fn returned_list<'a, T: Deserialize<'a>>(&'a self) -> Result<T, DecodeError> {
        match self.data()? {
            Some(data) => T::deserialize(&mut self.deserializer(Reader::new(data))?),
            None => from_slice(&[0x90]),
        }
    }

    /// A deserializer with what the reply tells of its tuples.
    #[inline]
    fn deserializer<'a>(&'a self, reader: Reader<'a>) -> Result<Deserializer<'a>, DecodeError> {
        let deserializer = Deserializer::new(reader);
        if self.body.first() == Some(&DATA_ALONE[0]) {
            return Ok(deserializer);
        }
        Ok(deserializer.with_formats(self.value_of(Key::TUPLE_FORMATS)?))
    }

    /// The value of a key of the body; of repeated keys the last counts.
    pub(crate) fn value_of(&self, key: Key) -> Result<Option<&[u8]>, DecodeError> {
        if self.body.is_empty() {
            return Ok(None);
        }
        let mut reader = Reader::new(&self.body);
        let mut found = None;
        for _ in 0..reader.map()? {
            if reader.key()? == Some(key.number()) {
                found = Some(reader.raw()?);
            } else {
                reader.skip()?;
            }
        }
        Ok(found)
    }

    /// A reader at the first element of the data, and how many there are.
    ///
    /// Ordinary bodies hold the data alone, so it need not be skipped first to find its end.
    #[inline]
    fn elements(&self) -> Result<Option<(Reader<'_>, usize)>, DecodeError> {
        let mut reader = match self.body.strip_prefix(&DATA_ALONE) {
            Some(data) => Reader::new(data),
            None => match self.data()? {
                Some(data) => Reader::new(data),
                None => return Ok(None),
            },
        };
        let count = reader.array()?;
        Ok(Some((reader, count)))
    }
}

/// How ordinary bodies begin: a map of one entry, the data.
const DATA_ALONE: [u8; 2] = [0x81, Key::DATA.number() as u8];
const ROWS_AT_ONCE: usize = 1024;
