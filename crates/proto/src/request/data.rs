//! Requests that change rows: insert, replace, update, upsert, delete.

use serde::Serialize;

use super::{Body, Identifier, Operations, Request, Subject};
use crate::keys::{Key, RequestType};
use crate::msgpack::EncodeError;

macro_rules! row_request {
    ($(#[$docs:meta])* $name:ident, $type:ident) => {
        $(#[$docs])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name<'a, T = ()> {
            space: Identifier<'a>,
            row: T,
        }

        impl<'a> $name<'a> {
            /// Into this space. The row is given by [`row`](Self::row).
            #[must_use]
            pub fn into(space: impl Into<Identifier<'a>>) -> Self {
                Self { space: space.into(), row: () }
            }

            /// The row: a struct, a tuple or a sequence.
            #[must_use]
            pub fn row<T: Serialize>(self, row: T) -> $name<'a, T> {
                $name { space: self.space, row }
            }
        }

        impl<T: Serialize> Request for $name<'_, T> {
            fn request_type(&self) -> RequestType {
                RequestType::$type
            }

            fn subject(&self) -> Subject {
                Subject::with_space(RequestType::$type, self.space)
            }

            fn encode(&self, body: &mut Body<'_>) -> Result<(), EncodeError> {
                body.space(self.space);
                body.row(Key::TUPLE, &self.row)
            }
        }
    };
}

row_request! {
    /// Adds a row; error [`TUPLE_FOUND`](crate::ErrorCode::TUPLE_FOUND) if its key is taken.
    Insert, INSERT
}

row_request! {
    /// Adds a row, in place of the one with the same primary key if there is one.
    Replace, REPLACE
}

/// Changes fields of the row with a key. The reply holds the changed row, or none if there is no
/// such row.
#[derive(Clone, Debug)]
pub struct Update<'a, K = ()> {
    space: Identifier<'a>,
    index: Identifier<'a>,
    key: K,
    operations: Operations,
}

impl<'a> Update<'a> {
    /// In this space.
    #[must_use]
    pub fn of(space: impl Into<Identifier<'a>>) -> Self {
        let operations = Operations::default();
        Self { space: space.into(), index: Identifier::Number(0), key: (), operations }
    }
}

impl<'a, K> Update<'a, K> {
    /// Finds the row by this unique index instead of the primary one.
    #[must_use]
    pub fn index(mut self, index: impl Into<Identifier<'a>>) -> Self {
        self.index = index.into();
        self
    }

    /// The whole key of the row: a scalar or a tuple.
    #[must_use]
    pub fn key<L: Serialize>(self, key: L) -> Update<'a, L> {
        let Self { space, index, key: _, operations } = self;
        Update { space, index, key, operations }
    }

    /// What to change, applied from left to right.
    #[must_use]
    pub fn operations(mut self, operations: Operations) -> Self {
        self.operations = operations;
        self
    }
}

impl<K: Serialize> Request for Update<'_, K> {
    fn request_type(&self) -> RequestType {
        RequestType::UPDATE
    }

    fn subject(&self) -> Subject {
        Subject::with_space(RequestType::UPDATE, self.space)
    }

    fn encode(&self, body: &mut Body<'_>) -> Result<(), EncodeError> {
        body.space(self.space);
        body.index(self.index);
        if self.operations.index_base() != 0 {
            body.uint(Key::INDEX_BASE, self.operations.index_base());
        }
        body.key(Key::KEY, &self.key)?;
        self.operations.encode(body.entry(Key::TUPLE))
    }
}

/// Inserts a row, or changes the one with the same primary key. The reply never holds a row.
///
/// An operation that does not fit the existing row is skipped by the server, which logs it and
/// answers OK.
#[derive(Clone, Debug)]
pub struct Upsert<'a, T = ()> {
    space: Identifier<'a>,
    row: T,
    operations: Operations,
}

impl<'a> Upsert<'a> {
    /// Into this space.
    #[must_use]
    pub fn into(space: impl Into<Identifier<'a>>) -> Self {
        Self { space: space.into(), row: (), operations: Operations::default() }
    }

    /// The whole row to insert if there is none with its primary key.
    #[must_use]
    pub fn row<T: Serialize>(self, row: T) -> Upsert<'a, T> {
        Upsert { space: self.space, row, operations: self.operations }
    }
}

impl<T> Upsert<'_, T> {
    /// What to change if there is a row, applied from left to right.
    #[must_use]
    pub fn operations(mut self, operations: Operations) -> Self {
        self.operations = operations;
        self
    }
}

impl<T: Serialize> Request for Upsert<'_, T> {
    fn request_type(&self) -> RequestType {
        RequestType::UPSERT
    }

    fn subject(&self) -> Subject {
        Subject::with_space(RequestType::UPSERT, self.space)
    }

    fn encode(&self, body: &mut Body<'_>) -> Result<(), EncodeError> {
        body.space(self.space);
        if self.operations.index_base() != 0 {
            body.uint(Key::INDEX_BASE, self.operations.index_base());
        }
        body.row(Key::TUPLE, &self.row)?;
        self.operations.encode(body.entry(Key::OPS))
    }
}

/// Removes the row with a key. The reply holds the removed row, or none if there was no such row;
/// never one from a vinyl space.
#[derive(Clone, Copy, Debug)]
pub struct Delete<'a, K = ()> {
    space: Identifier<'a>,
    index: Identifier<'a>,
    key: K,
}

impl<'a> Delete<'a> {
    /// From this space.
    #[must_use]
    pub fn from(space: impl Into<Identifier<'a>>) -> Self {
        Self { space: space.into(), index: Identifier::Number(0), key: () }
    }
}

impl<'a, K> Delete<'a, K> {
    /// Finds the row by this unique index instead of the primary one.
    #[must_use]
    pub fn index(mut self, index: impl Into<Identifier<'a>>) -> Self {
        self.index = index.into();
        self
    }

    /// The whole key of the row: a scalar or a tuple.
    #[must_use]
    pub fn key<L: Serialize>(self, key: L) -> Delete<'a, L> {
        Delete { space: self.space, index: self.index, key }
    }
}

impl<K: Serialize> Request for Delete<'_, K> {
    fn request_type(&self) -> RequestType {
        RequestType::DELETE
    }

    fn subject(&self) -> Subject {
        Subject::with_space(RequestType::DELETE, self.space)
    }

    fn encode(&self, body: &mut Body<'_>) -> Result<(), EncodeError> {
        body.space(self.space);
        body.index(self.index);
        body.key(Key::KEY, &self.key)
    }
}
