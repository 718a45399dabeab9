//! When the server counts as dead, and when it is told how far one has come.

use std::time::{Duration, Instant};

/// What a follower does by time. It learns the time now and then only, so what must be recent is
/// kept as "since the last look".
#[derive(Debug)]
pub(super) struct Clock {
    now: Instant,
    heartbeat_timeout: Option<Duration>,
    acknowledge_interval: Duration,
    /// Whether something came since the last look.
    heard: bool,
    silent_since: Instant,
    /// Whether something came since the last acknowledgement.
    owes: bool,
    acknowledged_at: Instant,
}

impl Clock {
    pub(super) fn new(
        now: Instant,
        heartbeat_timeout: Option<Duration>,
        acknowledge_interval: Duration,
    ) -> Self {
        Self {
            now,
            heartbeat_timeout,
            acknowledge_interval,
            heard: false,
            silent_since: now,
            owes: false,
            acknowledged_at: now,
        }
    }

    pub(super) fn hear(&mut self) {
        self.heard = true;
    }

    pub(super) fn owe(&mut self) {
        self.owes = true;
    }

    /// It is handed out.
    pub(super) fn acknowledge(&mut self) {
        self.owes = false;
        self.acknowledged_at = self.now;
    }

    pub(super) fn next(&self) -> Option<Instant> {
        let silent = self.heartbeat_timeout.and_then(|time| self.silent_since.checked_add(time));
        silent.into_iter().chain(self.next_acknowledgement()).min()
    }

    fn next_acknowledgement(&self) -> Option<Instant> {
        let due = self.acknowledged_at.checked_add(self.acknowledge_interval);
        due.filter(|_| self.owes)
    }

    /// Looks at the time. Whether an acknowledgement is due; or for how long nothing came, if that
    /// is too long.
    pub(super) fn look(&mut self, now: Instant) -> Result<bool, Duration> {
        self.now = now;
        if std::mem::take(&mut self.heard) {
            self.silent_since = now;
        } else if let Some(timeout) = self.heartbeat_timeout {
            if now.saturating_duration_since(self.silent_since) >= timeout {
                return Err(timeout);
            }
        }
        Ok(self.next_acknowledgement().is_some_and(|due| due <= now))
    }
}
