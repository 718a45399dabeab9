//! Everything that can happen to a session, in any order: commands, time, losses, a server made of
//! our own server's side, and one that sends what it likes. A ledger knows what must be.

mod ledger;
mod server;
mod settings;

use std::time::{Duration, Instant};

use bytes::BytesMut;
use tarantool_proto::request::{Call, Insert};
use tarantool_proto::session::{
    Action, OnRefused, Session, SessionConfig, SessionEvent, Status, WhileDown,
};
use tarantool_proto::{ConnectionError, Decision, Frame, SendError};

use crate::source::Source;
use ledger::{Kind, Known, Ledger};
use server::Server;
use settings::Settings;

/// The first bytes are settings, the others are steps.
pub(crate) fn run(data: &[u8]) {
    let mut source = Source::new(data);
    let mut driver = Driver::new(Settings::new(&mut source));
    driver.settle();
    while !source.is_empty() {
        driver.step(&mut source);
        driver.settle();
        driver.check_limits();
    }
    driver.finish();
}

/// What a driver holds, and the server that it is connected to.
struct Driver {
    session: Session,
    config: SessionConfig,
    server: Server,
    ledger: Ledger,
    input: BytesMut,
    start: Instant,
    now: u64,
    /// The attempt and the transport that are there.
    opening: Option<u64>,
    transport: Option<u64>,
    /// How much was handed out on the transport.
    handed_out: usize,
    closing: bool,
}

impl Driver {
    fn new(settings: Settings) -> Self {
        let start = Instant::now();
        let config = settings.session;
        Self {
            session: Session::new(config.clone(), settings.seed, start),
            ledger: Ledger::default(),
            server: Server::new(settings.server),
            config,
            input: BytesMut::new(),
            start,
            now: 0,
            opening: None,
            transport: None,
            handed_out: 0,
            closing: false,
        }
    }

    fn step(&mut self, source: &mut Source<'_>) {
        let choice = source.byte();
        let number = usize::from(choice >> 4);
        match choice & 0x0f {
            0 | 1 => self.send(choice, source.byte()),
            2 => {
                if let Some(known) = self.ledger.pick(source.byte()) {
                    self.session.cancel(known.id);
                    self.ledger.cancel(known.number);
                }
            }
            3 => {
                if let Some(known) = self.ledger.pick(source.byte()) {
                    self.take(known.number);
                }
            }
            4 => drop(self.transmit()),
            5 => self.server.answer(number, &mut self.ledger),
            6 => self.deliver(usize::from(source.byte())),
            7 => self.deliver(usize::MAX),
            8 => self.advance(number as u64),
            9 => self.opened(choice & 0x10 == 0),
            10 => self.end(usize::from(source.byte()), number),
            11 => self.hostile(number, source),
            12 => self.session.handle_shutdown_notice(),
            13 => self.leave(),
            14 => self.server.misbehave(number, &self.ledger),
            _ => self.close(number),
        }
    }

    fn at(&self, millis: u64) -> Instant {
        self.start + Duration::from_millis(millis)
    }

    fn is_ready(&self) -> bool {
        matches!(self.session.status(), Status::Ready { .. })
    }

