//! Rows page by page.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tarantool_proto::msgpack::{DecodeError, EncodeError, Raw, write_key};
use tarantool_proto::request::{Request, Select};
use tarantool_proto::{IteratorType, Response};

use crate::blocking::Blocking;
use crate::error::{Error, ErrorKind};
use crate::mode::{Async, Mode};
use crate::shared::Shared;
use crate::space::{Owned, Space};

/// Some of the rows of a select, and where the next ones begin; see
/// [`Select::page`](crate::Select::page).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Page<T> {
    /// The rows. Fewer than asked for: there are no more.
    pub rows: Vec<T>,
    /// The position of the last row, for [`Select::after`](crate::Select::after); `None` if there
    /// is no row.
    pub position: Option<Position>,
}

/// Where in an index a page ended. Opaque; it holds as long as the index does, on any connection.
///
/// Its bytes can be given away, for example to a browser that shows one page at a time, and taken
/// back: the server checks what it gets.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Position(Box<[u8]>);

impl Position {
    /// The position that had these bytes.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }

    /// Its bytes: letters, digits, `+` and `/` from today's servers.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Position(\"{}\")", self.0.escape_ascii())
    }
}

/// The rows of a select page after page; made by [`Select::pages`](crate::Select::pages) and
/// [`Select::pages_by_key`](crate::Select::pages_by_key).
///
/// One page is fetched at a time, when it is asked for. Rows that come or go meanwhile are seen if
/// they lie ahead.
#[must_use = "a page is fetched when it is asked for"]
pub struct Pages<T, M: Mode = Async> {
    space: Space<T, M>,
    index: Owned,
    iterator: IteratorType,
    /// An encoded key: the select's, or of the last row.
    key: Vec<u8>,
    offset: u32,
    rows: u32,
    after: Option<Position>,
    /// How the next page is found, if not by position.
    key_of: Option<KeyOf<T>>,
    is_over: bool,
    /// Why nothing can be fetched.
    refused: Option<EncodeError>,
}

/// Encodes the key of a row.
type KeyOf<T> = Box<dyn Fn(&T) -> Result<Vec<u8>, EncodeError> + Send + Sync>;

impl<T: DeserializeOwned, M: Mode> Pages<T, M> {
    pub(crate) fn new<K: Serialize>(
        (space, index): (&Space<T, M>, &Owned),
        (iterator, key): (IteratorType, &K),
        (offset, after): (u32, Option<&Position>),
        rows: u32,
    ) -> Self {
        let (key, refused) = match encoded(key) {
            Ok(key) => (key, None),
            Err(error) => (Vec::new(), Some(error)),
        };
        Self {
            space: space.clone(),
            index: index.clone(),
            iterator,
            key,
            offset,
            rows,
            after: after.cloned(),
            key_of: None,
            is_over: false,
            refused,
        }
    }

    pub(crate) fn by_key<L: Serialize>(
        mut self,
        key: impl Fn(&T) -> L + Send + Sync + 'static,
    ) -> Self {
        self.key_of = Some(Box::new(move |row| encoded(&key(row))));
        if self.onwards().is_none() {
            self.refused.get_or_insert_with(|| EncodeError::new(NO_RANGE));
        }
        self
    }

    /// The iterator that goes on after a row's key, in the select's direction.
    fn onwards(&self) -> Option<IteratorType> {
        let is_whole = self.key == NO_KEY;
        match self.iterator {
            IteratorType::All | IteratorType::Ge | IteratorType::Gt => Some(IteratorType::Gt),
            IteratorType::Le | IteratorType::Lt => Some(IteratorType::Lt),
            IteratorType::Eq if is_whole => Some(IteratorType::Gt),
            IteratorType::Req if is_whole => Some(IteratorType::Lt),
            _ => None,
        }
    }

    /// Starts the select of the next page.
    fn start(&self) -> Result<M::Reply<Page<T>>, Error> {
        let select = Select::from(self.space.identifier())
            .index(self.index.get())
            .iterator(self.iterator)
            .offset(self.offset)
            .limit(self.rows);
        if let Some(error) = &self.refused {
            return Err(Error::of(select.subject(), ErrorKind::Encode(error.clone())));
        }
        // It was encoded here, so it is one value.
        let mut select = select.key(Raw::new(&self.key)?);
        if let Some(position) = &self.after {
            select = select.after_position(position.as_bytes());
        }
        if self.key_of.is_none() {
            select = select.fetch_position();
        }
        Ok(self.space.client().request(&select, decode))
    }

    /// Takes a page in; `None`: there was none.
    fn advance(&mut self, page: Page<T>) -> Option<Vec<T>> {
        let Some(last) = page.rows.last() else {
            self.is_over = true;
            return None;
        };
        self.is_over = page.rows.len() < self.rows as usize;
        self.offset = 0;
        self.after = page.position;
        match &self.key_of {
            // After a row without a position would come the first page again.
            None => self.is_over |= self.after.is_none(),
            Some(key_of) => {
                let key = key_of(last);
                self.iterator = self.onwards().unwrap_or(self.iterator);
                match key {
                    Ok(key) if key == NO_KEY => self.refused = Some(EncodeError::new(EMPTY_KEY)),
                    Ok(key) => self.key = key,
                    Err(error) => self.refused = Some(error),
                }
            }
        }
        Some(page.rows)
    }
}

impl<T: DeserializeOwned> Pages<T, Async> {
    /// Fetches the next page; `None`: there are no more rows. A page is never empty.
    ///
    /// Dropping the future changes nothing, and after an error the same page is fetched again.
    ///
    /// # Errors
    /// As every verb: see [`Error`].
    pub async fn try_next(&mut self) -> Result<Option<Vec<T>>, Error> {
        if self.is_over {
            return Ok(None);
        }
        let page = self.start()?.await?;
        Ok(self.advance(page))
    }
}

/// One page an item, never an empty one; ends after an error.
impl<T: DeserializeOwned> Iterator for Pages<T, Blocking> {
    type Item = Result<Vec<T>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        match self.start().and_then(|page| page) {
            Ok(page) => self.advance(page).map(Ok),
            Err(error) => {
                self.is_over = true;
                Some(Err(error))
            }
        }
    }
}

pub(crate) fn decode<T: DeserializeOwned>(
    response: Response,
    _: &Arc<Shared>,
) -> Result<Page<T>, DecodeError> {
    let position = response.position()?.map(Position::from_bytes);
    Ok(Page { rows: response.rows()?, position })
}

fn encoded<K: Serialize + ?Sized>(key: &K) -> Result<Vec<u8>, EncodeError> {
    let mut bytes = Vec::new();
    write_key(&mut bytes, key)?;
    Ok(bytes)
}

/// The encoded key of the whole index.
const NO_KEY: [u8; 1] = [0x90];

const EMPTY_KEY: &str = "the key of a row is empty: pages by key would begin again";

const NO_RANGE: &str =
    "pages by key go over a range: they need the iterator All, Ge, Gt, Le or Lt, or the key ()";

impl<T, M: Mode> fmt::Debug for Pages<T, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Pages");
        debug.field("space", &self.space.identifier()).field("index", &self.index.get());
        debug.field("rows", &self.rows).field("is_over", &self.is_over).finish_non_exhaustive()
    }
}
