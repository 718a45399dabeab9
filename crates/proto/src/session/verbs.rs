//! What callers say to a session.

use std::collections::VecDeque;
use std::num::NonZeroU64;
use std::time::Instant;

use super::backoff::Chance;
use super::heartbeat::Pulse;
use super::{Closing, Phase, Session, SessionConfig, WhileDown};
use crate::config::Credentials;
use crate::connection::Connection;
use crate::error::{ConnectionError, SendError};
use crate::frame::Frame;
use crate::pushes::Push;
use crate::slots::{Answer, RequestId};
use crate::watches::{WatchError, WatchId, WatchedValue};

impl Session {
    /// A session without a connection, at the time `now`. It wants to connect as soon as
    /// [`handle_timeout`](Self::handle_timeout) is called.
    ///
    /// `seed` makes waits differ between clients, so that they do not all come back at once; with
    /// the same seed, calls and times a session does the same.
    #[must_use]
    pub fn new(config: SessionConfig, seed: u64, now: Instant) -> Self {
        let mut conn = Connection::new(config.connection.clone(), None);
        conn.keep_frames(config.while_down == WhileDown::Wait);
        Self {
            conn,
            phase: Phase::Undecided { since: None },
            now,
            address: 0,
            attempt: 0,
            attempts: 0,
            tried: 0,
            round: 0,
            given_up: vec![false; config.addresses.max(1)],
            is_refusing: false,
            chance: Chance::new(seed),
            pulse: Pulse::default(),
            rest: 0,
            order: 0,
            shutdown: None,
            events: VecDeque::new(),
            to_close: false,
            to_connect: false,
            last_loss: None,
            lost_connection: None,
            closing: None,
            config,
        }
    }

    /// Accepts a request, as [`Connection::send`] does. Without a connection it waits for one,
    /// unless [`SessionConfig::while_down`] says otherwise.
    ///
    /// The frame is left empty; it may hold the memory of an earlier request.
    ///
    /// # Errors
    /// As [`Connection::send`]; [`SendError::ConnectionGone`] for a request that is bound to another
    /// connection than [`binding`](Self::binding) tells or the present one; while there is no
    /// connection, [`SendError::NotConnected`] or, with too many waiting,
    /// [`SendError::Saturated`]. The frame is left as it was and nothing is sent.
    #[inline]
    pub fn send(
        &mut self,
        frame: &mut Frame,
        deadline: Option<Instant>,
    ) -> Result<RequestId, SendError> {
        let at_once = self.admit(frame, false)?;
        match at_once {
            false => self.conn.send(frame, deadline),
            true => self.conn.send_at_once(frame, deadline),
        }
    }

    /// As [`send`](Self::send), for those who prefer an error to waiting for a place or a
    /// connection.
    ///
    /// # Errors
    /// As `send`; [`SendError::Saturated`] when there is no place, and [`SendError::NotConnected`] when
    /// there is no connection.
    pub fn try_send(
        &mut self,
        frame: &mut Frame,
        deadline: Option<Instant>,
    ) -> Result<RequestId, SendError> {
        let at_once = self.admit(frame, true)?;
        match at_once {
            false => self.conn.try_send(frame, deadline),
            true => self.conn.send_at_once(frame, deadline),
        }
    }

    /// Whether a request can be accepted, and whether it must be sent on the present connection
    /// although that takes no more.
    #[inline]
    fn admit(&mut self, frame: &mut Frame, is_impatient: bool) -> Result<bool, SendError> {
        self.check_open()?;
        let is_ready = matches!(self.phase, Phase::Ready { .. });
        let bound_to = frame.fate().bound_to.map(NonZeroU64::get);
        if bound_to.is_none() && is_ready {
            self.number(frame);
            return Ok(false);
        }
        let is_draining = matches!(self.phase, Phase::Draining { .. });
        let present = self.conn.generation();
        let next = if is_draining { present + 1 } else { present };
        if bound_to.is_some_and(|bound_to| bound_to != present && bound_to != next) {
            return Err(SendError::ConnectionGone);
        }
        let at_once = is_draining && bound_to == Some(present);
        if !is_ready && !at_once {
            if is_impatient || self.is_refusing || self.config.while_down == WhileDown::Fail {
                return Err(SendError::NotConnected);
            }
            if self.conn.accepted() >= self.config.waiting_max.max(1) {
                return Err(SendError::Saturated);
            }
        }
        self.number(frame);
        Ok(at_once)
    }

