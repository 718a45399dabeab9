//! Whether what a client was told is what the server did: [`Ledger`].

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use tarantool_proto::{ErrorCode, Outcome};

/// What a client was told of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// The server executed it.
    Executed,
    /// The server answered with this error: it changed nothing.
    Refused(ErrorCode),
    /// It was not sent: it was not executed, and never will be.
    NotSent,
    /// It may have been executed. Also for those who stopped waiting.
    MaybeExecuted,
}

impl Told {
    /// What an error says, by its `outcome()` and its `code()`.
    #[must_use]
    pub fn failed(outcome: Outcome, code: Option<ErrorCode>) -> Self {
        match (outcome, code) {
            (Outcome::Answered, Some(code)) => Self::Refused(code),
            // Answered, with what the client could not decode.
            (Outcome::Answered, None) => Self::Executed,
            (Outcome::NotSent, _) => Self::NotSent,
            _ => Self::MaybeExecuted,
        }
    }
}

/// What a client was told of each write, to be compared with what the server did.
///
/// Every write gets a [key](Self::key) of its own, writes something under that key which tells how
/// often it was executed, and [records](Self::record) what became of it. At the end, how often each
/// key was written is read from the database over a fresh connection and
/// [compared](Self::compare). What counts executions is up to the test: an upsert of a row with 1
/// that otherwise adds 1 shows a write that was executed twice as 2; so do the rows of a space
/// without a unique index on the key.
///
/// It can be shared by any number of tasks and threads.
///
/// ```
/// use tarantool_blocking::{connect, ops};
/// use tarantool_testkit::{Fault, Ledger, RequestType, Server, Told};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = Server::start()?;
/// let space = server.space("writes").field("key", "unsigned").field("count", "unsigned");
/// space.primary_key("key").create()?;
/// server.fault(Fault::CloseAfterExecuting).on(RequestType::UPSERT).after(2);
///
/// let ledger = Ledger::new();
/// let client = connect(server.uri())?;
/// let space = client.space::<(u64, u64)>("writes");
/// for _ in 0..5 {
///     let key = ledger.key();
///     ledger.record(key, match space.upsert(&(key, 1), ops().add(1, 1)) {
///         Ok(()) => Told::Executed,
///         Err(error) => Told::failed(error.outcome(), error.code()),
///     });
/// }
/// let summary = ledger.compare(server.rows::<(u64, u64)>("writes")?)?;
/// assert_eq!((summary.executed, summary.maybe_executed, summary.not_sent), (4, 1, 0));
/// # Ok(()) }
/// ```
#[derive(Debug, Default)]
pub struct Ledger {
    keys: AtomicU64,
    entries: Mutex<Vec<(u64, Told)>>,
}

/// How many writes had which outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// Those that were told to be executed, and are.
    pub executed: u64,
    /// Those that the server refused.
    pub refused: u64,
    /// Those that were not sent.
    pub not_sent: u64,
    /// Those that may have been executed.
    pub maybe_executed: u64,
    /// How many of the latter were.
    pub of_these_executed: u64,
}

/// One write of which the client was told something else than what happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Discrepancy {
    /// It was told to be executed, and is not there.
    Missing {
        /// The write's key.
        key: u64,
    },
    /// It is there, though the client was told that it is not.
    Executed {
        /// The write's key.
        key: u64,
        /// What the client was told.
        told: Told,
    },
    /// It was executed more than once.
    Repeated {
        /// The write's key.
        key: u64,
        /// How often.
        times: u64,
    },
    /// Nothing was recorded of it.
    NoOutcome {
        /// The write's key.
        key: u64,
    },
    /// Two things were recorded of it.
    TwoOutcomes {
        /// The write's key.
        key: u64,
        /// The first.
        told: Told,
        /// Another.
        then: Told,
    },
    /// The database has a key that the ledger has never given out.
    UnknownKey {
        /// The key.
        key: u64,
    },
}

/// All [discrepancies](Discrepancy) of a [comparison](Ledger::compare); shows the first 20.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Discrepancies {
    /// By key.
    pub all: Vec<Discrepancy>,
    /// What was found apart from those.
    pub summary: Summary,
}

impl Ledger {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A key for a write: 1, then 2 and so on. Its outcome must be recorded.
    #[must_use]
    pub fn key(&self) -> u64 {
        self.keys.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Records what the client was told of a write.
    pub fn record(&self, key: u64, told: Told) {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).push((key, told));
    }

