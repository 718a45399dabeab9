//! From one connection to the next: what time and losses decide.

use std::time::{Duration, Instant};

use super::heartbeat::{Pulse, Verdict};
use super::{OnRefused, Phase, Session, SessionEvent};
use crate::error::ConnectionError;
use crate::watches::WatchId;

impl Session {
    /// Does what time decides.
    pub(super) fn advance(&mut self, now: Instant) {
        self.now = self.now.max(now);
        let now = self.now;
        self.conn.handle_timeout(now);
        self.notice_end();
        let deadline = self.closing.as_ref().and_then(|closing| closing.deadline);
        if deadline.is_some_and(|deadline| deadline <= now) {
            return self.finish(ConnectionError::Shutdown);
        }
        match &mut self.phase {
            Phase::Opening { deadline } if deadline.is_some_and(|deadline| deadline <= now) => {
                self.lose(ConnectionError::ConnectTimedOut);
            }
            Phase::Handshake { timed, deadline } if !*timed => {
                *timed = true;
                let own = after(now, self.config.handshake_timeout);
                let deadline = deadline.iter().copied().chain(own).min();
                self.conn.set_handshake_deadline(deadline);
            }
            Phase::Ready { since } => {
                since.get_or_insert(now);
                self.check_pulse();
            }
            Phase::Draining { since, until } => {
                since.get_or_insert(now);
                until.get_or_insert(later(now, self.config.drain_timeout));
                if until.is_some_and(|until| until <= now) {
                    self.lose(ConnectionError::ServerShutdown);
                } else {
                    self.check_pulse();
                }
            }
            _ => {}
        }
        if let Phase::Undecided { since } = self.phase {
            self.decide(since);
        }
        if matches!(self.phase, Phase::Waiting { until } if until <= now) {
            self.attempt();
        }
    }

    fn check_pulse(&mut self) {
        let Some(heartbeat) = self.config.heartbeat else {
            return;
        };
        match self.pulse.check(&heartbeat, self.now) {
            Verdict::Alive => {}
            Verdict::Ask => self.conn.ping(),
            Verdict::Dead => {
                self.lose(ConnectionError::Unresponsive { timeout: heartbeat.timeout });
            }
        }
    }

    /// Where and when to go on after a loss, or in the beginning.
    fn decide(&mut self, ready_since: Option<Instant>) {
        let ready_for = ready_since.map(|since| self.now.saturating_duration_since(since));
        if ready_for.is_some_and(|time| time >= self.config.stable_after) {
            self.attempts = 0;
            self.round = 0;
            self.tried = 1;
            self.given_up.fill(false);
        }
        if self.is_over() {
            return self.finish(ConnectionError::Shutdown);
        }
        let reason = self.last_loss().cloned().unwrap_or(ConnectionError::Shutdown);
        if self.config.on_refused != OnRefused::Retry && reason.is_lasting() {
            if let Some(given_up) = self.given_up.get_mut(self.address) {
                *given_up = true;
            }
        }
        let mut left = self.given_up.iter().filter(|given_up| !**given_up).count();
        if left == 0 && self.config.on_refused == OnRefused::FailRequests {
            self.given_up.fill(false);
            left = self.given_up.len();
            self.tried = left;
            self.is_refusing = true;
            self.conn.fail_waiting();
        }
        let is_enough = self.config.attempts_max.is_some_and(|max| self.attempts >= max);
        let all_tried = self.tried >= left;
        let was_ready = self.conn.generation() > 1;
        let is_once = !self.config.reconnect && all_tried;
        let is_hopeless = !self.config.retry_first && !was_ready && all_tried;
        if left == 0 || is_enough || is_once || is_hopeless {
            return self.finish(reason);
        }
        let mut until = self.now;
        if all_tried {
            if self.config.on_refused == OnRefused::FailRequests && !reason.is_lasting() {
                // Those left out may be better by now than those that are left.
                self.given_up.fill(false);
            }
            let delay = self.config.backoff.delay(self.round, &mut self.chance);
            until = later(self.now, delay);
            self.round = self.round.saturating_add(1);
            self.tried = 0;
            self.events.push_back(SessionEvent::Retrying { at: until });
        }
        self.phase = Phase::Waiting { until };
    }

    fn attempt(&mut self) {
        let count = self.given_up.len();
        let first = if self.attempt == 0 { 0 } else { self.address + 1 };
        let in_order = (first..first + count).map(|address| address % count);
        let usable = |address: &usize| self.given_up.get(*address) == Some(&false);
        if let Some(address) = in_order.into_iter().find(usable) {
            self.address = address;
        }
        self.attempt += 1;
        self.attempts = self.attempts.saturating_add(1);
        self.tried += 1;
        self.to_connect = true;
        self.phase = Phase::Opening { deadline: after(self.now, self.config.connect_timeout) };
        self.events.push_back(SessionEvent::Connecting { address: self.address });
    }