    fn send(&mut self, choice: u8, timeout: u8) {
        let kind = Kind::new(choice >> 4);
        let number = self.ledger.next_number();
        let mut frame = Frame::new();
        let encoded = match kind {
            Kind::Named => frame.encode(&Insert::into("users").row((number,))),
            Kind::Nobody => frame.encode(&Insert::into("nobody").row((number,))),
            Kind::Stream(id) => frame.encode_in_stream(id, &Call::new("f").arguments(number)),
            Kind::NamedInStream(id) => {
                frame.encode_in_stream(id, &Insert::into("users").row((number,)))
            }
            _ => frame.encode(&Call::new("f").arguments(number)),
        };
        encoded.expect("plain values");
        if kind.is_idempotent() {
            frame.mark_idempotent();
        }
        let (generation, binding) = (self.session.generation(), self.session.binding());
        let present = generation.unwrap_or(binding);
        let bound_to = kind.is_bound().then(|| match kind {
            Kind::Stale => present.saturating_sub(1),
            Kind::Bound => present,
            _ => binding,
        });
        if let Some(generation) = bound_to {
            frame.bind_to(generation);
        }
        // Half of them have no deadline.
        let deadline = (timeout & 1 == 1).then_some(self.now + u64::from(timeout >> 2));
        let at = deadline.map(|deadline| self.at(deadline));
        let waits = timeout & 2 == 0;
        let sent = if waits {
            self.session.send(&mut frame, at)
        } else {
            self.session.try_send(&mut frame, at)
        };
        // Bound to a connection that is about to go, it has a place there.
        let waits_for_next = !self.is_ready() && (bound_to.is_none() || bound_to != generation);
        let is_gone = |to| to != present && to != binding;
        let expected = if self.closing || self.session.failure().is_some() {
            Some(SendError::Closed)
        } else if bound_to.is_some_and(is_gone) {
            Some(SendError::ConnectionGone)
        } else if waits_for_next && (!waits || self.config.while_down == WhileDown::Fail) {
            Some(SendError::NotConnected)
        } else if waits_for_next && sent == Err(SendError::NotConnected) {
            // All addresses refuse: that is not for the ledger to know.
            assert_eq!(self.config.on_refused, OnRefused::FailRequests);
            Some(SendError::NotConnected)
        } else if waits_for_next && self.ledger.occupied() >= self.config.waiting_max.max(1) {
            Some(SendError::Saturated)
        } else {
            None
        };
        match sent {
            Ok(id) => {
                assert_eq!(expected, None, "{kind:?} was taken");
                let known = Known::new(id, number, kind, bound_to, deadline);
                self.ledger.accepted(known);
            }
            Err(SendError::Saturated) if expected.is_none() => assert!(!waits),
            Err(error) => assert_eq!(Some(error), expected),
        }
    }

    /// Hands out one write.
    fn transmit(&mut self) -> bool {
        let decision = self.session.poll_decision();
        assert!(decision != Decision::Idle || self.session.queued_bytes() == 0);
        let mut output = Vec::new();
        if !self.session.poll_transmit(&mut output) {
            assert_eq!(self.session.queued_bytes(), 0);
            return false;
        }
        assert_eq!(self.transport, Some(self.ledger.attempt), "nowhere to write to");
        let present = self.session.generation();
        let schema = self.server.schema_version();
        let last = self.ledger.handed_out(&output, self.handed_out, present, schema);
        let bound = self.session.batching().write_bytes();
        assert!(last < bound, "a write of {} bytes, at most {bound}", output.len());
        self.handed_out += output.len();
        self.server.receive(&output);
        true
    }

    fn deliver(&mut self, count: usize) {
        if self.transport == Some(self.ledger.attempt) {
            self.input.extend_from_slice(&self.server.deliver(count));
        }
    }

    fn advance(&mut self, millis: u64) {
        self.now += millis;
        self.session.handle_timeout(self.at(self.now));
        self.settle();
        let now = self.now;
        for known in self.ledger.open() {
            assert!(known.deadline.is_none_or(|deadline| deadline > now), "late: {known:?}");
        }
    }

    fn opened(&mut self, succeeds: bool) {
        let Some(attempt) = self.opening.take() else {
            assert!(!self.session.handle_connected(self.ledger.attempt));
            return;
        };
        if !succeeds {
            return self.session.handle_connect_failed(attempt, refused());
        }
        assert!(!self.session.handle_connected(attempt + 1));
        assert!(self.session.handle_connected(attempt));
        self.transport = Some(attempt);
        self.handed_out = 0;
        self.ledger.connected();
        self.server.accept();
    }

    /// The transport ends, with so many bytes that were handed out and not written.
    fn end(&mut self, unwritten: usize, how: usize) {
        if self.transport.is_some() {
            let unwritten = unwritten.min(self.handed_out);
            self.ledger.unwritten_from(self.handed_out - unwritten);
            self.session.handle_unwritten(unwritten);
        } else {
            self.session.handle_unwritten(unwritten);
        }
        if how & 1 == 0 {
            self.session.handle_eof();
        } else {
            self.session.handle_failure(refused());
        }
    }