    /// How many outcomes were recorded.
    #[must_use]
    pub fn recorded(&self) -> usize {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Compares what was recorded with what the database has: keys, each with how often its write
    /// was executed. A key that comes several times was executed so often in sum.
    ///
    /// All writes must be over, at the server too, where one that may have been executed can come
    /// late.
    ///
    /// # Errors
    /// A write of which the client was told something wrong, see [`Discrepancy`].
    pub fn compare(
        &self,
        database: impl IntoIterator<Item = (u64, u64)>,
    ) -> Result<Summary, Discrepancies> {
        let mut executions = BTreeMap::<u64, u64>::new();
        for (key, times) in database {
            let sum = executions.entry(key).or_default();
            *sum = sum.saturating_add(times);
        }
        let mut outcomes = BTreeMap::<u64, Told>::new();
        let mut all = Vec::new();
        for &(key, told) in &*self.entries.lock().unwrap_or_else(PoisonError::into_inner) {
            match outcomes.get(&key) {
                Some(&first) => all.push(Discrepancy::TwoOutcomes { key, told: first, then: told }),
                None => drop(outcomes.insert(key, told)),
            }
        }
        let given_out = self.keys.load(Ordering::Relaxed);
        let mut summary = Summary::default();
        for key in 1..=given_out {
            let times = executions.remove(&key).unwrap_or_default();
            let told = outcomes.remove(&key);
            all.extend(judge(key, told, times));
            if let Some(told) = told {
                summary.add(told, times > 0);
            }
        }
        let foreign = outcomes.keys().chain(executions.keys());
        all.extend(foreign.map(|&key| Discrepancy::UnknownKey { key }));
        all.sort_by_key(Discrepancy::key);
        // What is unknown may be so on both sides.
        all.dedup();
        if all.is_empty() { Ok(summary) } else { Err(Discrepancies { all, summary }) }
    }
}

/// What is wrong with a write.
fn judge(key: u64, told: Option<Told>, times: u64) -> Vec<Discrepancy> {
    let mut wrong = Vec::new();
    match told {
        None => wrong.push(Discrepancy::NoOutcome { key }),
        Some(Told::Executed) if times == 0 => wrong.push(Discrepancy::Missing { key }),
        Some(told @ (Told::Refused(_) | Told::NotSent)) if times > 0 => {
            wrong.push(Discrepancy::Executed { key, told });
        }
        Some(_) => {}
    }
    if times > 1 {
        wrong.push(Discrepancy::Repeated { key, times });
    }
    wrong
}

impl Summary {
    fn add(&mut self, told: Told, is_there: bool) {
        match told {
            Told::Executed => self.executed += 1,
            Told::Refused(_) => self.refused += 1,
            Told::NotSent => self.not_sent += 1,
            Told::MaybeExecuted => {
                self.maybe_executed += 1;
                self.of_these_executed += u64::from(is_there);
            }
        }
    }

    /// How many writes there were.
    #[must_use]
    pub fn writes(&self) -> u64 {
        self.executed + self.refused + self.not_sent + self.maybe_executed
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} writes: {} executed, {} refused, {} not sent, {} maybe executed of which {} were",
            self.writes(),
            self.executed,
            self.refused,
            self.not_sent,
            self.maybe_executed,
            self.of_these_executed
        )
    }
}

impl Discrepancy {
    /// The write's key.
    #[must_use]
    pub fn key(&self) -> u64 {
        match *self {
            Self::Missing { key }
            | Self::Executed { key, .. }
            | Self::Repeated { key, .. }
            | Self::NoOutcome { key }
            | Self::TwoOutcomes { key, .. }
            | Self::UnknownKey { key } => key,
        }
    }
}

impl fmt::Display for Discrepancy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { key } => write!(f, "{key}: told executed, and is not there"),
            Self::Executed { key, told } => write!(f, "{key}: told {told:?}, and is there"),
            Self::Repeated { key, times } => write!(f, "{key}: executed {times} times"),
            Self::NoOutcome { key } => write!(f, "{key}: nothing was told"),
            Self::TwoOutcomes { key, told, then } => {
                write!(f, "{key}: told {told:?}, then {then:?}")
            }
            Self::UnknownKey { key } => write!(f, "{key}: was never given out"),
        }
    }
}

impl fmt::Display for Discrepancies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} discrepancies in {}", self.all.len(), self.summary)?;
        for wrong in self.all.iter().take(SHOWN) {
            write!(f, "\n  {wrong}")?;
        }
        if self.all.len() > SHOWN { f.write_str("\n  ...") } else { Ok(()) }
    }
}

impl Error for Discrepancies {}

const SHOWN: usize = 20;
