//! A space and its indexes as typed handles.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tarantool_proto::Response;
use tarantool_proto::msgpack::DecodeError;
use tarantool_proto::request::{
    self, Delete, Identifier, Insert, InsertArrow, Operations, Replace, Update, Upsert,
};

use crate::client::Client;
use crate::mode::{Async, Mode};
use crate::select::Select;
use crate::shared::Shared;

/// A space whose rows are `T`s: structs or tuples, field by field in the space's order.
///
/// Made by [`Client::space`]; cheap to clone. Columns that `T` does not have are skipped when rows
/// are read; an `Option` column at the end may be absent.
pub struct Space<T, M: Mode = Async> {
    client: Client<M>,
    space: Owned,
    row: PhantomData<fn() -> T>,
}

/// An index of a [`Space`].
pub struct Index<T, M: Mode = Async> {
    space: Space<T, M>,
    index: Owned,
}

/// A name or number that a handle keeps.
#[derive(Clone, Debug)]
pub(crate) enum Owned {
    Number(u32),
    Name(Arc<str>),
}

impl Owned {
    fn new(identifier: Identifier<'_>) -> Self {
        match identifier {
            Identifier::Number(number) => Self::Number(number),
            Identifier::Name(name) => Self::Name(name.into()),
        }
    }

    pub(crate) fn get(&self) -> Identifier<'_> {
        match self {
            Self::Number(number) => Identifier::Number(*number),
            Self::Name(name) => Identifier::Name(name),
        }
    }
}

static PRIMARY: Owned = Owned::Number(0);

impl<T, M: Mode> Space<T, M> {
    pub(crate) fn new(client: Client<M>, space: Identifier<'_>) -> Self {
        Self { client, space: Owned::new(space), row: PhantomData }
    }

    /// One of the space's indexes, by name or by number. Nothing is sent.
    #[must_use]
    pub fn index<'n>(&self, index: impl Into<Identifier<'n>>) -> Index<T, M> {
        Index { space: self.clone(), index: Owned::new(index.into()) }
    }

    /// Adds a row; error [`TUPLE_FOUND`](crate::ErrorCode::TUPLE_FOUND) if its key is taken.
    pub fn insert(&self, row: &T) -> M::Reply<()>
    where
        T: Serialize,
    {
        self.client.request(&Insert::into(self.space.get()).row(row), nothing)
    }

    /// Adds a row, in place of the one with the same primary key if there is one.
    pub fn replace(&self, row: &T) -> M::Reply<()>
    where
        T: Serialize,
    {
        self.client.request(&Replace::into(self.space.get()).row(row), nothing)
    }

    /// Adds a row, or applies the operations to the one with the same primary key. The server skips
    /// operations that do not fit that row, and answers OK.
    pub fn upsert(&self, row: &T, operations: Operations) -> M::Reply<()>
    where
        T: Serialize,
    {
        let request = Upsert::into(self.space.get()).row(row).operations(operations);
        self.client.request(&request, nothing)
    }

    /// Adds many rows at once, given as a record batch in Arrow's IPC format.
    ///
    /// Server 3.3, enterprise: not sent to older ones, and error
    /// [`UNSUPPORTED`](crate::ErrorCode::UNSUPPORTED) from community servers.
    pub fn insert_arrow(&self, batch: &[u8]) -> M::Reply<()> {
        self.client.request(&InsertArrow::into(self.space.get()).data(batch), nothing)
    }

    /// The row with this primary key; `None` if there is none.
    pub fn get<K: Serialize>(&self, key: K) -> M::Reply<Option<T>>
    where
        T: DeserializeOwned,
    {
        self.client.request(&self.selection(PRIMARY.get(), key).limit(1), first)
    }

    /// Rows by the primary key: all of its parts or the first of them, `()` for all rows.
    pub fn select<K: Serialize>(&self, key: K) -> Select<'_, K, T, M> {
        Select::new(self, &PRIMARY, key)
    }

    /// Changes the row with this primary key and returns it as it is then; `None` if there is no
    /// such row.
    pub fn update<K: Serialize>(&self, key: K, operations: Operations) -> M::Reply<Option<T>>
    where
        T: DeserializeOwned,
    {
        self.update_by(PRIMARY.get(), key, operations)
    }

    /// Removes the row with this primary key and returns it; `None` if there is no such row, and
    /// always from a vinyl space.
    pub fn delete<K: Serialize>(&self, key: K) -> M::Reply<Option<T>>
    where
        T: DeserializeOwned,
    {
        self.delete_by(PRIMARY.get(), key)
    }

    pub(crate) fn identifier(&self) -> Identifier<'_> {
        self.space.get()
    }

    pub(crate) fn client(&self) -> &Client<M> {
        &self.client
    }

    fn selection<'a, K: Serialize>(
        &'a self,
        index: Identifier<'a>,
        key: K,
    ) -> request::Select<'a, K> {
        request::Select::from(self.space.get()).index(index).key(key)
    }

    fn update_by<K: Serialize>(
        &self,
        index: Identifier<'_>,
        key: K,
        operations: Operations,
    ) -> M::Reply<Option<T>>
    where
        T: DeserializeOwned,
    {
        let request = Update::of(self.space.get()).index(index).key(key).operations(operations);
        self.client.request(&request, first)
    }

    fn delete_by<K: Serialize>(&self, index: Identifier<'_>, key: K) -> M::Reply<Option<T>>
    where
        T: DeserializeOwned,
    {
        self.client.request(&Delete::from(self.space.get()).index(index).key(key), first)
    }
}

