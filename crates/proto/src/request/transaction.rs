//! Transactions in streams.

use std::time::Duration;

use super::{Body, Request};
use crate::capability::Capability;
use crate::keys::{Key, RequestType};
use crate::msgpack::{EncodeError, write};

/// What a transaction sees of others that are not over. Server 2.10.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Isolation {
    /// Changes that are committed, even if not yet written to the journal.
    ReadCommitted = 1,
    /// Only changes that are written to the journal.
    ReadConfirmed = 2,
    /// As `ReadConfirmed` until the transaction writes something, then as `ReadCommitted`.
    BestEffort = 3,
    /// What a majority of the replicas has confirmed. Synchronous spaces only: statements on others
    /// are errors.
    Linearizable = 4,
}

/// Begins a transaction in a stream (2.10). Outside of streams servers answer with an error.
///
/// Without anything set: the server's default isolation (`box.cfg.txn_isolation`) and its time limit
/// (`box.cfg.txn_timeout`).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Begin {
    isolation: Option<Isolation>,
    timeout: Option<Duration>,
    is_sync: bool,
}

impl Begin {
    /// A transaction as the server has it by default.
    #[must_use]
    pub const fn new() -> Self {
        Self { isolation: None, timeout: None, is_sync: false }
    }

    /// What it sees of others.
    #[must_use]
    pub const fn isolation(mut self, isolation: Isolation) -> Self {
        self.isolation = Some(isolation);
        self
    }

    /// How long it may take before the server aborts it; zero: the server's default.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Whether the commit waits until a quorum of replicas has the changes, whatever the spaces are
    /// set to. Server 3.1.1.
    #[must_use]
    pub const fn synchronous(mut self, is_sync: bool) -> Self {
        self.is_sync = is_sync;
        self
    }
}

impl Request for Begin {
    fn request_type(&self) -> RequestType {
        RequestType::BEGIN
    }

    fn encode(&self, body: &mut Body<'_>) -> Result<(), EncodeError> {
        body.require(Capability::Transactions);
        if let Some(timeout) = self.timeout.filter(|timeout| !timeout.is_zero()) {
            // The server takes no other type than this one.
            write::f64(body.entry(Key::TIMEOUT), timeout.as_secs_f64());
        }
        if let Some(isolation) = self.isolation {
            body.uint(Key::TXN_ISOLATION, isolation as u32);
        }
        synchronous(body, self.is_sync);
        Ok(())
    }
}

/// Commits the transaction of a stream (2.10); with none open it does nothing. If it fails, the
/// transaction is rolled back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Commit {
    is_sync: bool,
}

impl Commit {
    /// A commit as the transaction began.
    #[must_use]
    pub const fn new() -> Self {
        Self { is_sync: false }
    }

    /// Whether to wait until a quorum of replicas has the changes, whatever the spaces are set to.
    /// Server 3.1.1.
    #[must_use]
    pub const fn synchronous(mut self, is_sync: bool) -> Self {
        self.is_sync = is_sync;
        self
    }
}

impl Request for Commit {
    fn request_type(&self) -> RequestType {
        RequestType::COMMIT
    }

    fn encode(&self, body: &mut Body<'_>) -> Result<(), EncodeError> {
        body.require(Capability::Transactions);
        synchronous(body, self.is_sync);
        Ok(())
    }
}

/// Undoes what the transaction of a stream did, and ends it (2.10); with none open it does nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rollback;

impl Request for Rollback {
    fn request_type(&self) -> RequestType {
        RequestType::ROLLBACK
    }

    fn encode(&self, body: &mut Body<'_>) -> Result<(), EncodeError> {
        body.require(Capability::Transactions);
        Ok(())
    }
}

/// The server takes no other value than `true`.
fn synchronous(body: &mut Body<'_>, is_sync: bool) {
    if is_sync {
        body.require(Capability::SynchronousCommit);
        write::boolean(body.entry(Key::IS_SYNC), true);
    }
}
