//! One change, as its bytes came.

use std::fmt;

use bytes::Bytes;
use serde::Deserialize;

use super::Vclock;
use super::rows::{RowHeader, narrow};
use crate::keys::{Key, RequestType};
use crate::msgpack::{self, DecodeError, Reader};

/// A row of the snapshot, or a change made after it.
///
/// Its values are slices of the buffer that it was read into, without a copy; keeping a change keeps
/// that whole buffer.
#[derive(Clone, PartialEq)]
pub struct Change {
    operation: Operation,
    row: RowHeader,
    entries: Entries,
    body: Bytes,
    vclock: Option<Vclock>,
}

/// What a [`Change`] does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Operation {
    /// A new tuple. All rows of the snapshot are of this kind.
    Insert,
    /// A tuple that takes the place of one with its primary key, if there is one.
    Replace,
    /// Operations on the tuple with this key.
    Update,
    /// Operations on the tuple with the primary key of this one, which is inserted if there is none.
    Upsert,
    /// The tuple with this key goes.
    Delete,
    /// Nothing, in its place in the history. It may end a transaction, and takes the place of a row
    /// that was not wanted where that one would have ended a transaction.
    Nop,
    /// The snapshot is whole: [`Change::vclock`] says as of when. What follows was changed later.
    SnapshotEnd,
    /// Something else in the history, such as the confirmation of synchronous transactions
    /// ([`RequestType::RAFT_CONFIRM`]). It has no space; [`Change::body`] has what there is.
    Other(RequestType),
}

impl Operation {
    fn of(request_type: RequestType) -> Self {
        match request_type {
            RequestType::INSERT => Self::Insert,
            RequestType::REPLACE => Self::Replace,
            RequestType::UPDATE => Self::Update,
            RequestType::UPSERT => Self::Upsert,
            RequestType::DELETE => Self::Delete,
            RequestType::NOP => Self::Nop,
            other => Self::Other(other),
        }
    }
}

/// Where in the body something stands. Packets are at most 2 GiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    start: u32,
    end: u32,
}

/// The entries of the body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Entries {
    space_id: Option<u32>,
    index_id: u32,
    index_base: u32,
    key: Option<Span>,
    tuple: Option<Span>,
    operations: Option<Span>,
    old_tuple: Option<Span>,
    new_tuple: Option<Span>,
}

impl Change {
    /// Reads a row, of which every byte is checked.
    pub(super) fn read(
        request_type: RequestType,
        row: RowHeader,
        body: Bytes,
    ) -> Result<Self, DecodeError> {
        let operation = Operation::of(request_type);
        let entries = match operation {
            Operation::Other(_) => {
                if !body.is_empty() {
                    msgpack::Raw::new(&body)?;
                }
                Entries::default()
            }
            _ => Entries::read(operation, &body)?,
        };
        Ok(Self { operation, row, entries, body, vclock: None })
    }

    /// What stands between the snapshot and the changes after it.
    pub(super) fn snapshot_end(vclock: Vclock) -> Self {
        Self {
            operation: Operation::SnapshotEnd,
            row: RowHeader::default(),
            entries: Entries::default(),
            body: Bytes::new(),
            vclock: Some(vclock),
        }
    }

    pub(super) fn at(mut self, vclock: Vclock) -> Self {
        self.vclock = Some(vclock);
        self
    }

    /// Only its place in the history is left.
    pub(super) fn without_values(mut self) -> Self {
        self.operation = Operation::Nop;
        self.entries = Entries::default();
        self.body = Bytes::new();
        self
    }

    /// What it does.
    #[must_use]
    pub const fn operation(&self) -> Operation {
        self.operation
    }

    /// Whether it belongs to the snapshot and not to what was changed after it.
    #[must_use]
    pub const fn is_snapshot(&self) -> bool {
        self.vclock.is_none()
    }

    /// How far one has come with this change: save it once the change is dealt with, to go on behind
    /// it later. `None` in the snapshot, which has to be begun anew.
    ///
    /// Within a transaction it leads into its middle; see [`is_last`](Self::is_last).
    #[must_use]
    pub const fn vclock(&self) -> Option<&Vclock> {
        self.vclock.as_ref()
    }

    /// The number of the space; those of users begin at 512.
    #[must_use]
    pub const fn space_id(&self) -> Option<u32> {
        self.entries.space_id
    }

    /// The number of the index that the [`key`](Self::key) is of; 0 is the primary one.
    #[must_use]
    pub const fn index_id(&self) -> u32 {
        self.entries.index_id
    }

    /// What the first field is called in the [`operations`](Self::operations): 0 or 1.
    #[must_use]
    pub const fn index_base(&self) -> u32 {
        self.entries.index_base
    }

    /// The tuple of an insert, a replace, an upsert, as MessagePack.
    #[must_use]
    pub fn tuple(&self) -> Option<&[u8]> {
        self.slice(self.entries.tuple)
    }

    /// The key of an update or a delete, as a MessagePack array.
    #[must_use]
    pub fn key(&self) -> Option<&[u8]> {
        self.slice(self.entries.key)
    }

    /// The operations of an update or an upsert, as a MessagePack array.
    #[must_use]
    pub fn operations(&self) -> Option<&[u8]> {
        self.slice(self.entries.operations)
    }

    /// The tuple before the change, where the server writes such (enterprise, `wal_ext`).
    #[must_use]
    pub fn old_tuple(&self) -> Option<&[u8]> {
        self.slice(self.entries.old_tuple)
    }

