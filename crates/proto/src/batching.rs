//! When do queued bytes become a write?
//!
//! A system call costs as much as several requests, so requests should share writes; but a request
//! that waits for company is late. The decision is pure: it sees what is queued and what happened
//! since the last write, and says what the driver should do now. It is self-clocking: what is
//! queued while a write is under way leaves together with the next one.

use std::time::Duration;

/// A policy for when queued requests are written.
///
/// The default, [`adaptive`](Self::adaptive), suits one task as well as thousands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batching {
    write_bytes: usize,
    turns: u8,
    linger: Option<Duration>,
}

/// What to do with the bytes that are queued, as
/// [`Connection::poll_decision`](crate::Connection::poll_decision) answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a decision to write or to come back must be followed, or requests stay queued"]
pub enum Decision {
    /// Nothing is queued.
    Idle,
    /// Write now.
    Write,
    /// Give others that are ready to run one turn of the scheduler, then ask again: they are about
    /// to queue requests that can share the write. A driver without a scheduler may just write.
    Yield,
    /// Ask again after this time, or when more is queued.
    Linger(Duration),
}

impl Batching {
    /// Writes at once, unless tasks that were just answered are about to queue more requests: those
    /// are given one turn of the scheduler first. Writes are bounded to 64 KiB, so that the server
    /// can begin with the first requests while others are still being queued. For the same reason
    /// tasks whose answers come together go on in parts, if there are many: see
    /// [`Connection::answers_per_turn`](crate::Connection::answers_per_turn).
    #[must_use]
    pub const fn adaptive() -> Self {
        Self { write_bytes: 64 << 10, turns: 1, linger: None }
    }

    /// Never waits: writes whatever is queued as soon as the driver runs.
    #[must_use]
    pub const fn immediate() -> Self {
        Self { turns: 0, ..Self::adaptive() }
    }

    /// Waits up to `linger` for more requests before each write, for those who want fewer packets
    /// at the price of latency.
    #[must_use]
    pub const fn linger(linger: Duration) -> Self {
        Self { linger: Some(linger), ..Self::adaptive() }
    }

    /// Ends a write after the request that reaches this many bytes; at least 1.
    #[must_use]
    pub const fn up_to(mut self, write_bytes: usize) -> Self {
        self.write_bytes = if write_bytes == 0 { 1 } else { write_bytes };
        self
    }

    /// The size in bytes at which a write is full.
    #[must_use]
    pub const fn write_bytes(&self) -> usize {
        self.write_bytes
    }
}

impl Default for Batching {
    fn default() -> Self {
        Self::adaptive()
    }
}

/// If the replies to all requests under way come together, the next go out in so many parts. Measured
/// with 24 to 1,000 of them, on server 2.6: 4 to 8 parts give about the same rate, with more system
/// calls the more there are.
const PARTS: usize = 6;
/// With fewer requests under way, parts cost system calls and gain nothing.
const CUT_FROM: usize = 32;

/// What the decision depends on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    /// Requests queued and their bytes.
    pub(crate) queued: usize,
    pub(crate) queued_bytes: usize,
}

/// The state of a policy between two writes.
#[derive(Debug)]
pub(crate) struct Batcher {
    policy: Batching,
    /// Requests answered whose callers have not gone on yet, as far as can be told: each write takes
    /// off what it holds.
    answered: usize,
    turns_taken: u8,
    linger_over: bool,
}

impl Batcher {
    pub(crate) fn new(policy: Batching) -> Self {
        Self { policy, answered: 0, turns_taken: 0, linger_over: false }
    }

    /// As [`Connection::answers_per_turn`](crate::Connection::answers_per_turn), with so many
    /// requests that are not answered or not taken.
    pub(crate) fn answers_per_turn(&self, requests: usize) -> usize {
        let has_turns = self.policy.turns > 0 && self.policy.linger.is_none();
        if has_turns && requests >= CUT_FROM { requests.div_ceil(PARTS) } else { usize::MAX }
    }

    pub(crate) fn on_answer(&mut self) {
        self.answered += 1;
    }

    pub(crate) fn on_linger_over(&mut self) {
        self.linger_over = true;
    }

    pub(crate) fn on_write(&mut self, requests: usize) {
        self.answered = self.answered.saturating_sub(requests);
        self.turns_taken = 0;
        self.linger_over = false;
    }

    pub(crate) fn decide(&mut self, load: Load) -> Decision {
        if load.queued_bytes >= self.policy.write_bytes {
            return Decision::Write;
        }
        if self.answered > load.queued && self.turns_taken < self.policy.turns {
            self.turns_taken += 1;
            return Decision::Yield;
        }
        if load.queued == 0 {
            // Nobody went on: what comes now comes from elsewhere.
            self.answered = 0;
            self.turns_taken = 0;
            return Decision::Idle;
        }
        if let (Some(linger), false) = (self.policy.linger, self.linger_over) {
            return Decision::Linger(linger);
        }
        Decision::Write
    }
}
