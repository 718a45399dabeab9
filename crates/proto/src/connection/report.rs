//! What a connection tells of itself, and what its driver counts.

use super::{Connection, Phase, ServerInfo};
use crate::batching::Batching;
use crate::error::{ConnectionError, Stage};
use crate::stats::Stats;

impl Connection {
    /// Counts a system call that read `bytes`.
    pub fn count_read(&mut self, bytes: usize) {
        self.stats.reads += 1;
        self.stats.bytes_in += bytes as u64;
    }

    /// Counts `calls` system calls that wrote `bytes` together.
    pub fn count_writes(&mut self, calls: usize, bytes: usize) {
        self.stats.writes += calls as u64;
        self.stats.bytes_out += bytes as u64;
    }

    /// Who answered, once the handshake is over.
    #[must_use]
    pub fn server(&self) -> Option<&ServerInfo> {
        self.server.as_ref().filter(|_| !matches!(self.phase, Phase::Login(_)))
    }

    /// Why the connection ended, if it has.
    #[must_use]
    pub fn failure(&self) -> Option<&ConnectionError> {
        match &self.phase {
            Phase::Ended(error) => Some(error),
            _ => None,
        }
    }

    /// How many requests have a place and no answer: those queued, written, or waiting for the
    /// server's schema.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.slots.in_flight()
    }

    /// Whether replies are still to come on this connection, be it to requests that nobody waits for
    /// any more.
    #[must_use]
    pub fn awaits_replies(&self) -> bool {
        self.owed > 0
    }

    /// How many bytes are queued and not handed out yet.
    #[must_use]
    pub fn queued_bytes(&self) -> usize {
        self.outbox.bytes()
    }

    /// Whether a request still waits for a place: accepting more only makes the wait longer.
    #[must_use]
    pub fn is_saturated(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Whether the connection is closing and nothing is left to write or to wait for.
    #[must_use]
    pub fn is_drained(&self) -> bool {
        self.closing && self.outbox.requests() == 0 && self.slots.unanswered().next().is_none()
    }

    /// The batching policy.
    #[must_use]
    pub fn batching(&self) -> &Batching {
        &self.config.batching
    }

    /// What the connection has done so far.
    #[must_use]
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    pub(super) fn stage(&self) -> Stage {
        match self.phase {
            Phase::Greeting { received } => Stage::Greeting { received },
            Phase::Login(_) => Stage::Login,
            Phase::Ready | Phase::Holding | Phase::Ended(_) => Stage::Ready,
        }
    }
}
