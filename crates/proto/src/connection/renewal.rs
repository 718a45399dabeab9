//! What a [`Session`](crate::session::Session) needs of a connection: requests outlive it.

use std::time::Instant;

use super::handshake::Own;
use super::{Connection, Phase};
use crate::batching::Batcher;
use crate::capability::{Capabilities, Capability};
use crate::config::Credentials;
use crate::error::{Outcome, SendError, Unanswered};
use crate::frame::{Fate, Frame};
use crate::outbox::Outbox;
use crate::request::Ping;
use crate::schema::Names;
use crate::slots::{RequestId, State};
use crate::stats::Stats;

/// Whether frames are kept while their requests are under way, and which requests outlive the
/// connection.
#[derive(Debug)]
pub(super) struct Keeping {
    pub(super) is_on: bool,
    /// The number that this connection has, or will have if it becomes ready.
    generation: u64,
    /// Whether it was ready when it ended.
    pub(super) was_ready: bool,
    /// Whether any request outlives the connection.
    survival: bool,
    /// Pings of the session without an answer yet.
    pub(super) pings: u32,
}

impl Default for Keeping {
    fn default() -> Self {
        Self { is_on: false, generation: 1, was_ready: false, survival: false, pings: 0 }
    }
}

impl Keeping {
    /// Whether a request's frame tells what becomes of it when the connection is lost.
    #[inline]
    pub(super) fn is_of_use(&self, frame: &Frame) -> bool {
        self.is_on && (self.survival || frame.fate().bound_to.is_some())
    }
}

/// `why` says that the request was not sent, which is not so if it was on a former connection.
pub(super) fn unless_sent(frame: &Frame, why: Unanswered) -> Unanswered {
    if frame.fate().was_sent { Unanswered::Lost(Outcome::MaybeExecuted) } else { why }
}

impl Connection {
    /// From now on frames are kept until their requests are answered.
    pub(crate) fn keep_frames(&mut self, survival: bool) {
        self.keeping.is_on = true;
        self.keeping.survival = survival;
    }

    /// Nothing outlives the end that comes.
    pub(crate) fn keep_nothing(&mut self) {
        self.keeping.survival = false;
    }

    /// At the end of the connection: keeps a request for the next one, or says what its answer is.
    pub(super) fn keep_or_fail(&mut self, id: RequestId) -> Option<Unanswered> {
        let handed_out = self.is_handed_out(id);
        let lost = Unanswered::Lost(self.outcome(id));
        let Some(fate) = self.slots.frame(id).map(Frame::fate) else {
            return Some(lost);
        };
        if fate.bound_to.is_some() && self.keeping.was_ready && !self.is_of_next(fate) {
            return Some(if handed_out { lost } else { Unanswered::ConnectionGone });
        }
        if !self.keeping.survival || (handed_out && !fate.is_idempotent) {
            return Some(lost);
        }
        self.stats.sent_again += u64::from(handed_out);
        if let Some(fate) = self.slots.fate_mut(id) {
            fate.was_sent |= handed_out;
        }
        self.slots.set(id, State::Waiting);
        None
    }

    /// The number of this connection, or the one that it will have if it becomes ready.
    pub(crate) fn generation(&self) -> u64 {
        self.keeping.generation
    }

    /// Whether a request is bound to the connection after this one.
    fn is_of_next(&self, fate: Fate) -> bool {
        fate.bound_to.is_some_and(|bound_to| bound_to.get() > self.keeping.generation)
    }

    /// After its end: becomes the next connection, not opened yet, in which those that were kept
    /// wait in the order of their acceptance.
    pub(crate) fn renew(&mut self) {
        let slots = &self.slots;
        let order = |id: &RequestId| slots.frame(*id).map(|frame| frame.fate().order);
        let mut kept: Vec<RequestId> = slots.unanswered().collect();
        kept.sort_unstable_by_key(order);
        self.waiting = kept.into();
        self.take_unresolved();
        self.phase = Phase::Greeting { received: 0 };
        self.handshake_deadline = None;
        self.server = None;
        self.lacking = Capabilities::NONE;
        self.outbox = Outbox::default();
        self.batcher = Batcher::new(self.config.batching);
        self.linger_until = None;
        self.names = Names::default();
        self.schema_position = 0;
        self.parting = None;
        self.keeping.pings = 0;
        self.owed = 0;
        self.keeping.generation += u64::from(std::mem::take(&mut self.keeping.was_ready));
        self.watches.renew();
        self.changed.clear();
    }

    /// Who logs in on the next connections.
    pub(crate) fn set_credentials(&mut self, credentials: Option<Credentials>) {
        self.config.credentials = credentials;
    }

    /// Whether the server lets keys be watched.
    pub(crate) fn has_watchers(&self) -> bool {
        !self.lacking.contains(Capability::Watchers)
    }

    pub(crate) fn stats_mut(&mut self) -> &mut Stats {
        &mut self.stats
    }

    /// The handshake must be over by then.
    pub(crate) fn set_handshake_deadline(&mut self, deadline: Option<Instant>) {
        self.handshake_deadline = deadline;
    }

    /// Gives no more places, except to those who are bound to this connection.
    pub(crate) fn hold(&mut self) {
        if !matches!(self.phase, Phase::Ready) {
            return;
        }
        self.phase = Phase::Holding;
        for id in std::mem::take(&mut self.waiting) {
            if !matches!(self.slots.get(id), Some(State::Waiting)) {
                continue;
            }
            let fate = self.slots.frame(id).map(Frame::fate).unwrap_or_default();
            if fate.bound_to.is_some() && !self.is_of_next(fate) {
                self.queue_waiting(id);
            } else {
                self.waiting.push_back(id);
            }
        }
    }

    /// Accepts a request that can't wait for the next connection, whatever the limits.
    pub(crate) fn send_at_once(
        &mut self,
        frame: &mut Frame,
        deadline: Option<Instant>,
    ) -> Result<RequestId, SendError> {
        self.accept(frame, deadline, true)
    }

    /// Asks the server for a sign of life.
    pub(crate) fn ping(&mut self) {
        let mut frame = Frame::new();
        // There is nothing that could fail.
        let _ = frame.encode(&Ping);
        self.queue_own(&frame, Own::Ping);
        self.keeping.pings += 1;
    }

    /// Answers all who wait for the next connection.
    pub(crate) fn fail_waiting(&mut self) {
        for id in std::mem::take(&mut self.waiting) {
            if self.waits(id) {
                self.fail_request(id, Unanswered::Lost(self.outcome(id)));
            }
        }
    }

    /// Whether nobody who has a place waits for anything, and all is handed out.
    pub(crate) fn is_idle(&self) -> bool {
        self.slots.in_flight() == 0 && self.outbox.requests() == 0
    }

    /// Whether every request has its answer.
    pub(crate) fn is_all_answered(&self) -> bool {
        self.slots.unanswered().next().is_none()
    }

    /// How many requests are accepted and not over.
    pub(crate) fn accepted(&self) -> usize {
        self.slots.occupied()
    }
}
