//! Requests that nobody waits for: rollbacks of dropped transactions, and what is sent in any case.

use std::time::Duration;

use tarantool_proto::request::Rollback;
use tarantool_proto::{Frame, Outcome, RequestId, Unanswered};

use super::{Shared, State, StreamId};
use crate::sync::now;

/// A request that nobody waits for.
pub(super) struct Detached {
    id: RequestId,
    /// If it is the rollback of this stream: how long it may take before it is tried again.
    rollback: Option<(StreamId, Duration)>,
}

impl Shared {
    /// Queues a rollback for which nobody waits, in any case behind what the stream has under way.
    pub(crate) fn roll_back(&self, stream: StreamId, timeout: Duration) {
        let driver = {
            let mut state = self.lock();
            state.send_rollback(stream, timeout);
            state.driver.take()
        };
        if let Some(driver) = driver {
            driver.wake();
        }
    }
}

impl State {
    fn send_rollback(&mut self, stream: StreamId, timeout: Duration) {
        let mut frame = Frame::new();
        let timeout = timeout.max(ROLLBACK_MIN);
        let deadline = now().checked_add(timeout);
        if frame.encode_in_stream(stream.id, &Rollback).is_err() {
            return;
        }
        frame.bind_to(stream.generation);
        // An end of the connection rolls back too.
        let Ok(id) = self.session.send(&mut frame, deadline) else {
            return;
        };
        if self.session.is_answered(id) {
            // Refused: nobody would be told of it.
            self.session.take(id);
        } else {
            self.detached.push(Detached { id, rollback: Some((stream, timeout)) });
        }
    }

    pub(super) fn forget_detached(&mut self, id: RequestId) {
        let Some(at) = self.detached.iter().position(|detached| detached.id == id) else {
            return;
        };
        let Detached { rollback, .. } = self.detached.swap_remove(at);
        let was_sent = self.session.take(id) != Some(Err(Unanswered::TimedOut(Outcome::NotSent)));
        if let (false, false, Some((stream, timeout))) = (was_sent, self.is_closing, rollback) {
            // The server still has the transaction open.
            self.send_rollback(stream, timeout);
        }
    }

    /// The request is executed in any case, and its answer forgotten.
    pub(crate) fn detach(&mut self, id: RequestId) {
        if self.session.is_answered(id) {
            self.session.take(id);
        } else {
            self.detached.push(Detached { id, rollback: None });
        }
    }
}

/// A rollback that finds no place is not tried again more often than so.
const ROLLBACK_MIN: Duration = Duration::from_millis(10);