    /// Bytes that no server sends.
    fn hostile(&mut self, count: usize, source: &mut Source<'_>) {
        if self.transport == Some(self.ledger.attempt) {
            self.server.say(source.bytes(count + 1));
            self.ledger.is_trusted = false;
        }
    }

    /// What a driver does when nothing is under way any more.
    fn leave(&mut self) {
        if self.session.is_drained() {
            self.session.handle_failure(ConnectionError::Shutdown);
        }
    }

    fn close(&mut self, how: usize) {
        match how {
            // Often enough there must be something that goes on.
            0..8 => {}
            15 => self.session.abort(refused()),
            _ => {
                let deadline = (how & 1 == 0).then(|| self.at(self.now + how as u64));
                self.session.close(deadline);
                self.closing = true;
            }
        }
    }

    /// Events and actions, until there are no more.
    fn settle(&mut self) {
        loop {
            match self.session.poll_event(&mut self.input) {
                Ok(Some(SessionEvent::Answered(id))) => self.ledger.answered(id),
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(error) => {
                    assert_eq!(self.session.failure(), Some(&error));
                    break;
                }
            }
        }
        while let Some(action) = self.session.poll_action() {
            match action {
                Action::Connect { attempt, .. } => {
                    assert_eq!((self.opening, self.transport), (None, None));
                    self.ledger.begin(attempt);
                    self.opening = Some(attempt);
                }
                Action::Close => {
                    assert!(self.opening.take().is_some() || self.transport.take().is_some());
                }
                other => panic!("{other:?}"),
            }
        }
        if self.session.failure().is_some() {
            assert_eq!(self.session.poll_timeout(), None);
            if let Some(known) = self.ledger.open().next() {
                panic!("left behind: {known:?}");
            }
        }
    }

    fn check_limits(&self) {
        // What is bound to a connection that is to be left has a place whatever the limits.
        if self.is_ready() {
            let max = self.config.connection.in_flight_max.max(1);
            assert!(self.session.in_flight() <= max, "{} in flight", self.session.in_flight());
            let max = self.config.connection.queued_bytes_max.max(1);
            assert!(self.session.queued_bytes() < max + OWN_BYTES_MAX);
        }
    }

    fn take(&mut self, number: u64) {
        let is_over = self.session.failure().is_some();
        let fails = self.config.while_down == WhileDown::Fail;
        let id = self.ledger.known(number).id;
        let answer = self.session.take(id);
        self.ledger.take(number, answer, self.now, is_over || fails);
    }

    /// Lets everything come to its end and looks at what is left.
    fn finish(mut self) {
        // Half of a hostile packet may be there, whose rest nothing has to wait for in vain.
        if self.transport.is_some() && !self.ledger.is_trusted {
            self.end(0, 0);
            self.settle();
        }
        for _ in 0..ROUNDS_MAX {
            if self.ledger.open().next().is_none() {
                break;
            }
            self.opened(true);
            self.settle();
            while self.transmit() {}
            self.server.answer_all(&mut self.ledger);
            self.deliver(usize::MAX);
            self.settle();
            self.leave();
            self.settle();
            let until = self.session.poll_timeout();
            let is_due = until.is_some_and(|until| until <= self.at(self.now));
            self.advance(u64::from(!is_due));
        }
        let open = self.ledger.open().count();
        assert_eq!(open, 0, "wait for ever at {:?}", self.session.status());
        for number in 0..self.ledger.next_number() {
            self.take(number);
            self.take(number);
        }
        assert_eq!(self.session.stats().requests, self.ledger.next_number());
        assert_eq!(self.session.in_flight(), 0);
    }
}

/// More than the longest time that anything here waits for, in milliseconds.
const ROUNDS_MAX: usize = 2000;
/// A request, and what the session asks for itself.
const OWN_BYTES_MAX: usize = 512;

fn refused() -> ConnectionError {
    ConnectionError::Transport("refused".into())
}