    /// The handshake is over.
    pub(super) fn begin(&mut self) -> SessionEvent {
        self.phase = Phase::Ready { since: None };
        self.is_refusing = false;
        self.conn.stats_mut().connections += 1;
        if self.config.graceful_shutdown && self.shutdown.is_none() && self.conn.has_watchers() {
            // If it fails there is no room, and the server's end comes without a notice.
            self.shutdown = self.conn.watch("box.shutdown").ok();
        }
        SessionEvent::Ready { address: self.address, generation: self.conn.generation() }
    }

    /// A watched key changed: perhaps it tells that the server goes down.
    pub(super) fn look_for_shutdown(&mut self, id: WatchId) {
        if self.shutdown == Some(id) {
            // Not that of a former server: this one may have only told that it has no such keys.
            let value = self.conn.changed_here(id);
            if value.is_some_and(|value| value.decode() == Ok(Some(true))) {
                self.handle_shutdown_notice();
            }
        }
    }

    /// The connection may have ended while it was asked for something.
    pub(super) fn notice_end(&mut self) {
        if !matches!(self.phase, Phase::Closed(_)) {
            if let Some(error) = self.conn.failure() {
                let error = error.clone();
                self.lose(error);
            }
        }
    }

    /// The attempt or the connection is over.
    #[cold]
    pub(super) fn lose(&mut self, reason: ConnectionError) {
        let since = match self.phase {
            Phase::Ready { since } | Phase::Draining { since, .. } => since,
            _ => None,
        };
        let generation = self.generation();
        if self.has_transport() {
            self.conn.handle_failure(reason.clone());
            self.conn.renew();
        }
        self.drop_transport();
        self.conn.stats_mut().lost_connections += 1;
        let address = self.address;
        self.events.push_back(SessionEvent::Lost { address, generation, reason: reason.clone() });
        self.last_loss = Some((address, reason.clone()));
        if generation.is_some() {
            self.lost_connection.clone_from(&self.last_loss);
        }
        if generation.is_some() && !self.config.reconnect {
            return self.finish(reason);
        }
        self.phase = Phase::Undecided { since };
    }

    /// The session is over.
    #[cold]
    pub(super) fn finish(&mut self, reason: ConnectionError) {
        if matches!(self.phase, Phase::Closed(_)) {
            return;
        }
        if self.generation().is_some() {
            self.last_loss = Some((self.address, reason.clone()));
            self.lost_connection.clone_from(&self.last_loss);
        }
        self.conn.keep_nothing();
        if self.conn.failure().is_some() {
            // It ended while it was asked for events: what it kept for the next one is answered too.
            self.conn.renew();
        }
        self.conn.handle_failure(reason.clone());
        self.drop_transport();
        self.phase = Phase::Closed(reason);
    }

    /// Whether the driver holds something to be closed; an attempt that it does not know of is
    /// forgotten.
    fn drop_transport(&mut self) {
        let is_known = self.has_transport() || matches!(self.phase, Phase::Opening { .. });
        self.to_close |= is_known && !self.to_connect;
        self.to_connect = false;
        self.pulse = Pulse::default();
        self.rest = 0;
    }

    /// Whether a transport is open, as far as is known here.
    #[inline]
    pub(super) fn has_transport(&self) -> bool {
        matches!(self.phase, Phase::Handshake { .. } | Phase::Ready { .. } | Phase::Draining { .. })
    }

    /// Whether it is closing, has no connection, and nobody waits for one.
    pub(super) fn is_over(&self) -> bool {
        self.closing.is_some() && !self.has_transport() && self.conn.is_all_answered()
    }

    /// Whether something is to be decided as soon as [`handle_timeout`](Self::handle_timeout) tells
    /// the time; [`poll_timeout`](Self::poll_timeout) then is in the past.
    #[must_use]
    pub fn is_due(&self) -> bool {
        matches!(
            self.phase,
            Phase::Undecided { .. }
                | Phase::Handshake { timed: false, .. }
                | Phase::Ready { since: None }
                | Phase::Draining { until: None, .. }
        )
    }
}

/// A time too far to be told never comes; as good as that is a day.
pub(super) fn later(now: Instant, time: Duration) -> Instant {
    now.checked_add(time).or_else(|| now.checked_add(DAY)).unwrap_or(now)
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn after(now: Instant, time: Option<Duration>) -> Option<Instant> {
    time.and_then(|time| now.checked_add(time))
}
