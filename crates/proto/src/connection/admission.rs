//! How accepted requests find a place in the output: at once, later, or after the schema is read.

use std::collections::VecDeque;

use super::handshake::Own;
use super::renewal::unless_sent;
use super::{Connection, Phase};
#[cfg(doc)]
use crate::batching::Batching;
use crate::capability::Unsupported;
use crate::error::Unanswered;
use crate::frame::Frame;
use crate::keys::Feature;
use crate::schema::{Resolved, View};
use crate::slots::{RequestId, State};

impl Connection {
    #[inline]
    pub(super) fn has_place(&self) -> bool {
        matches!(self.phase, Phase::Ready)
            && self.slots.in_flight() < self.config.in_flight_max.max(1)
            && self.outbox.bytes() + self.unresolved_bytes < self.config.queued_bytes_max.max(1)
    }

    /// Whether queued requests should be written although their callers are about to queue more: the
    /// server has nothing else to do, and as many are queued as answers are still to be taken.
    ///
    /// For drivers of callers with many requests under way each: while they go on with one half of
    /// the answers, the server works at what came of the other.
    #[must_use]
    pub fn wants_head_start(&self) -> bool {
        let queued = self.outbox.requests();
        let in_flight = self.slots.in_flight();
        let untaken = self.slots.occupied().saturating_sub(in_flight);
        queued > 0 && in_flight <= queued && queued >= untaken
    }

    /// How many answers to tell of before their callers get a turn and what they queue is written,
    /// while the rest of the input waits: so the server works at the requests of some while others go
    /// on. [`usize::MAX`], all of them: if fewer than 32 requests are not answered or not taken, and by
    /// policies other than [`Batching::adaptive`].
    ///
    /// A driver that tells of all at once works too; server and callers then wait for each other more.
    #[must_use]
    pub fn answers_per_turn(&self) -> usize {
        self.batcher.answers_per_turn(self.slots.occupied())
    }

    /// Whether so many requests are queued as [`answers_per_turn`](Self::answers_per_turn), while
    /// answers are still to be taken: the server may begin with these.
    ///
    /// For drivers of callers with many requests under way each, who take one answer after another.
    #[must_use]
    pub fn has_part_queued(&self) -> bool {
        let untaken = self.slots.occupied() > self.slots.in_flight();
        untaken && self.outbox.requests() >= self.answers_per_turn()
    }

    /// Gives places to those who wait, in their order.
    #[inline]
    pub(super) fn admit_waiting(&mut self) {
        while !self.waiting.is_empty() && self.has_place() {
            let Some(id) = self.waiting.pop_front() else {
                break;
            };
            self.queue_waiting(id);
        }
    }

    /// Now that the server is known: answers those that need what it does not have.
    pub(super) fn refuse_unsupported(&mut self) {
        for id in std::mem::take(&mut self.waiting) {
            let needs = match (self.slots.get(id), self.slots.frame(id)) {
                (Some(State::Waiting), Some(frame)) => frame.needs(),
                _ => continue,
            };
            if needs.and(self.lacking).is_empty() {
                self.waiting.push_back(id);
            } else if let Some(mut frame) = self.slots.take_frame(id) {
                self.refuse(id, &mut frame);
            }
        }
    }

    /// Answers a request that needs what the server does not have.
    #[cold]
    pub(super) fn refuse(&mut self, id: RequestId, frame: &mut Frame) {
        let capability = frame.needs().and(self.lacking).first();
        if let (Some(capability), Some(server)) = (capability, &self.server) {
            let unsupported = Unsupported { capability, server: server.version() };
            let why = unless_sent(frame, Unanswered::Unsupported(unsupported));
            self.fail_request(id, why);
        }
        frame.clear();
    }

    /// Queues a request that waits for a place or for the schema, if it still does.
    pub(super) fn queue_waiting(&mut self, id: RequestId) {
        let fresh = match self.slots.get(id) {
            Some(State::Waiting) => false,
            Some(State::Unresolved { fresh }) => *fresh,
            _ => return,
        };
        if let Some(mut frame) = self.slots.take_frame(id) {
            self.queue(id, &mut frame, fresh);
        }
    }

    /// The server refused a request because its schema has changed, and executed nothing: sends it
    /// once more by the new schema. `false`: it is no request that this can be done for.
    ///
    /// Not for one in a stream: later ones of it may be on their way, perhaps the commit.
    pub(super) fn resolve_again(&mut self, id: RequestId) -> bool {
        if !matches!(self.slots.get(id), Some(State::Resolved(_))) {
            return false;
        }
        if self.slots.frame(id).is_none_or(|frame| frame.stream().is_some()) {
            self.names.outdated();
            return false;
        }
        if let Some(mut frame) = self.slots.take_frame(id) {
            if !frame.count_attempt() {
                return false;
            }
            self.names.outdated();
            self.queue(id, &mut frame, false);
        }
        true
    }

    pub(super) fn waits(&self, id: RequestId) -> bool {
        matches!(self.slots.get(id), Some(State::Waiting | State::Unresolved { .. }))
    }

    /// Whether a request that waits in its place has names.
    pub(super) fn waits_for_schema(&self, id: RequestId) -> bool {
        matches!(self.slots.get(id), Some(State::Unresolved { .. }))
            && self.slots.frame(id).is_some_and(Frame::has_names)
    }

