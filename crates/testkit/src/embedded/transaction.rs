//! Interactive transactions.
//!
//! A transaction works on a snapshot of the data, which costs nothing until something changes. It
//! conflicts when any space that it used was changed by somebody else meanwhile and it wants to
//! write: coarser than a real server, which looks at tuples, and never wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use tarantool_proto::ErrorCode;
use tarantool_proto::server::Fields;

use super::core::Core;
use crate::engine::{Database, Failure};

pub(super) struct Transaction {
    snapshot: Database,
    /// The spaces it used, each with its version in the snapshot.
    used: BTreeMap<u32, Option<u64>>,
    written: BTreeSet<u32>,
    until: Option<Instant>,
    is_linearizable: bool,
    is_sync: bool,
    aborted: Option<ErrorCode>,
}

/// What a statement does to the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    Read,
    Write,
}

impl Transaction {
    pub(super) fn begin(core: &Core, fields: &Fields, now: Instant) -> Result<Self, Failure> {
        let illegal = |text: &str| Failure::new(ErrorCode::ILLEGAL_PARAMS, text);
        let until = match fields.timeout {
            Some(seconds) if seconds < 0.0 || seconds.is_nan() => {
                return Err(illegal("timeout must be a number greater than 0"));
            }
            // None, and more than a clock can tell, is no limit.
            Some(seconds) if seconds > 0.0 => {
                Duration::try_from_secs_f64(seconds).ok().and_then(|time| now.checked_add(time))
            }
            _ => None,
        };
        let isolation = fields.isolation.unwrap_or_default();
        if isolation > LINEARIZABLE {
            return Err(illegal("unknown isolation level"));
        }
        if fields.is_sync == Some(false) {
            return Err(illegal("is_sync can only be true"));
        }
        Ok(Self {
            snapshot: core.database().clone(),
            used: BTreeMap::new(),
            written: BTreeSet::new(),
            until,
            is_linearizable: isolation == LINEARIZABLE,
            is_sync: fields.is_sync == Some(true),
            aborted: None,
        })
    }

    /// The data that a statement on `space` works on.
    pub(super) fn statement(
        &mut self,
        core: &Core,
        space: u32,
        access: Access,
        now: Instant,
    ) -> Result<&mut Database, Failure> {
        self.check(core, now)?;
        if self.is_linearizable {
            let text = format!("space #{space} does not support linearizable operations");
            return Err(Failure::new(ErrorCode::UNSUPPORTED, text));
        }
        let version = self.snapshot.space_version(space);
        self.used.entry(space).or_insert(version);
        if access == Access::Write {
            self.written.insert(space);
            self.check(core, now)?;
        }
        Ok(&mut self.snapshot)
    }

    pub(super) fn commit(
        mut self,
        core: &Core,
        is_sync: Option<bool>,
        now: Instant,
    ) -> Result<(), Failure> {
        if is_sync == Some(false) {
            return Err(Failure::new(ErrorCode::ILLEGAL_PARAMS, "is_sync can only be true"));
        }
        self.check(core, now)?;
        if self.written.is_empty() {
            return Ok(());
        }
        if self.is_sync || is_sync == Some(true) {
            let text = "The synchronous transaction queue doesn't belong to any instance";
            return Err(Failure::new(ErrorCode::SYNC_QUEUE_UNCLAIMED, text));
        }
        let mut database = core.database();
        // Looked at again under the lock that the changes are made under.
        if self.is_outdated(&database) {
            return Err(aborted(ErrorCode::TRANSACTION_CONFLICT));
        }
        for &space in &self.written {
            database.adopt(&self.snapshot, space);
        }
        Ok(())
    }

    fn check(&mut self, core: &Core, now: Instant) -> Result<(), Failure> {
        if self.aborted.is_none() {
            if self.until.is_some_and(|until| until <= now) {
                self.aborted = Some(ErrorCode::TRANSACTION_TIMEOUT);
            } else if !self.written.is_empty() && self.is_outdated(&core.database()) {
                self.aborted = Some(ErrorCode::TRANSACTION_CONFLICT);
            }
        }
        self.aborted.map_or(Ok(()), |code| Err(aborted(code)))
    }

    fn is_outdated(&self, database: &Database) -> bool {
        self.used.iter().any(|(&space, &version)| database.space_version(space) != version)
    }
}

fn aborted(code: ErrorCode) -> Failure {
    let text = match code {
        ErrorCode::TRANSACTION_TIMEOUT => "Transaction has been aborted by timeout",
        _ => "Transaction has been aborted by conflict",
    };
    Failure::new(code, text)
}

const LINEARIZABLE: u32 = 4;
