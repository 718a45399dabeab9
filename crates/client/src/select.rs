//! A select that is being described.

use std::fmt;
use std::future::IntoFuture;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tarantool_proto::{IteratorType, request};

use crate::error::Error;
use crate::mode::{Async, Mode};
use crate::pages::{self, Page, Pages, Position};
use crate::pending::Pending;
use crate::space::{Owned, Space};

/// A select that is being described; [`send`](Self::send), or `.await`, starts it.
#[must_use = "a select is sent by `send` or `page`, or by awaiting it"]
pub struct Select<'a, K, T, M: Mode = Async, R = ()> {
    space: &'a Space<T, M>,
    index: &'a Owned,
    key: K,
    iterator: IteratorType,
    offset: u32,
    after: Option<&'a Position>,
    request: request::Select<'a, (), R>,
}

impl<'a, K, T, M: Mode> Select<'a, K, T, M> {
    pub(crate) fn new(space: &'a Space<T, M>, index: &'a Owned, key: K) -> Self {
        let request = request::Select::from(space.identifier()).index(index.get());
        let iterator = IteratorType::Eq;
        Self { space, index, key, iterator, offset: 0, after: None, request }
    }
}

impl<'a, K: Serialize, T: DeserializeOwned, M: Mode, R: Serialize> Select<'a, K, T, M, R> {
    /// How rows relate to the key and in which order they come; default [`IteratorType::Eq`].
    pub fn iterator(mut self, iterator: IteratorType) -> Self {
        self.iterator = iterator;
        self.request = self.request.iterator(iterator);
        self
    }

    /// At most this many rows; default all.
    pub fn limit(mut self, limit: u32) -> Self {
        self.request = self.request.limit(limit);
        self
    }

    /// Leaves out this many rows at the start; default 0.
    pub fn offset(mut self, offset: u32) -> Self {
        self.offset = offset;
        self.request = self.request.offset(offset);
        self
    }

    /// Begins after the last row of a page, by the position that [`page`](Self::page) gave.
    ///
    /// Index, key and iterator must be those of that page: error
    /// [`ITERATOR_POSITION`](crate::ErrorCode::ITERATOR_POSITION) otherwise. Server 2.11; not sent
    /// to older ones.
    pub fn after(mut self, position: &'a Position) -> Self {
        self.after = Some(position);
        self.request = self.request.after_position(position.as_bytes());
        self
    }

    /// Begins after this row, which needs not be there any more. Server 2.11; not sent to older
    /// ones.
    pub fn after_row<S: Serialize>(self, row: S) -> Select<'a, K, T, M, S> {
        let Self { space, index, key, iterator, offset, after: _, request } = self;
        let request = request.after_tuple(row);
        Select { space, index, key, iterator, offset, after: None, request }
    }

    /// Starts the select.
    pub fn send(self) -> M::Reply<Vec<T>> {
        let request = self.request.key(self.key);
        self.space.client().request(&request, |response, _| response.rows())
    }

    /// Starts the select of one page: at most `rows` rows, and the position to go on from. Trees
    /// only. Server 2.11; not sent to older ones.
    ///
    /// ```no_run
    /// # use tarantool_client::{Client, Error, IteratorType, Position};
    /// # type User = (u64, String);
    /// async fn page_of_adults(
    ///     client: &Client,
    ///     after: Option<Position>,
    /// ) -> Result<(Vec<User>, Option<Position>), Error> {
    ///     let users = client.space::<User>("users").index("age");
    ///     let mut adults = users.select(18).iterator(IteratorType::Ge);
    ///     if let Some(position) = &after {
    ///         adults = adults.after(position);
    ///     }
    ///     let page = adults.page(100).await?;
    ///     Ok((page.rows, page.position))
    /// }
    /// ```
    pub fn page(self, rows: u32) -> M::Reply<Page<T>> {
        let request = self.request.key(self.key).limit(rows).fetch_position();
        self.space.client().request(&request, pages::decode)
    }
}

impl<K: Serialize, T: DeserializeOwned, M: Mode> Select<'_, K, T, M> {
    /// All rows, page after page of `rows` rows each; nothing is sent yet. Each page is found by the
    /// position of the one before. Trees only. Server 2.11; not sent to older ones, for which there
    /// is [`pages_by_key`](Self::pages_by_key).
    ///
    /// Index, key, iterator, offset and position count; a limit does not.
    ///
    /// ```no_run
    /// # async fn example(client: tarantool_client::Client) -> Result<(), tarantool_client::Error> {
    /// let users = client.space::<(u64, String)>("users");
    /// let mut pages = users.select(()).pages(1000);
    /// while let Some(users) = pages.try_next().await? {
    ///     println!("{} more", users.len());
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// On the blocking client it is an iterator: `for page in users.select(()).pages(1000)`.
    pub fn pages(self, rows: u32) -> Pages<T, M> {
        let Self { space, index, key, iterator, offset, after, request: _ } = self;
        Pages::new((space, index), (iterator, &key), (offset, after), rows)
    }

    /// As [`pages`](Self::pages), for servers of any version: each page begins after the key of the
    /// last row before, which `key` takes out of a row.
    ///
    /// The index must be unique, and the key whole: rows that share it with the last row of a page
    /// would be left out. Goes over a range, that is by [`IteratorType::All`], `Ge`, `Gt`, `Le` or
    /// `Lt`, or over the whole index (`select(())`).
    ///
    /// ```no_run
    /// # async fn example(client: tarantool_client::Client) -> Result<(), tarantool_client::Error> {
    /// let users = client.space::<(u64, String)>("users");
    /// let mut pages = users.select(()).pages_by_key(1000, |user| user.0);
    /// while let Some(users) = pages.try_next().await? {
    ///     println!("{} more", users.len());
    /// }
    /// # Ok(()) }
    /// ```
    pub fn pages_by_key<L: Serialize>(
        self,
        rows: u32,
        key: impl Fn(&T) -> L + Send + Sync + 'static,
    ) -> Pages<T, M> {
        self.pages(rows).by_key(key)
    }
}

impl<K: Serialize, T: DeserializeOwned, R: Serialize> IntoFuture for Select<'_, K, T, Async, R> {
    type Output = Result<Vec<T>, Error>;
    type IntoFuture = Pending<Vec<T>>;

    fn into_future(self) -> Pending<Vec<T>> {
        self.send()
    }
}

impl<K, T, M: Mode, R> fmt::Debug for Select<'_, K, T, M, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Select");
        debug.field("space", &self.space.identifier()).field("index", &self.index.get());
        debug.finish_non_exhaustive()
    }
}
