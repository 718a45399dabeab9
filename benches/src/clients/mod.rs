//! The contenders.

use std::str::FromStr;

use tarantool_tokio::request::Operations;
use tarantool_tokio::{Batching, Config, ops};

use crate::job::{Contender, Failure, Job, Op};

pub mod arrivals;
pub mod blocking;
mod crew;
mod queue;
pub mod raw;
pub mod tasks;

/// Which client: a runtime, or the raw pump, with a batching policy or the default one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// As on the command line and in the tables, such as `tokio+immediate`.
    pub name: String,
    /// Which client.
    pub runtime: Runtime,
    policy: Batching,
}

/// What a client is built on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runtime {
    /// The [raw pump](crate::pump).
    Raw,
    /// The same, and a thread for each task that sleeps until its reply came.
    RawThreads,
    /// tokio, all tasks on one thread.
    Tokio,
    /// tokio, tasks on as many worker threads as there are cores for this process, its default.
    TokioMultiThread,
    /// smol: tasks and the driver on its global executor, which has one thread.
    Smol,
    /// async-std: tasks and the driver on its global executor, a thread for each core.
    AsyncStd,
    /// compio: all on one thread.
    Compio,
    /// One thread that keeps as many requests under way as the job has tasks.
    Blocking,
    /// A thread for each task.
    BlockingThreads,
}

impl Runtime {
    /// All of them, the baseline first.
    pub const ALL: [Self; 9] = [
        Self::Raw,
        Self::Tokio,
        Self::TokioMultiThread,
        Self::Smol,
        Self::AsyncStd,
        Self::Compio,
        Self::Blocking,
        Self::BlockingThreads,
        Self::RawThreads,
    ];

    /// The name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::RawThreads => "raw-threads",
            Self::Tokio => "tokio",
            Self::TokioMultiThread => "tokio-mt",
            Self::Smol => "smol",
            Self::AsyncStd => "async-std",
            Self::Compio => "compio",
            Self::Blocking => "blocking",
            Self::BlockingThreads => "blocking-threads",
        }
    }

    /// How many requests it can have in flight at once.
    #[must_use]
    pub const fn tasks_max(self) -> usize {
        match self {
            Self::BlockingThreads | Self::RawThreads => 1_000,
            _ => 16_384,
        }
    }

    /// Whether it can begin a request while it waits for another.
    #[must_use]
    pub const fn has_rates(self) -> bool {
        !matches!(self, Self::Blocking | Self::RawThreads)
    }
}

impl FromStr for Choice {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let (runtime, policy) = name.split_once('+').unwrap_or((name, ""));
        let known = Runtime::ALL.into_iter().find(|known| known.name() == runtime);
        let runtime = known.ok_or_else(|| {
            let names = Runtime::ALL.map(Runtime::name).join(", ");
            format!("there are {names}; NAME+immediate, +linger and +BYTES batch in other ways")
        })?;
        Ok(Self { name: name.into(), runtime, policy: batching(policy)? })
    }
}

/// Makes a contender for a server.
///
/// # Errors
///
/// If it can't be set up.
pub fn connect(choice: &Choice, uri: &str) -> Result<Box<dyn Contender>, Failure> {
    let config = Config::parse(uri)?.batching(choice.policy);
    Ok(match choice.runtime {
        Runtime::Raw => Box::new(raw::Raw::connect(uri, false)?),
        Runtime::RawThreads => Box::new(raw::Raw::connect(uri, true)?),
        Runtime::Blocking => Box::new(blocking::Callers::connect(config, false)?),
        Runtime::BlockingThreads => Box::new(blocking::Callers::connect(config, true)?),
        runtime => Box::new(tasks::Tasks::connect(runtime, config)?),
    })
}

/// What the job's updates do.
fn changes(kind: Op, job: &Job) -> Operations {
    match kind {
        Op::Assign => ops().assign(1, &job.payload),
        _ => ops().splice(1, 0, job.patch().len() as i32, job.patch()),
    }
}

/// Whether a selected row is what it must be.
fn selected(row: Option<(u64, String)>, id: u64, job: &Job) -> Result<(), Failure> {
    match row {
        Some((found, text)) if found == id && text.len() == job.payload.len() => Ok(()),
        Some(_) => Err("a wrong row".into()),
        None => Err("a row is missing".into()),
    }
}

/// Whether the reply to an update or a deletion is about the right row.
fn changed<T>(row: Option<(u64, T)>, id: u64) -> Result<(), Failure> {
    match row {
        Some((found, _)) if found == id => Ok(()),
        Some(_) => Err("a wrong row".into()),
        None => Err("a row is missing".into()),
    }
}

/// `immediate`, `linger` (50 us), and a number of bytes for the size of a write, joined by commas.
fn batching(policy: &str) -> Result<Batching, String> {
    use std::time::Duration;
    let mut batching = Batching::default();
    for part in policy.split(',').filter(|part| !part.is_empty()) {
        batching = match part {
            "immediate" => Batching::immediate(),
            "linger" => Batching::linger(Duration::from_micros(50)),
            bytes => batching.up_to(bytes.parse().map_err(|_| format!("no policy `{bytes}`"))?),
        };
    }
    Ok(batching)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_are_runtimes_and_policies() {
        let plain: Choice = "tokio-mt".parse().unwrap();
        assert_eq!(plain.runtime, Runtime::TokioMultiThread);
        assert_eq!(plain.policy, Batching::default());
        let lingering: Choice = "smol+linger".parse().unwrap();
        assert_eq!((lingering.runtime, lingering.name.as_str()), (Runtime::Smol, "smol+linger"));
        assert_ne!(lingering.policy, plain.policy);
        assert!("tokyo".parse::<Choice>().is_err());
        assert!("tokio+soon".parse::<Choice>().is_err());
    }
}
