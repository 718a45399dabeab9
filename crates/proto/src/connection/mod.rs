//! One connection's life as a state machine without I/O.

mod admission;
mod events;
mod handshake;
mod receive;
mod renewal;
mod report;

use std::collections::VecDeque;
use std::time::Instant;

use bytes::BytesMut;

use handshake::Handshake;
pub(crate) use handshake::PROTOCOL_VERSION;
pub use handshake::ServerInfo;
use renewal::Keeping;

use crate::batching::{Batcher, Decision, Load};
use crate::capability::Capabilities;
use crate::config::Config;
use crate::deadlines::Deadlines;
use crate::error::{ConnectionError, SendError, Unanswered};
use crate::frame::Frame;
use crate::greeting::GREETING_SIZE;
use crate::outbox::Outbox;
use crate::packet;
use crate::pushes::Pushes;
use crate::schema::Names;
use crate::server_error::ServerError;
use crate::slots::{Answer, RequestId, Slots, State};
use crate::stats::Stats;
use crate::watches::{WatchId, Watches};

/// One connection to a server, from its greeting to its end, without a socket, a clock or a lock.
///
/// Bytes and time come in as arguments; what is to be written comes out in buffers that belong to
/// the caller. The methods by kind:
///
/// - **Commands:** [`send`](Self::send), [`take`](Self::take), [`cancel`](Self::cancel),
///   [`watch`](Self::watch), [`unwatch`](Self::unwatch), [`accept_pushes`](Self::accept_pushes),
///   [`take_push`](Self::take_push), [`close`](Self::close).
/// - **`poll_*`** hand out what the caller must collect, and never block. After any command and any
///   `handle_*`: [`poll_event`](Self::poll_event) until it is `None`, then
///   [`poll_transmit`](Self::poll_transmit) until it is `false`, then
///   [`poll_timeout`](Self::poll_timeout).
/// - **`handle_*`** tell what happened outside: time passed, the transport failed.
/// - The rest are getters.
///
/// Reading must never wait for writing: a server whose own output is stuck stops reading.
#[derive(Debug)]
pub struct Connection {
    config: Config,
    phase: Phase,
    handshake_deadline: Option<Instant>,
    server: Option<ServerInfo>,
    /// What the server does not have; nothing, until it is known.
    lacking: Capabilities,
    slots: Slots,
    deadlines: Deadlines,
    outbox: Outbox,
    batcher: Batcher,
    linger_until: Option<Instant>,
    /// Accepted requests that found no place yet, in the order they came. Some may be over.
    waiting: VecDeque<RequestId>,
    /// Accepted requests that need the schema to be read. Some may be over.
    unresolved: VecDeque<RequestId>,
    /// The bytes of these at most: of those that are over too, until none waits.
    unresolved_bytes: usize,
    names: Names,
    /// Where in the output the schema is asked for, while it is being read.
    schema_position: u64,
    /// Requests that ended otherwise than by a packet and have not been told of yet.
    ended: VecDeque<RequestId>,
    watches: Watches,
    /// Watched keys whose error has not been told of yet.
    changed: VecDeque<WatchId>,
    pushes: Pushes,
    /// The error that the server sent last for no request: usually why it closes.
    parting: Option<ServerError>,
    closing: bool,
    /// What a session needs to go on with the next connection.
    keeping: Keeping,
    /// How many replies the server owes.
    owed: u64,
    stats: Stats,
}

#[derive(Debug)]
enum Phase {
    Greeting {
        received: usize,
    },
    Login(Handshake),
    Ready,
    /// Ready for those who have a place; the others stay for the next connection.
    Holding,
    Ended(ConnectionError),
}

/// What [`Connection::poll_event`] reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The handshake is over: [`Connection::server`] tells who answered.
    Ready,
    /// The answer of this request can be taken.
    Answered(RequestId),
    /// A watched key has a new value, which [`Connection::changed`] tells, or no more will come, of
    /// which [`Connection::watch_error`] tells.
    Changed(WatchId),
    /// The call of this request, which is under way, pushed a message; or one too many, which is
    /// lost. See [`Connection::take_push`].
    Pushed(RequestId),
}

impl Connection {
    /// A connection that was just opened and has exchanged nothing. Its handshake must be over by
    /// `handshake_deadline`.
    #[must_use]
    pub fn new(mut config: Config, handshake_deadline: Option<Instant>) -> Self {
        config.packet_bytes_max = config.packet_bytes_max.min(PACKET_BYTES_MAX);
        Self {
            batcher: Batcher::new(config.batching),
            config,
            phase: Phase::Greeting { received: 0 },
            handshake_deadline,
            server: None,
            lacking: Capabilities::NONE,
            slots: Slots::default(),
            deadlines: Deadlines::default(),
            outbox: Outbox::default(),
            linger_until: None,
            waiting: VecDeque::new(),
            unresolved: VecDeque::new(),
            unresolved_bytes: 0,
            names: Names::default(),
            schema_position: 0,
            ended: VecDeque::new(),
            watches: Watches::default(),
            changed: VecDeque::new(),
            pushes: Pushes::default(),
            parting: None,
            closing: false,
            keeping: Keeping::default(),
            owed: 0,
            stats: Stats::default(),
        }
    }

