//! What is run, by whom, and what it took.

use std::error::Error;
use std::fmt;
use std::ops::Range;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::cpu::Elapsed;
use crate::latency::Latencies;

/// Why a benchmark failed.
pub type Failure = Box<dyn Error + Send + Sync>;

/// A kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
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
    /// Inserts, selects, updates and deletes in turn, see [`Job::kind`].
    Mixed,
}

impl Op {
    /// What [`Mixed`](Self::Mixed) consists of, in turn.
    pub const MIX: [Self; 4] = [Self::Insert, Self::Select, Self::Update, Self::Delete];

    /// The name on the command line and in the table.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Insert => "insert",
            Self::Select => "select",
            Self::Update => "update",
            Self::Assign => "assign",
            Self::Delete => "delete",
            Self::Ping => "ping",
            Self::Mixed => "mixed",
        }
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
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
    /// Requests per second that begin whether or not earlier ones were answered; without it, a
    /// task begins its next request when its last was answered.
    pub rate: Option<f64>,
}

impl Job {
    /// The request that is made for an id. With a number of tasks that 4 divides, each task of a
    /// mixed job makes one kind only.
    #[must_use]
    pub fn kind(&self, id: u64) -> Op {
        match self.op {
            Op::Mixed => Op::MIX[((id - self.ids.start) % Op::MIX.len() as u64) as usize],
            op => op,
        }
    }

    /// How many ids have requests of this kind.
    #[must_use]
    pub fn count_of(&self, kind: Op) -> u64 {
        self.ids.clone().filter(|id| self.kind(*id) == kind).count() as u64
    }

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
#[derive(Clone, Debug)]
pub struct Measured {
    /// Wall-clock and CPU time, from the first request to the last reply.
    pub elapsed: Elapsed,
    /// Requests answered with success.
    pub requests: usize,
    /// Read system calls on the socket.
    pub reads: u64,
    /// Write system calls on the socket.
    pub writes: u64,
    /// How long each request took: from its call, or at a rate from when it was to begin.
    pub latencies: Latencies,
    /// At a rate: how much later than they should the requests were handed to the client.
    pub lateness: Option<Latencies>,
}

/// A client that takes part.
pub trait Contender {
    /// Makes what must be there before the clock starts.
    ///
    /// # Errors
    ///
    /// If it can't be made.
    fn prepare(&mut self, job: &Job) -> Result<(), Failure> {
        let _ = job;
        Ok(())
    }

    /// Runs a job on one connection. Connecting and preparing is not measured: start the
    /// [`Stopwatch`](crate::cpu::Stopwatch) right before the first request and stop it right
    /// after the last reply.
    ///
    /// # Errors
    ///
    /// If any request fails, or a reply is not what the operation must give.
    fn run(&mut self, job: &Job) -> Result<Measured, Failure>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mixed_job_has_all_kinds_in_turn() {
        let job = Job {
            op: Op::Mixed,
            tasks: 8,
            space: 512,
            ids: 11..21,
            payload: String::new(),
            rate: None,
        };
        assert_eq!(
            [11, 12, 13, 14, 15].map(|id| job.kind(id)),
            [Op::Insert, Op::Select, Op::Update, Op::Delete, Op::Insert]
        );
        assert_eq!(Op::MIX.map(|kind| job.count_of(kind)), [3, 3, 2, 2]);
        let inserts = Job { op: Op::Insert, ..job };
        assert_eq!((inserts.count_of(Op::Insert), inserts.count_of(Op::Delete)), (10, 0));
    }
}
