//! A session, the transport that its driver would hold, and a clock.

use std::time::{Duration, Instant};

use bytes::BytesMut;
use tarantool_proto::request::Request;
use tarantool_proto::session::{Action, Session, SessionConfig, SessionEvent};
use tarantool_proto::{ConnectionError, RequestId, Unanswered};

use crate::peer::{GREETING_3_7, Sent, frame, id_reply, numbered, requests};

pub(crate) struct Link {
    pub(crate) session: Session,
    pub(crate) input: BytesMut,
    start: Instant,
    pub(crate) now: u64,
}

impl Link {
    /// Without the watch that tells of the server's shutdown, which would be written with all else.
    pub(crate) fn with_seed(mut config: SessionConfig, seed: u64) -> Self {
        config.graceful_shutdown = false;
        Self::graceful(config, seed)
    }

    pub(crate) fn graceful(config: SessionConfig, seed: u64) -> Self {
        #[allow(clippy::disallowed_methods, reason = "any time to count from")]
        let start = Instant::now();
        Self { session: Session::new(config, seed, start), input: BytesMut::new(), start, now: 0 }
    }

    pub(crate) fn new(config: SessionConfig) -> Self {
        Self::with_seed(config, 1)
    }

    /// The first connection is in use; all events so far are taken.
    pub(crate) fn ready(config: SessionConfig) -> Self {
        let mut link = Self::new(config);
        link.connect(GREETING_3_7);
        link
    }

    pub(crate) fn at(&self, millis: u64) -> Instant {
        self.start + Duration::from_millis(millis)
    }

    pub(crate) fn millis(&self, at: Instant) -> u64 {
        at.saturating_duration_since(self.start).as_millis() as u64
    }

    pub(crate) fn advance(&mut self, millis: u64) {
        self.now += millis;
        self.session.handle_timeout(self.at(self.now));
    }

    /// Lets time pass to when the session wants to go on; how long that was.
    pub(crate) fn wait(&mut self) -> u64 {
        let until = self.session.poll_timeout().expect("something to wait for");
        let before = self.now;
        // A millisecond is the least that passes here.
        self.now = self.now.max(self.millis(until + Duration::from_micros(999)));
        self.session.handle_timeout(self.at(self.now));
        self.now - before
    }

    /// Waits for the next attempt, opens its transport and answers the handshake. Returns the
    /// address and the attempt.
    pub(crate) fn connect(&mut self, greeting: &[u8; 128]) -> (usize, u64) {
        let (address, attempt) = self.open();
        self.greet(greeting);
        (address, attempt)
    }

    /// Waits for the next attempt and opens its transport.
    pub(crate) fn open(&mut self) -> (usize, u64) {
        let (address, attempt) = self.attempt();
        assert!(self.session.handle_connected(attempt));
        self.advance(0);
        (address, attempt)
    }

    /// Waits for the next attempt.
    pub(crate) fn attempt(&mut self) -> (usize, u64) {
        for _ in 0..10 {
            match self.session.poll_action() {
                Some(Action::Connect { address, attempt, .. }) => return (address, attempt),
                Some(_) => {}
                None => drop(self.wait()),
            }
        }
        panic!("no attempt: {:?}", self.session.status());
    }

    pub(crate) fn greet(&mut self, greeting: &[u8; 128]) {
        self.input.extend_from_slice(greeting);
        self.events();
        self.session_writes();
        self.input.extend_from_slice(&id_reply(greeting));
        let events = self.events();
        let is_ready = |event: &SessionEvent| matches!(event, SessionEvent::Ready { .. });
        assert!(events.iter().any(is_ready), "{events:?}");
        self.advance(0);
    }

    pub(crate) fn fail_attempt(&mut self) -> usize {
        let (address, attempt) = self.attempt();
        self.session.handle_connect_failed(attempt, refused());
        address
    }

    pub(crate) fn events(&mut self) -> Vec<SessionEvent> {
        let (events, end) = self.events_to_end();
        assert_eq!(end, None);
        events
    }

    pub(crate) fn events_to_end(&mut self) -> (Vec<SessionEvent>, Option<ConnectionError>) {
        let mut events = Vec::new();
        loop {
            match self.session.poll_event(&mut self.input) {
                Ok(Some(event)) => events.push(event),
                Ok(None) => return (events, None),
                Err(error) => return (events, Some(error)),
            }
        }
    }

    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Vec<SessionEvent> {
        self.input.extend_from_slice(bytes);
        self.events()
    }

    fn session_writes(&mut self) -> Vec<u8> {
        let (mut all, mut output) = (Vec::new(), Vec::new());
        while self.session.poll_transmit(&mut output) {
            all.append(&mut output);
        }
        all
    }

    /// Everything that is to be written now, as requests.
    pub(crate) fn write(&mut self) -> Vec<Sent> {
        requests(&self.session_writes())
    }

    pub(crate) fn send(&mut self, request: &impl Request) -> RequestId {
        self.session.send(&mut frame(request), None).unwrap()
    }

    pub(crate) fn call(&mut self, number: u64) -> RequestId {
        self.send(&numbered(number))
    }

    /// A call that may be executed twice.
    pub(crate) fn idempotent(&mut self, number: u64) -> RequestId {
        let mut frame = frame(&numbered(number));
        frame.mark_idempotent();
        self.session.send(&mut frame, None).unwrap()
    }

    /// A call that belongs to the present connection.
    pub(crate) fn bound(&mut self, number: u64) -> RequestId {
        let mut frame = frame(&numbered(number));
        frame.bind_to(self.session.generation().unwrap());
        self.session.send(&mut frame, None).unwrap()
    }

    /// Why a request got no answer; `None`: it waits on.
    pub(crate) fn fate(&mut self, id: RequestId) -> Option<Unanswered> {
        self.session.take(id).map(|answer| answer.unwrap_err())
    }
}

pub(crate) fn refused() -> ConnectionError {
    ConnectionError::Transport("connection refused".into())
}

pub(crate) fn addresses(count: usize) -> SessionConfig {
    let mut config = SessionConfig::default();
    config.addresses = count;
    config
}
