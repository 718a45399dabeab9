//! What a driver does with a session, and what can be seen of it.

use std::time::Instant;

use bytes::BytesMut;

#[cfg(doc)]
use super::SessionConfig;
use super::{Action, Phase, Session, SessionEvent, Status};
use crate::batching::{Batching, Decision};
#[cfg(doc)]
use crate::connection::Connection;
use crate::connection::{Event, ServerInfo};
use crate::error::ConnectionError;
use crate::stats::Stats;

impl Session {
    /// Turns input into the next event; `None`: read more into `input`, behind what it holds.
    ///
    /// As [`Connection::poll_event`]. Without a connection, `input` is emptied: it is from a former
    /// one.
    ///
    /// # Errors
    /// The session is over. By then every request has its answer and has been reported by an event.
    /// The error stays the same for ever after.
    #[inline]
    pub fn poll_event(
        &mut self,
        input: &mut BytesMut,
    ) -> Result<Option<SessionEvent>, ConnectionError> {
        if input.len() > self.rest {
            self.pulse.hear();
        }
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(Some(event));
            }
            if !self.has_transport() {
                input.clear();
                if let Some(event) = self.poll_ended()? {
                    return Ok(Some(event));
                }
                return Ok(None);
            }
            match self.conn.poll_event(input) {
                Ok(Some(Event::Answered(id))) => return Ok(Some(SessionEvent::Answered(id))),
                Ok(Some(Event::Ready)) => return Ok(Some(self.begin())),
                Ok(Some(Event::Pushed(id))) => return Ok(Some(SessionEvent::Pushed(id))),
                Ok(Some(Event::Changed(id))) => {
                    self.look_for_shutdown(id);
                    return Ok(Some(SessionEvent::Changed(id)));
                }
                Ok(None) => {
                    self.rest = input.len();
                    return Ok(None);
                }
                Err(error) => self.lose(error),
            }
        }
    }

    /// Without a connection there are answers all the same.
    fn poll_ended(&mut self) -> Result<Option<SessionEvent>, ConnectionError> {
        match self.conn.poll_event(&mut BytesMut::new())? {
            Some(Event::Answered(id)) => Ok(Some(SessionEvent::Answered(id))),
            Some(Event::Changed(id)) => Ok(Some(SessionEvent::Changed(id))),
            _ => Ok(None),
        }
    }

    /// What to open or to close now; `None`: nothing.
    ///
    /// Each [`Action::Connect`] is followed by one [`Action::Close`] before the next, unless
    /// [`handle_connect_failed`](Self::handle_connect_failed) has told that nothing was opened.
    pub fn poll_action(&mut self) -> Option<Action> {
        if self.is_over() {
            self.finish(ConnectionError::Shutdown);
        }
        if std::mem::take(&mut self.to_close) {
            return Some(Action::Close);
        }
        if let Phase::Opening { deadline } = self.phase {
            if std::mem::take(&mut self.to_connect) {
                let (address, attempt) = (self.address, self.attempt);
                return Some(Action::Connect { address, attempt, deadline });
            }
        }
        None
    }

    /// What to do with queued requests now, as [`Connection::poll_decision`] answers.
    pub fn poll_decision(&mut self) -> Decision {
        self.conn.poll_decision()
    }

    /// Puts bytes to be written into `output`, which must be empty; `false`: there are none. As
    /// [`Connection::poll_transmit`].
    ///
    /// When it has become `false`, ask [`is_drained`](Self::is_drained) and
    /// [`poll_action`](Self::poll_action) again: a session that only had these bytes to write can
    /// now be left.
    #[must_use = "the output must be written when this is true"]
    pub fn poll_transmit(&mut self, output: &mut Vec<u8>) -> bool {
        self.conn.poll_transmit(output)
    }

    /// When [`handle_timeout`](Self::handle_timeout) should be called at the latest; a time in the
    /// past means at once.
    #[must_use]
    #[inline]
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.is_due() {
            return Some(self.now);
        }
        let phase = match self.phase {
            Phase::Closed(_) => return None,
            Phase::Waiting { until } => Some(until),
            Phase::Opening { deadline } => deadline,
            Phase::Draining { until, .. } => until,
            _ => None,
        };
        let pulse = self.config.heartbeat.and_then(|heartbeat| self.pulse.next(&heartbeat));
        let closing = self.closing.as_ref().and_then(|closing| closing.deadline);
        [self.conn.poll_timeout(), phase, pulse, closing].into_iter().flatten().min()
    }

    /// Time has come to `now`: deadlines of requests, of an attempt, of a handshake, of closing;
    /// the next attempt; the heartbeat.
    pub fn handle_timeout(&mut self, now: Instant) {
        if !matches!(self.phase, Phase::Closed(_)) {
            self.advance(now);
        }
    }

    /// The driver follows [`Decision::Linger`] until then, as [`Connection::handle_linger`].
    pub fn handle_linger(&mut self, until: Instant) {
        self.conn.handle_linger(until);
    }

    /// The transport of this attempt is open. The input that follows is from it alone.
    ///
    /// `false`: the attempt is over, because it took too long or the session did not wait for it;
    /// the transport is to be dropped.
    #[must_use = "a transport that nobody waits for must be dropped"]
    pub fn handle_connected(&mut self, attempt: u64) -> bool {
        if !self.is_opening(attempt) {
            return false;
        }
        let Phase::Opening { deadline } = self.phase else {
            return false;
        };
        self.phase = Phase::Handshake { timed: false, deadline };
        true
    }

    /// The transport of this attempt could not be opened; `error` says why. Without effect if the
    /// attempt is over already.
    pub fn handle_connect_failed(&mut self, attempt: u64, error: ConnectionError) {
        if self.is_opening(attempt) {
            self.lose(error);
            self.to_close = false;
        }
    }

    fn is_opening(&self, attempt: u64) -> bool {
        let is_opening = matches!(self.phase, Phase::Opening { .. }) && !self.to_connect;
        is_opening && attempt == self.attempt
    }

    /// The server announced its shutdown, by the key `box.shutdown` that it lets clients watch
    /// (server 2.10).
    ///
    /// What is under way is still answered, for [`SessionConfig::drain_timeout`] at most, and
    /// requests that are bound to this connection are still accepted; all others wait for the next
    /// one. [`is_drained`](Self::is_drained) tells when nothing is under way any more.
    pub fn handle_shutdown_notice(&mut self) {
        if let Phase::Ready { since } = self.phase {
            self.conn.hold();
            self.phase = Phase::Draining { since, until: None };
            let (address, generation) = (self.address, self.conn.generation());
            self.events.push_back(SessionEvent::Draining { address, generation });
        }
    }

    /// The last `count` bytes handed out by [`poll_transmit`](Self::poll_transmit) are not written
    /// yet: if the connection ends before more is handed out, requests wholly within them are sent
    /// on the next one. Each call replaces what was told before, so a driver that may be left in the
    /// middle of a write tells it anew before each step.
    pub fn handle_unwritten(&mut self, count: usize) {
        if self.has_transport() {
            self.conn.handle_unwritten(count);
        }
    }

    /// The peer closed its side: no more input will come on this connection.
    pub fn handle_eof(&mut self) {
        if self.has_transport() {
            self.conn.handle_eof();
            self.notice_end();
        }
    }

    /// The transport failed or was given up; `error` says why. Without effect while there is none.
    ///
    /// [`ConnectionError::Shutdown`] ends the session, as [`abort`](Self::abort) does, except that a
    /// connection that was left because of its server's shutdown is followed by the next.
    pub fn handle_failure(&mut self, error: ConnectionError) {
        match (&self.phase, error) {
            (Phase::Draining { .. }, ConnectionError::Shutdown) => {
                self.lose(ConnectionError::ServerShutdown);
            }
            (_, ConnectionError::Shutdown) => self.finish(ConnectionError::Shutdown),
            (_, error) if self.has_transport() => self.lose(error),
            _ => {}
        }
    }

    /// Counts a system call that read `bytes`.
    pub fn count_read(&mut self, bytes: usize) {
        self.conn.count_read(bytes);
    }

    /// Counts `calls` system calls that wrote `bytes` together.
    pub fn count_writes(&mut self, calls: usize, bytes: usize) {
        self.conn.count_writes(calls, bytes);
    }

    /// Where the session is in its life.
    #[must_use]
    pub fn status(&self) -> Status {
        let address = self.address;
        match self.phase {
            Phase::Undecided { .. } => Status::Down,
            Phase::Waiting { until } => Status::Retrying { at: until },
            Phase::Opening { .. } | Phase::Handshake { .. } => Status::Connecting { address },
            Phase::Ready { .. } => Status::Ready { address },
            Phase::Draining { .. } => Status::Draining { address },
            Phase::Closed(_) => Status::Closed,
        }
    }

    /// The number of the connection in use, from 1 on and never used again; `None` while there is
    /// none. Whatever belongs to a connection, such as a stream, notes it and compares.
    #[must_use]
    pub fn generation(&self) -> Option<u64> {
        let is_usable = matches!(self.phase, Phase::Ready { .. } | Phase::Draining { .. });
        is_usable.then(|| self.conn.generation())
    }

    /// What new streams and all else that must stay on one connection are to be bound to by
    /// [`Frame::bind_to`](crate::Frame::bind_to): the present connection, or the next one while there
    /// is none or it is about to go.
    #[must_use]
    pub fn binding(&self) -> u64 {
        let is_draining = matches!(self.phase, Phase::Draining { .. });
        self.conn.generation() + u64::from(is_draining)
    }

    /// Who answered, while there is a connection whose handshake is over.
    #[must_use]
    pub fn server(&self) -> Option<&ServerInfo> {
        self.conn.server()
    }

    /// Why the session is over, if it is.
    #[must_use]
    pub fn failure(&self) -> Option<&ConnectionError> {
        match &self.phase {
            Phase::Closed(error) => Some(error),
            _ => None,
        }
    }

    /// Why the last connection or attempt ended, if one has: what those wait for who wait for a
    /// connection.
    #[must_use]
    pub fn last_loss(&self) -> Option<&ConnectionError> {
        self.last_loss.as_ref().map(|(_, reason)| reason)
    }

    /// The index of its address, and why the last connection ended that was in use, if one has: the
    /// cause of answers that say [`Lost`](crate::Unanswered::Lost) or
    /// [`ConnectionGone`](crate::Unanswered::ConnectionGone), whatever attempts failed since.
    #[must_use]
    pub fn lost_connection(&self) -> Option<(usize, &ConnectionError)> {
        self.lost_connection.as_ref().map(|(address, reason)| (*address, reason))
    }

    /// The index of the address that [`last_loss`](Self::last_loss) is about, or else of the one in
    /// use.
    #[must_use]
    pub fn last_address(&self) -> usize {
        self.last_loss.as_ref().map_or(self.address, |(address, _)| *address)
    }

    /// The index of the address in use, or of the one that was tried last.
    #[must_use]
    pub const fn address(&self) -> usize {
        self.address
    }

    /// How many requests have a place and no answer, as [`Connection::in_flight`].
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.conn.in_flight()
    }

    /// Whether replies are still to come on the present connection, as
    /// [`Connection::awaits_replies`](crate::Connection::awaits_replies).
    #[must_use]
    pub fn awaits_replies(&self) -> bool {
        self.conn.awaits_replies()
    }

    /// Whether a transport is open. Once it is not any more, nothing of what was handed out for it
    /// must be written.
    #[must_use]
    #[inline]
    pub fn is_connected(&self) -> bool {
        self.has_transport()
    }

    /// How many bytes are queued and not handed out yet; those that wait for a connection are not.
    #[must_use]
    pub fn queued_bytes(&self) -> usize {
        self.conn.queued_bytes()
    }

    /// Whether queued requests should be written although their callers are about to queue more, as
    /// [`Connection::wants_head_start`].
    #[must_use]
    pub fn wants_head_start(&self) -> bool {
        self.conn.wants_head_start()
    }

    /// How many answers to tell of before their callers get a turn, as
    /// [`Connection::answers_per_turn`].
    #[must_use]
    pub fn answers_per_turn(&self) -> usize {
        self.conn.answers_per_turn()
    }

    /// Whether enough is queued for the server to begin with, as [`Connection::has_part_queued`].
    #[must_use]
    pub fn has_part_queued(&self) -> bool {
        self.conn.has_part_queued()
    }

    /// Whether a request still waits for a place or a connection.
    #[must_use]
    pub fn is_saturated(&self) -> bool {
        self.conn.is_saturated()
    }

    /// Whether the connection is to be left and nothing is left to write or to wait for. The driver
    /// then calls [`handle_failure`](Self::handle_failure) with [`ConnectionError::Shutdown`], which
    /// closes a session that is closing, and leads one whose server goes down to the next
    /// connection.
    #[must_use]
    pub fn is_drained(&self) -> bool {
        match self.phase {
            Phase::Closed(_) => false,
            Phase::Draining { .. } => self.conn.is_idle(),
            _ => self.conn.is_drained(),
        }
    }

    /// The batching policy.
    #[must_use]
    pub fn batching(&self) -> &Batching {
        self.conn.batching()
    }

    /// What all connections together have done so far.
    #[must_use]
    pub fn stats(&self) -> &Stats {
        self.conn.stats()
    }
}