    /// Gives a request its place in the order of acceptance.
    #[inline]
    fn number(&mut self, frame: &mut Frame) {
        self.order += 1;
        frame.fate_mut().order = self.order;
    }

    #[inline]
    fn check_open(&self) -> Result<(), SendError> {
        if matches!(self.phase, Phase::Closed(_)) || self.closing.is_some() {
            return Err(SendError::Closed);
        }
        Ok(())
    }

    /// Takes the answer of a request, if it is there, and forgets the request.
    ///
    /// `None`: not answered yet, or taken or cancelled before.
    #[inline]
    pub fn take(&mut self, id: RequestId) -> Option<Answer> {
        self.conn.take(id)
    }

    /// Stops the wait for a request's answer, as [`Connection::cancel`] does. It is not sent again.
    pub fn cancel(&mut self, id: RequestId) {
        self.conn.cancel(id);
    }

    /// Accepts no more requests. Those accepted are still sent and answered, on a next connection
    /// if need be, until `deadline`; [`is_drained`](Self::is_drained) tells when that is done.
    ///
    /// A later call can only bring the deadline forward.
    pub fn close(&mut self, deadline: Option<Instant>) {
        self.conn.close();
        let former = self.closing.take().and_then(|closing| closing.deadline);
        let deadline = former.into_iter().chain(deadline).min();
        self.closing = Some(Closing { deadline });
    }

    /// Ends the session for everyone, for this reason.
    pub fn abort(&mut self, error: ConnectionError) {
        self.finish(error);
    }

    /// Whether a request's answer is there to be taken.
    #[must_use]
    pub fn is_answered(&self, id: RequestId) -> bool {
        self.conn.is_answered(id)
    }

    /// From now on messages that this request's call pushes are kept, as
    /// [`Connection::accept_pushes`]. A call that is sent again may push them again.
    pub fn accept_pushes(&mut self, id: RequestId) {
        self.conn.accept_pushes(id);
    }

    /// Drops the messages that are kept for this request, and those to come.
    pub fn forget_pushes(&mut self, id: RequestId) {
        self.conn.forget_pushes(id);
    }

    /// Takes the next message that this request's call pushed, as [`Connection::take_push`].
    pub fn take_push(&mut self, id: RequestId) -> Option<Push> {
        self.conn.take_push(id)
    }

    /// Watches a key on this and all later connections, as [`Connection::watch`]. The first value on
    /// each connection after the first tells that others [may have been
    /// missed](WatchedValue::after_gap).
    ///
    /// # Errors
    /// As [`Connection::watch`]; [`SendError::Closed`] when the session is over or closing.
    pub fn watch(&mut self, key: &str) -> Result<WatchId, SendError> {
        self.check_open()?;
        self.conn.watch(key)
    }

    /// Undoes one [`watch`](Self::watch).
    pub fn unwatch(&mut self, id: WatchId) {
        self.conn.unwatch(id);
    }

    /// The newest value of a watched key, as [`Connection::changed`].
    #[must_use]
    pub fn changed(&self, id: WatchId, seen: u64) -> Option<WatchedValue> {
        self.conn.changed(id, seen)
    }

    /// Why no values of this key come on the present connection, as [`Connection::watch_error`].
    #[must_use]
    pub fn watch_error(&self, id: WatchId) -> Option<&WatchError> {
        self.conn.watch_error(id)
    }

    /// Who logs in on later connections; `None`: nobody, the session is that of `guest`.
    pub fn set_credentials(&mut self, credentials: Option<Credentials>) {
        self.conn.set_credentials(credentials);
    }
}
