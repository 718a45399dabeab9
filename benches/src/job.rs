//! What is run, by whom, and what it took.

use std::error::Error;
use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use crate::cpu::Elapsed;

/// Why a benchmark failed.
pub type Failure = Box<dyn Error>;

/// A kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// Inserts `[id, payload]`; the ids are free.
    Insert,
    /// Selects one tuple by its id; every id is there.
    Select,
    /// Replaces the first bytes of the second field of the tuple with the id, see
    /// [`Job::patch`]; every id is there.
    Update,
    /// Assigns the payload to the second field of the tuple with the id; every id is there.
    Assign,
    /// Deletes by id; every id is there.
    Delete,
    /// An empty request.
    Ping,
}

impl Op {
    const ALL: [Self; 6] =
        [Self::Insert, Self::Select, Self::Update, Self::Assign, Self::Delete, Self::Ping];

    /// The name on the command line and in the table.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Insert => "insert",
            Self::Select => "select",
            Self::Update => "update",
            Self::Assign => "assign",
            Self::Delete => "delete",
            Self::Ping => "ping",
        }
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Op {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|op| op.name() == name)
            .ok_or_else(|| format!("unknown operation `{name}`"))
    }
}

/// One run of one contender: one request for every id.
#[derive(Clone, Debug)]
pub struct Job {
    /// The kind of request.
    pub op: Op,
    /// How many requests are in flight at once, each task having one.
    pub tasks: usize,
    /// The id of the space.
    pub space: u32,
    /// The ids, each used exactly once, in any order.
    pub ids: Range<u64>,
    /// The string of inserts and updates. It differs from run to run, so that an update that
    /// changed nothing is noticed; the tuples that are selected have one of this length.
    pub payload: String,
}

impl Job {
    /// What an update puts in place of as many bytes at the beginning of the string.
    #[must_use]
    pub fn patch(&self) -> &str {
        &self.payload[..self.payload.len().min(8)]
    }

    /// How many requests the job has.
    #[must_use]
    pub fn count(&self) -> usize {
        (self.ids.end - self.ids.start) as usize
    }
}

/// What one run took.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    /// Wall-clock and CPU time, from the first request to the last reply.
    pub elapsed: Elapsed,
    /// Requests answered with success.
    pub requests: usize,
    /// Read system calls on the socket, when the contender can count them.
    pub reads: Option<u64>,
    /// Write system calls on the socket, when the contender can count them.
    pub writes: Option<u64>,
}

/// A client that takes part.
pub trait Contender {
    /// The name on the command line and in the table.
    fn name(&self) -> &str;

    /// Runs a job on one connection. Connecting and preparing is not measured: start the
    /// [`Stopwatch`](crate::cpu::Stopwatch) right before the first request and stop it right
    /// after the last reply.
    ///
    /// # Errors
    ///
    /// If any request fails, or a reply is not what the operation must give.
    fn run(&mut self, job: &Job) -> Result<Measured, Failure>;
}
