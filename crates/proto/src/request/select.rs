//! Select.

use serde::Serialize;

use super::{Body, Identifier, Request, Subject};
use crate::capability::Capability;
use crate::keys::{IteratorType, Key, RequestType};
use crate::msgpack::{EncodeError, write};

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
///
/// Page after page (2.11): the reply to each tells where the next begins.
///
/// ```
/// use tarantool_proto::{Frame, Response, request::Select};
///
/// fn next_page(reply: &Response, frame: &mut Frame) -> Result<(), Box<dyn std::error::Error>> {
///     let page = Select::from("users").limit(100).fetch_position();
///     match reply.position()? {
///         Some(position) => frame.encode(&page.after_position(position))?,
///         None => frame.clear(),                                        // no row: that was all
///     }
///     Ok(())
/// }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Select<'a, K = (), R = ()> {
    space: Identifier<'a>,
    index: Identifier<'a>,
    key: K,
    iterator: IteratorType,
    limit: u32,
    offset: u32,
    fetch_position: bool,
    after: After<'a, R>,
}

/// Where a select goes on.
#[derive(Clone, Copy, Debug)]
enum After<'a, R> {
    Start,
    Position(&'a [u8]),
    Row(R),
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
            fetch_position: false,
            after: After::Start,
        }
    }
}

impl<'a, K, R> Select<'a, K, R> {
    /// By this index instead of the primary one.
    #[must_use]
    pub fn index(mut self, index: impl Into<Identifier<'a>>) -> Self {
        self.index = index.into();
        self
    }

    /// The key to look for: a scalar, or a tuple of the key's parts or the first of them; `()`
    /// means the whole index.
    #[must_use]
    pub fn key<L: Serialize>(self, key: L) -> Select<'a, L, R> {
        let Self { space, index, key: _, iterator, limit, offset, fetch_position, after } = self;
        Select { space, index, key, iterator, limit, offset, fetch_position, after }
    }

    /// How rows relate to the key and in which order they come; default [`IteratorType::Eq`].
    ///
    /// [`Np`](IteratorType::Np) and [`Pp`](IteratorType::Pp) need server 3.2.
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

    /// Asks for the position of the last row, which [`Response::position`] then has.
    ///
    /// Server 2.11. Trees only; others answer with error 112.
    ///
    /// [`Response::position`]: crate::Response::position
    #[must_use]
    pub fn fetch_position(mut self) -> Self {
        self.fetch_position = true;
        self
    }

    /// Begins after the row at this position; an empty one is the start.
    ///
    /// Index, key and iterator must be those of the select that gave the position: error
    /// [`ITERATOR_POSITION`](crate::ErrorCode::ITERATOR_POSITION) otherwise. Server 2.11.
    #[must_use]
    pub fn after_position(self, position: &'a [u8]) -> Self {
        Self { after: After::Position(position), ..self }
    }

    /// Begins after this row, a whole one, which needs not be there any more. Server 2.11.
    #[must_use]
    pub fn after_tuple<S: Serialize>(self, row: S) -> Select<'a, K, S> {
        let Self { space, index, key, iterator, limit, offset, fetch_position, after: _ } = self;
        let after = After::Row(row);
        Select { space, index, key, iterator, limit, offset, fetch_position, after }
    }
}

impl<K: Serialize, R: Serialize> Request for Select<'_, K, R> {
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
        if matches!(self.iterator, IteratorType::Np | IteratorType::Pp) {
            body.require(Capability::PrefixIterators);
        }
        body.key(Key::KEY, &self.key)?;
        if self.fetch_position {
            body.require(Capability::Pagination);
            write::boolean(body.entry(Key::FETCH_POSITION), true);
        }
        match &self.after {
            After::Start => {}
            After::Position(position) => {
                body.require(Capability::Pagination);
                write::str(body.entry(Key::AFTER_POSITION), position);
            }
            After::Row(row) => {
                body.require(Capability::Pagination);
                body.row(Key::AFTER_TUPLE, row)?;
            }
        }
        Ok(())
    }
}
