//! Whether there is still life in a connection.

use std::time::Instant;

use super::Heartbeat;
use super::life::later;

/// What is known of the server's last sign of life.
#[derive(Debug, Default)]
pub(super) struct Pulse {
    /// Something came since time was known last.
    heard: bool,
    /// When something came at the latest.
    heard_at: Option<Instant>,
    /// Asked, and to be answered by then.
    answer_until: Option<Instant>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Alive,
    /// Nothing came for a while: ask.
    Ask,
    /// No answer.
    Dead,
}

impl Pulse {
    #[inline]
    pub(super) fn hear(&mut self) {
        self.heard = true;
    }

    pub(super) fn check(&mut self, heartbeat: &Heartbeat, now: Instant) -> Verdict {
        if std::mem::take(&mut self.heard) || self.heard_at.is_none() {
            self.heard_at = Some(now);
            self.answer_until = None;
            return Verdict::Alive;
        }
        if let Some(until) = self.answer_until {
            return if until <= now { Verdict::Dead } else { Verdict::Alive };
        }
        if self.ask_at(heartbeat).is_some_and(|at| at <= now) {
            self.answer_until = Some(later(now, heartbeat.timeout));
            return Verdict::Ask;
        }
        Verdict::Alive
    }

    pub(super) fn next(&self, heartbeat: &Heartbeat) -> Option<Instant> {
        // What was heard since counts from when time is told, so an answer is noted at once: the
        // limit for it may be much longer than the time until the next question.
        self.answer_until.filter(|_| !self.heard).or_else(|| self.ask_at(heartbeat))
    }

    fn ask_at(&self, heartbeat: &Heartbeat) -> Option<Instant> {
        self.heard_at.map(|at| later(at, heartbeat.after))
    }
}