    /// Accepts a request. Its bytes are copied and the frame is left empty, for the next request.
    ///
    /// A request that finds no place, because a limit is reached or the handshake is not over,
    /// waits for one in the order of acceptance. Its `deadline` covers that wait as well as the
    /// queue, the write and the reply.
    ///
    /// A request that needs what the server does not have is answered with
    /// [`Unanswered::Unsupported`] as soon as the server is known.
    ///
    /// # Errors
    /// The connection has ended or is closing, or the request is too large or empty, or is one that
    /// the server does not answer, or as much is held as `held_bytes_max` allows. The frame is left
    /// as it was and nothing is sent.
    #[inline]
    pub fn send(
        &mut self,
        frame: &mut Frame,
        deadline: Option<Instant>,
    ) -> Result<RequestId, SendError> {
        let at_once = self.waiting.is_empty() && self.has_place();
        self.accept(frame, deadline, at_once)
    }

    /// `at_once`: it has a place.
    #[inline]
    fn accept(
        &mut self,
        frame: &mut Frame,
        deadline: Option<Instant>,
        at_once: bool,
    ) -> Result<RequestId, SendError> {
        self.check(frame)?;
        if frame.has_no_reply() {
            return Err(SendError::NoReply);
        }
        let held = self.slots.held_bytes();
        if held > 0 && held.saturating_add(frame.len()) > self.config.held_bytes_max {
            return Err(SendError::Saturated);
        }
        let id = self.slots.occupy().ok_or(SendError::Saturated)?;
        if !frame.needs().and(self.lacking).is_empty() {
            self.stats.requests += 1;
            self.refuse(id, frame);
            return Ok(id);
        }
        if let Some(deadline) = deadline {
            let slots = &self.slots;
            let live = slots.occupied();
            self.deadlines.insert(deadline, id, live, |id| slots.is_unanswered(id));
        }
        self.stats.requests += 1;
        if at_once {
            self.queue(id, frame, false);
        } else {
            self.slots.set(id, State::Waiting);
            self.slots.keep_frame(id, frame);
            self.waiting.push_back(id);
        }
        Ok(id)
    }

    /// As [`send`](Self::send), for those who prefer an error to waiting for a place.
    ///
    /// # Errors
    /// As `send`, and [`SendError::Saturated`] when there is no place.
    pub fn try_send(
        &mut self,
        frame: &mut Frame,
        deadline: Option<Instant>,
    ) -> Result<RequestId, SendError> {
        self.check(frame)?;
        if !self.waiting.is_empty() || !self.has_place() {
            return Err(SendError::Saturated);
        }
        self.send(frame, deadline)
    }

    #[inline]
    fn check(&self, frame: &Frame) -> Result<(), SendError> {
        if self.closing || matches!(self.phase, Phase::Ended(_)) {
            return Err(SendError::Closed);
        }
        if frame.is_empty() {
            return Err(SendError::Empty);
        }
        if frame.len() > self.config.packet_bytes_max {
            return Err(SendError::TooLarge {
                bytes: frame.len(),
                max: self.config.packet_bytes_max,
            });
        }
        Ok(())
    }

    /// Takes the answer of a request, if it is there, and forgets the request.
    ///
    /// `None`: not answered yet, or taken or cancelled before.
    #[inline]
    pub fn take(&mut self, id: RequestId) -> Option<Answer> {
        let answer = self.slots.take(id)?;
        self.pushes.forget(id);
        self.forget_ended();
        Some(answer)
    }

    /// Stops the wait for a request's answer.
    ///
    /// A request that has a place is executed all the same, and its reply dropped when it comes;
    /// one that still waits for a place, or for the schema, is never sent.
    pub fn cancel(&mut self, id: RequestId) {
        let Some(state) = self.slots.release(id) else {
            return;
        };
        self.pushes.forget(id);
        if !matches!(state, State::Answered(_)) {
            self.stats.cancelled += 1;
        }
        self.forget_stale();
    }

    /// Accepts no more requests. Those accepted are still sent and answered;
    /// [`is_drained`](Self::is_drained) tells when that is done.
    pub fn close(&mut self) {
        self.closing = true;
    }