impl<T, M: Mode> Index<T, M> {
    /// The first row with this key; `None` if there is none.
    pub fn get<K: Serialize>(&self, key: K) -> M::Reply<Option<T>>
    where
        T: DeserializeOwned,
    {
        let request = self.space.selection(self.index.get(), key).limit(1);
        self.space.client.request(&request, first)
    }

    /// Rows by this index: by all parts of its key or the first of them, `()` for all rows.
    pub fn select<K: Serialize>(&self, key: K) -> Select<'_, K, T, M> {
        Select::new(&self.space, &self.index, key)
    }

    /// As [`Space::update`], finding the row by this index, which must be unique.
    pub fn update<K: Serialize>(&self, key: K, operations: Operations) -> M::Reply<Option<T>>
    where
        T: DeserializeOwned,
    {
        self.space.update_by(self.index.get(), key, operations)
    }

    /// As [`Space::delete`], finding the row by this index, which must be unique.
    pub fn delete<K: Serialize>(&self, key: K) -> M::Reply<Option<T>>
    where
        T: DeserializeOwned,
    {
        self.space.delete_by(self.index.get(), key)
    }
}

fn nothing(_: Response, _: &Arc<Shared>) -> Result<(), DecodeError> {
    Ok(())
}

fn first<T: DeserializeOwned>(
    response: Response,
    _: &Arc<Shared>,
) -> Result<Option<T>, DecodeError> {
    response.first()
}

// Derives would demand the same of `T`, which is only named here.
impl<T, M: Mode> Clone for Space<T, M> {
    fn clone(&self) -> Self {
        Self { client: self.client.clone(), space: self.space.clone(), row: PhantomData }
    }
}

impl<T, M: Mode> Clone for Index<T, M> {
    fn clone(&self) -> Self {
        Self { space: self.space.clone(), index: self.index.clone() }
    }
}

impl<T, M: Mode> fmt::Debug for Space<T, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Space").field("space", &self.space).finish_non_exhaustive()
    }
}

impl<T, M: Mode> fmt::Debug for Index<T, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Index");
        debug.field("space", &self.space.space).field("index", &self.index);
        debug.finish_non_exhaustive()
    }
}
