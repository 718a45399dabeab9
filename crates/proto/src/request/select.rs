//! Select.

use serde::Serialize;

use super::{Body, Identifier, Request, Subject};
use crate::keys::{IteratorType, Key, RequestType};
use crate::msgpack::EncodeError;

/// Reads rows of a space by an index.
///
/// ```
/// use tarantool_proto::{Frame, IteratorType, request::Select};
///
/// let mut frame = Frame::new();
/// let adults = Select::from("users").index("age").key(18).iterator(IteratorType::Ge).limit(100);
/// frame.encode(&adults)?;
/// # Ok::<(), tarantool_proto::msgpack::EncodeError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Select<'a, K = ()> {
    space: Identifier<'a>,
    index: Identifier<'a>,
    key: K,
    iterator: IteratorType,
    limit: u32,
    offset: u32,
}

impl<'a> Select<'a> {
    /// Selects from `space`: all rows by the primary index, until told otherwise.
    #[must_use]
    pub fn from(space: impl Into<Identifier<'a>>) -> Self {
        Self {
            space: space.into(),
            index: Identifier::Number(0),
            key: (),
            iterator: IteratorType::Eq,
            limit: u32::MAX,
            offset: 0,
        }
    }
}

impl<'a, K> Select<'a, K> {
    /// By this index instead of the primary one.
    #[must_use]
    pub fn index(mut self, index: impl Into<Identifier<'a>>) -> Self {
        self.index = index.into();
        self
    }

    /// The key to look for: a scalar, or a tuple of the key's parts or the first of them; `()`
    /// means the whole index.
    #[must_use]
    pub fn key<L: Serialize>(self, key: L) -> Select<'a, L> {
        let Self { space, index, key: _, iterator, limit, offset } = self;
        Select { space, index, key, iterator, limit, offset }
    }

    /// How rows relate to the key and in which order they come; default [`IteratorType::Eq`].
    #[must_use]
    pub fn iterator(mut self, iterator: IteratorType) -> Self {
        self.iterator = iterator;
        self
    }

    /// At most this many rows; default all (`u32::MAX`).
    #[must_use]
    pub fn limit(mut self, limit: u32) -> Self {
        self.limit = limit;
        self
    }

    /// Leaves out this many rows at the start; default 0.
    #[must_use]
    pub fn offset(mut self, offset: u32) -> Self {
        self.offset = offset;
        self
    }
}

impl<K: Serialize> Request for Select<'_, K> {
    fn request_type(&self) -> RequestType {
        RequestType::SELECT
    }

    fn subject(&self) -> Subject {
        Subject::with_space(RequestType::SELECT, self.space)
    }

    fn encode(&self, body: &mut Body<'_>) -> Result<(), EncodeError> {
        body.space(self.space);
        body.index(self.index);
        body.uint(Key::LIMIT, self.limit);
        body.uint(Key::OFFSET, self.offset);
        body.uint(Key::ITERATOR, self.iterator.number());
        body.key(Key::KEY, &self.key)
    }
}