    /// Turns input into the next event; `None`: read more into `input`, behind what it holds.
    ///
    /// Consumes whole packets from `input` and leaves the rest. The bodies of replies share its
    /// memory.
    ///
    /// # Errors
    /// The connection has ended. By then every request has its answer and has been reported by an
    /// event. The error stays the same for ever after.
    #[inline]
    pub fn poll_event(&mut self, input: &mut BytesMut) -> Result<Option<Event>, ConnectionError> {
        loop {
            while let Some(id) = self.ended.pop_front() {
                if matches!(self.slots.get(id), Some(State::Answered(_))) {
                    return Ok(Some(Event::Answered(id)));
                }
            }
            if let Some(id) = self.changed.pop_front() {
                return Ok(Some(Event::Changed(id)));
            }
            match &self.phase {
                Phase::Ended(error) => return Err(error.clone()),
                Phase::Greeting { received } => {
                    let Some(greeting) = input.first_chunk::<GREETING_SIZE>() else {
                        self.phase = Phase::Greeting { received: input.len().max(*received) };
                        return Ok(None);
                    };
                    let greeting = *greeting;
                    bytes::Buf::advance(input, GREETING_SIZE);
                    self.on_greeting(&greeting);
                }
                Phase::Login(_) | Phase::Ready | Phase::Holding => {
                    match packet::split(input, self.config.packet_bytes_max) {
                        Ok(Some(packet)) => {
                            if let Some(event) = self.on_packet(packet) {
                                return Ok(Some(event));
                            }
                        }
                        Ok(None) => {
                            self.admit_waiting();
                            return Ok(None);
                        }
                        Err(error) => self.end(ConnectionError::Protocol(error)),
                    }
                }
            }
        }
    }

    /// What to do with queued requests now, by the batching policy.
    ///
    /// A driver that ignores it and just calls [`poll_transmit`](Self::poll_transmit) works too; it
    /// makes more and smaller writes.
    pub fn poll_decision(&mut self) -> Decision {
        self.admit_waiting();
        let queued = self.outbox.requests();
        self.batcher.decide(Load { queued, queued_bytes: self.outbox.bytes() })
    }

    /// Puts bytes to be written into `output`, which must be empty; `false`: there are none.
    ///
    /// What is handed out counts as written, unless [`handle_unwritten`](Self::handle_unwritten)
    /// says otherwise.
    #[must_use = "the output must be written when this is true"]
    pub fn poll_transmit(&mut self, output: &mut Vec<u8>) -> bool {
        debug_assert!(output.is_empty(), "bytes that were handed out before are not written yet");
        self.admit_waiting();
        let Some(requests) = self.outbox.pop(output, self.config.batching.write_bytes()) else {
            return false;
        };
        self.stats.requests_out += requests as u64;
        self.stats.batch_requests.record(requests);
        self.stats.batch_bytes.record(output.len());
        self.batcher.on_write(requests);
        self.linger_until = None;
        true
    }

    /// When [`handle_timeout`](Self::handle_timeout) should be called at the latest. Calling it
    /// earlier does no harm.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let handshake = match self.phase {
            Phase::Greeting { .. } | Phase::Login(_) => self.handshake_deadline,
            _ => None,
        };
        [self.deadlines.first(), handshake, self.linger_until].into_iter().flatten().min()
    }

    /// Time has come to `now`: requests whose deadline passed are answered with
    /// [`Unanswered::TimedOut`].
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(id) = self.deadlines.pop_expired(now) {
            if !self.slots.is_unanswered(id) {
                continue;
            }
            let outcome = self.outcome(id);
            if let Some(position) = self.slots.get(id).and_then(State::position) {
                if !self.outbox.is_handed_out(position) {
                    self.outbox.neutralize(position);
                }
            }
            self.fail_request(id, Unanswered::TimedOut(outcome));
        }
        if self.linger_until.is_some_and(|until| until <= now) {
            self.linger_until = None;
            self.batcher.on_linger_over();
        }
        let in_handshake = matches!(self.phase, Phase::Greeting { .. } | Phase::Login(_));
        if in_handshake && self.handshake_deadline.is_some_and(|deadline| deadline <= now) {
            self.end(ConnectionError::HandshakeTimedOut { stage: self.stage() });
        }
        self.forget_stale();
    }

    /// The driver follows [`Decision::Linger`] until then; makes
    /// [`poll_timeout`](Self::poll_timeout) tell of it.
    pub fn handle_linger(&mut self, until: Instant) {
        self.linger_until.get_or_insert(until);
    }

    /// The last `count` bytes handed out by [`poll_transmit`](Self::poll_transmit) are not written
    /// yet: if the connection ends before more is handed out, requests wholly within them are known
    /// to be not sent. Each call replaces what was told before.
    pub fn handle_unwritten(&mut self, count: usize) {
        self.outbox.note_unwritten(count);
    }

    /// The peer closed its side: no more input will come.
    pub fn handle_eof(&mut self) {
        let stage = self.stage();
        let reason = self.parting.take();
        self.end(ConnectionError::Closed { stage, reason });
    }

    /// The transport failed or was given up; `error` says why. Without effect if the connection has
    /// ended before.
    pub fn handle_failure(&mut self, error: ConnectionError) {
        self.end(error);
    }
}

/// The server's own limit; a packet's length must fit 32 bits in any case.
const PACKET_BYTES_MAX: usize = 1 << 31;