    /// Queues the bytes of a request, or lets it wait for the schema. `fresh`: the schema was asked
    /// for after the request was made.
    ///
    /// In a stream, a request waits behind others that wait for the schema.
    #[inline]
    pub(super) fn queue(&mut self, id: RequestId, frame: &mut Frame, fresh: bool) {
        let piece = self.config.batching.write_bytes();
        let sync = id.sync();
        let may_wait = frame.has_names() || frame.stream().is_some();
        let may_wait = may_wait && !self.server_takes_names();
        if may_wait && self.stream_waits(frame) {
            self.let_wait(id, frame, fresh);
            return;
        }
        let position = if may_wait && frame.has_names() {
            match self.names.resolve(frame, fresh) {
                Resolved::Numbers(numbers) => {
                    self.owed += 1;
                    let position =
                        self.outbox.push(piece, |out| frame.append_resolved_to(out, sync, numbers));
                    self.slots.set(id, State::Resolved(position));
                    self.slots.keep_frame(id, frame);
                    return;
                }
                Resolved::Reload => {
                    let fresh = self.load_schema();
                    self.let_wait(id, frame, fresh);
                    return;
                }
                Resolved::Unknown(name) => {
                    let why = unless_sent(frame, Unanswered::UnknownName(name));
                    frame.clear();
                    self.fail_request(id, why);
                    return;
                }
            }
        } else {
            self.owed += 1;
            self.outbox.push(piece, |out| frame.append_to(out, sync))
        };
        self.slots.set(id, State::InFlight(position));
        if self.keeping.is_of_use(frame) {
            self.slots.keep_frame(id, frame);
        } else {
            frame.clear();
        }
    }

    /// Lets a request wait in its place until the schema is read. Its bytes count as queued: then
    /// they will be.
    fn let_wait(&mut self, id: RequestId, frame: &mut Frame, fresh: bool) {
        self.unresolved_bytes += frame.len();
        self.slots.set(id, State::Unresolved { fresh });
        self.slots.keep_frame(id, frame);
        self.unresolved.push_back(id);
    }

    /// Those that wait for the schema, of whom nobody waits any more.
    pub(super) fn take_unresolved(&mut self) -> VecDeque<RequestId> {
        self.unresolved_bytes = 0;
        std::mem::take(&mut self.unresolved)
    }

    /// Whether a request of the frame's stream waits for the schema.
    fn stream_waits(&self, frame: &Frame) -> bool {
        let waits = |id: &RequestId| {
            matches!(self.slots.get(*id), Some(State::Unresolved { .. }))
                && self.slots.frame(*id).is_some_and(|other| other.stream() == frame.stream())
        };
        // The latest first: those of one stream often come together.
        frame.stream().is_some() && self.unresolved.iter().rev().any(waits)
    }

    pub(super) fn server_takes_names(&self) -> bool {
        self.server
            .as_ref()
            .is_some_and(|server| server.features().contains(Feature::SPACE_AND_INDEX_NAMES))
    }

    /// Has the schema read, unless it is being read. `true`: it is not asked for yet, so it will be
    /// newer than what is done now.
    pub(super) fn load_schema(&mut self) -> bool {
        if self.names.is_loading() {
            return !self.outbox.is_handed_out(self.schema_position);
        }
        self.names.begin_loading();
        let [spaces, indexes] = View::ALL;
        self.schema_position = self.queue_view(spaces);
        self.queue_view(indexes);
        true
    }

    pub(super) fn queue_view(&mut self, view: View) -> u64 {
        let mut frame = Frame::new();
        view.encode(&mut frame);
        self.queue_own(&frame, Own::View(view))
    }

    /// Queues a request of the connection itself.
    pub(super) fn queue_own(&mut self, frame: &Frame, own: Own) -> u64 {
        let piece = self.config.batching.write_bytes();
        self.outbox.push(piece, |out| frame.append_to(out, own.sync()))
    }

    /// Requests that are over leave their ids in the queues; drops those in front, so that a queue
    /// in which nobody waits is empty, and the others before they outgrow the requests under way.
    /// Forgets requests that ended by themselves and whose answer was taken before an event told of
    /// it: on an idle connection no event is asked for.
    #[inline]
    pub(super) fn forget_ended(&mut self) {
        while let Some(id) = self.ended.front() {
            if matches!(self.slots.get(*id), Some(State::Answered(_))) {
                return;
            }
            self.ended.pop_front();
        }
    }

    pub(super) fn forget_stale(&mut self) {
        self.forget_ended();
        let occupied = self.slots.occupied();
        let slots = &self.slots;
        let waits = |id: &RequestId| {
            matches!(slots.get(*id), Some(State::Waiting | State::Unresolved { .. }))
        };
        for queue in [&mut self.waiting, &mut self.unresolved] {
            while queue.front().is_some_and(|id| !waits(id)) {
                queue.pop_front();
            }
            if queue.len() > 2 * occupied + STALE_MAX {
                queue.retain(waits);
            }
        }
        if self.unresolved.is_empty() {
            self.unresolved_bytes = 0;
        }
    }
}

/// So many ids may be stale before a look at all of them is worth it.
const STALE_MAX: usize = 64;