    /// The tuple after the change, where the server writes such (enterprise, `wal_ext`).
    #[must_use]
    pub fn new_tuple(&self) -> Option<&[u8]> {
        self.slice(self.entries.new_tuple)
    }

    /// All that it has, as it came: a MessagePack map, or empty.
    #[must_use]
    pub const fn body(&self) -> &Bytes {
        &self.body
    }

    /// The tuple of an insert, a replace, an upsert as a `T`, which may borrow from the change.
    ///
    /// # Errors
    /// It does not fit `T`, or there is none.
    pub fn decode<'a, T: Deserialize<'a>>(&'a self) -> Result<T, DecodeError> {
        let none = || DecodeError::new(format!("no tuple in {self:?}"));
        msgpack::from_slice(self.tuple().ok_or_else(none)?)
    }

    /// The key of an update or a delete as a `K`, such as a tuple of its parts.
    ///
    /// # Errors
    /// It does not fit `K`, or there is none.
    pub fn decode_key<'a, K: Deserialize<'a>>(&'a self) -> Result<K, DecodeError> {
        let none = || DecodeError::new(format!("no key in {self:?}"));
        msgpack::from_slice(self.key().ok_or_else(none)?)
    }

    /// The id of the instance where it was made; 0 in the snapshot.
    #[must_use]
    pub const fn replica_id(&self) -> u32 {
        self.row.replica_id
    }

    /// Its number among the changes of that instance; 0 in the snapshot.
    #[must_use]
    pub const fn lsn(&self) -> u64 {
        self.row.lsn
    }

    /// When it was made, in seconds since 1970 by that instance's clock.
    #[must_use]
    pub const fn timestamp(&self) -> Option<f64> {
        self.row.timestamp
    }

    /// The LSN of its transaction's first row, which names the transaction together with the
    /// [`replica_id`](Self::replica_id).
    #[must_use]
    pub fn transaction(&self) -> u64 {
        self.row.lsn.saturating_sub(self.row.tsn.unwrap_or_default())
    }

    /// Whether a transaction begins with it.
    #[must_use]
    pub fn is_first(&self) -> bool {
        self.row.tsn.unwrap_or_default() == 0
    }

    /// Whether a transaction ends with it. The rows of a transaction come one after another.
    #[must_use]
    pub fn is_last(&self) -> bool {
        self.row.is_last()
    }

    /// Whether its transaction waits for earlier synchronous ones (server 2.6.3).
    #[must_use]
    pub fn waits_for_earlier(&self) -> bool {
        self.row.waits_sync()
    }

    /// Whether its transaction is synchronous: it counts once it is confirmed, and is undone by a
    /// [`RequestType::RAFT_ROLLBACK`] (server 2.6.3).
    #[must_use]
    pub fn is_synchronous(&self) -> bool {
        self.row.waits_ack()
    }

    fn slice(&self, span: Option<Span>) -> Option<&[u8]> {
        let Span { start, end } = span?;
        self.body.get(start as usize..end as usize)
    }
}

impl Entries {
    fn read(operation: Operation, body: &[u8]) -> Result<Self, DecodeError> {
        let mut entries = Self::default();
        if body.is_empty() {
            return entries.check(operation);
        }
        let mut reader = Reader::new(body);
        for _ in 0..reader.map()? {
            let key = reader.key()?.map(Key::new);
            let start = reader.offset() as u32;
            match key {
                Some(Key::SPACE_ID) => entries.space_id = Some(narrow(reader.uint()?)),
                Some(Key::INDEX_ID) => entries.index_id = narrow(reader.uint()?),
                Some(Key::INDEX_BASE) => entries.index_base = narrow(reader.uint()?),
                _ => {
                    reader.skip()?;
                    let span = Some(Span { start, end: reader.offset() as u32 });
                    match key {
                        Some(Key::KEY) => entries.key = span,
                        // The operations of an update stand where the others have their tuple.
                        Some(Key::TUPLE) if operation == Operation::Update => {
                            entries.operations = span;
                        }
                        Some(Key::TUPLE) => entries.tuple = span,
                        Some(Key::OPS) => entries.operations = span,
                        Some(Key::OLD_TUPLE) => entries.old_tuple = span,
                        Some(Key::NEW_TUPLE) => entries.new_tuple = span,
                        _ => {}
                    }
                }
            }
        }
        if !reader.is_empty() {
            return Err(DecodeError::new("bytes follow after the row's body"));
        }
        entries.check(operation)
    }

    /// What the operation cannot do without is there.
    fn check(self, operation: Operation) -> Result<Self, DecodeError> {
        let values = match operation {
            Operation::Insert | Operation::Replace => self.tuple.is_some(),
            Operation::Update => self.key.is_some() && self.operations.is_some(),
            Operation::Upsert => self.tuple.is_some() && self.operations.is_some(),
            Operation::Delete => self.key.is_some(),
            _ => return Ok(self),
        };
        if values && self.space_id.is_some() {
            return Ok(self);
        }
        Err(DecodeError::new(format!("a row without all that its operation {operation:?} needs")))
    }
}

impl fmt::Debug for Change {
    /// Without the values, which may be long and are users' data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Change");
        shown.field("operation", &self.operation).field("space_id", &self.entries.space_id);
        if let Some(vclock) = &self.vclock {
            shown.field("vclock", vclock);
        }
        shown.finish_non_exhaustive()
    }
}
