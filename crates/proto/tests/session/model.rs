//! Random interleavings of everything that can happen across connections, with a ledger of what
//! every request went through.

use std::collections::{BTreeMap, HashMap};

use proptest::prelude::*;
use proptest::sample::Index;
use tarantool_proto::session::{Action, SessionConfig, SessionEvent, Status, WhileDown};
use tarantool_proto::{ConnectionError, Outcome, RequestId, SendError, Unanswered};

use crate::link::{Link, refused};
use crate::peer::*;
use crate::steps::{Kind, Step, config, steps};

/// What the ledger knows of a request.
#[derive(Debug)]
struct Known {
    id: RequestId,
    kind: Kind,
    /// The connection that it is bound to.
    bound_to: Option<u64>,
    deadline: Option<u64>,
    /// On which connections it was handed out, and where in their output.
    handed_out: Vec<(u64, usize)>,
    replied: bool,
    /// Reported to be answered, and whether it was handed out by then.
    answered: Option<bool>,
    taken: bool,
    /// Cancelled while this was the latest connection.
    cancelled: Option<u64>,
}

struct Model {
    link: Link,
    fails: bool,
    in_flight_max: usize,
    waiting_max: usize,
    known: BTreeMap<u64, Known>,
    by_id: HashMap<RequestId, u64>,
    /// The attempt and the transport that the driver holds.
    opening: Option<u64>,
    transport: Option<u64>,
    attempt: u64,
    /// What was handed out on the transport, and the last number in it.
    handed_out: usize,
    last_number: Option<u64>,
    to_answer: Vec<Sent>,
    wire: Vec<u8>,
    closing: bool,
    /// Everything that the session said.
    trace: Vec<String>,
}

impl Model {
    fn new(config: SessionConfig, seed: u64) -> Self {
        Self {
            fails: config.while_down == WhileDown::Fail,
            in_flight_max: config.connection.in_flight_max,
            waiting_max: config.waiting_max.max(1),
            link: Link::with_seed(config, seed),
            known: BTreeMap::new(),
            by_id: HashMap::new(),
            opening: None,
            transport: None,
            attempt: 0,
            handed_out: 0,
            last_number: None,
            to_answer: Vec::new(),
            wire: Vec::new(),
            closing: false,
            trace: Vec::new(),
        }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Send { kind, timeout } => self.send(kind, timeout),
            Step::Cancel(index) => {
                if let Some(number) = self.pick(index) {
                    let known = self.known.get_mut(&number).unwrap();
                    self.link.session.cancel(known.id);
                    known.cancelled.get_or_insert(self.attempt);
                }
            }
            Step::Take(index) => {
                if let Some(number) = self.pick(index) {
                    self.take(number);
                }
            }
            Step::Transmit => drop(self.transmit()),
            Step::Reply(index) => {
                if !self.to_answer.is_empty() {
                    let sent = self.to_answer.swap_remove(index.index(self.to_answer.len()));
                    self.reply(&sent);
                }
            }
            Step::Deliver(bytes) => self.deliver(bytes),
            Step::Advance(time) => self.link.advance(time),
            Step::Opened(succeeds) => self.opened(succeeds),
            Step::End { unwritten, eof } => self.end(unwritten, eof),
            Step::Nonsense => self.wire.extend([0xc1, 0xc1]),
            Step::Notice => self.link.session.handle_shutdown_notice(),
            Step::Drained => {
                if self.link.session.is_drained() {
                    self.link.session.handle_failure(ConnectionError::Shutdown);
                }
            }
            Step::Close(timeout) => {
                let deadline = timeout.map(|timeout| self.link.at(self.link.now + timeout));
                self.link.session.close(deadline);
                self.closing = true;
            }
        }
        self.settle();
    }

    fn pick(&self, index: Index) -> Option<u64> {
        (!self.known.is_empty()).then(|| index.index(self.known.len()) as u64)
    }

    fn send(&mut self, kind: Kind, timeout: Option<u64>) {
        let number = self.known.len() as u64;
        let mut frame = frame(&numbered(number));
        let (generation, binding) = (self.link.session.generation(), self.link.session.binding());
        let present = generation.unwrap_or(binding);
        let bound_to = match kind {
            Kind::Bound if number % 2 == 0 => Some(present),
            Kind::Bound => Some(binding),
            Kind::Stale => Some(present - 1),
            _ => None,
        };
        if matches!(kind, Kind::Idempotent | Kind::Stale) {
            frame.mark_idempotent();
        }
        bound_to.into_iter().for_each(|generation| frame.bind_to(generation));
        let deadline = timeout.map(|timeout| self.link.now + timeout);
        let at = deadline.map(|deadline| self.link.at(deadline));
        let sent = self.link.session.send(&mut frame, at);
        let is_ready = matches!(self.link.session.status(), Status::Ready { .. });
        let refusal = if self.closing || self.link.session.failure().is_some() {
            Some(SendError::Closed)
        } else if kind == Kind::Stale {
            Some(SendError::ConnectionGone)
        } else if is_ready || (bound_to.is_some() && bound_to == generation) {
            None
        } else if self.fails {
            Some(SendError::NotConnected)
        } else {
            (self.occupied() >= self.waiting_max).then_some(SendError::Saturated)
        };
        assert_eq!(sent.err(), refusal, "{kind:?} at {:?}", self.link.session.status());
        let Ok(id) = sent else {
            return;
        };
        assert_eq!(self.by_id.insert(id, number), None, "an id used twice");
        let known = Known {
            id,
            kind,
            bound_to,
            deadline,
            handed_out: Vec::new(),
            replied: false,
            answered: None,
            taken: false,
            cancelled: None,
        };
        self.known.insert(number, known);
    }

    fn transmit(&mut self) -> bool {
        let mut output = Vec::new();
        let any = self.link.session.poll_transmit(&mut output);
        assert!(!any || self.transport == Some(self.attempt), "nowhere to write to");
        let mut at = 0;
        for sent in requests(&output) {
            self.received(self.handed_out + at, &sent);
            at += 5 + u32::from_be_bytes(output[at + 1..at + 5].try_into().unwrap()) as usize;
            self.to_answer.push(sent);
        }
        self.handed_out += output.len();
        any
    }

    fn received(&mut self, at: usize, sent: &Sent) {
        self.trace.push(format!("{:x} {}", sent.sync, sent.kind));
        if sent.kind != CALL {
            return;
        }
        let number = numbers(std::slice::from_ref(sent))[0];
        let known = self.known.get_mut(&number).unwrap();
        assert_eq!(known.id.sync(), sent.sync);
        // Those that are cancelled keep the place that they have, and get no new one.
        assert!(known.cancelled.is_none_or(|at| at == self.attempt), "{known:?}");
        assert_eq!(known.answered, None, "handed out after its answer: {known:?}");
        let is_repeatable = known.kind == Kind::Idempotent;
        assert!(known.handed_out.is_empty() || is_repeatable, "executed twice: {known:?}");
        assert!(known.handed_out.iter().all(|(on, _)| *on != self.attempt), "{known:?}");
        let generation = self.link.session.generation();
        assert!(known.bound_to.is_none_or(|on| Some(on) == generation), "{known:?}");
        assert!(self.last_number < Some(number), "out of order");
        self.last_number = Some(number);
        known.handed_out.push((self.attempt, at));
    }

    fn reply(&mut self, sent: &Sent) {
        let bytes = match sent.sync {
            ID_SYNC => id_reply(GREETING_3_7),
            sync if sent.kind == CALL => {
                let number = numbers(std::slice::from_ref(sent))[0];
                self.known.get_mut(&number).unwrap().replied = true;
                ok_with(sync, vec![number.into()])
            }
            sync => ok(sync),
        };
        self.wire.extend(bytes);
    }

    fn deliver(&mut self, bytes: usize) {
        if self.transport == Some(self.attempt) {
            let rest = self.wire.split_off(bytes.min(self.wire.len()));
            self.link.input.extend_from_slice(&std::mem::replace(&mut self.wire, rest));
        }
    }

    fn opened(&mut self, succeeds: bool) {
        let Some(attempt) = self.opening.take() else {
            return;
        };
        if !succeeds {
            return self.link.session.handle_connect_failed(attempt, refused());
        }
        assert!(!self.link.session.handle_connected(attempt + 1));
        assert!(self.link.session.handle_connected(attempt));
        self.transport = Some(attempt);
        (self.handed_out, self.last_number) = (0, None);
        self.to_answer.clear();
        self.wire = GREETING_3_7.to_vec();
    }

    fn end(&mut self, unwritten: usize, eof: bool) {
        if self.transport.is_none() {
            // Nobody is there to say so.
            self.link.session.handle_unwritten(unwritten);
            return self.link.session.handle_eof();
        }
        let unwritten = unwritten.min(self.handed_out);
        let written = self.handed_out - unwritten;
        for known in self.known.values_mut() {
            known.handed_out.retain(|(on, at)| *on != self.attempt || *at < written);
        }
        self.link.session.handle_unwritten(unwritten);
        if eof {
            self.link.session.handle_eof();
        } else {
            self.link.session.handle_failure(refused());
        }
    }

    /// Events and actions, until there are no more.
    fn settle(&mut self) {
        loop {
            match self.link.session.poll_event(&mut self.link.input) {
                Ok(Some(event)) => self.on_event(event),
                Ok(None) => break,
                Err(error) => {
                    assert_eq!(self.link.session.failure(), Some(&error));
                    break;
                }
            }
        }
        while let Some(action) = self.link.session.poll_action() {
            match action {
                Action::Connect { attempt, .. } => {
                    assert_eq!((self.opening, self.transport), (None, None));
                    assert!(attempt > self.attempt);
                    (self.opening, self.attempt) = (Some(attempt), attempt);
                }
                Action::Close => {
                    assert!(self.opening.take().is_some() || self.transport.take().is_some());
                    self.wire.clear();
                }
                other => panic!("{other:?}"),
            }
            self.trace.push(format!("{:?}", (self.opening, self.transport)));
        }
        // What is bound to a connection that is to be left has a place whatever the limits.
        let is_ready = matches!(self.link.session.status(), Status::Ready { .. });
        assert!(!is_ready || self.link.session.in_flight() <= self.in_flight_max);
        let is_over = self.link.session.failure().is_some();
        for known in self.open() {
            assert!(!is_over, "left behind: {known:?}");
        }
    }

    fn on_event(&mut self, event: SessionEvent) {
        self.trace.push(match event {
            SessionEvent::Retrying { at } => {
                format!("{:?}", at.saturating_duration_since(self.link.at(0)))
            }
            ref other => format!("{other:?}"),
        });
        if let SessionEvent::Answered(id) = event {
            let known = self.known.get_mut(&self.by_id[&id]).unwrap();
            assert_eq!(known.cancelled, None);
            assert_eq!(known.answered, None, "reported twice");
            known.answered = Some(!known.handed_out.is_empty());
        }
    }

    /// Those that are not over for their callers.
    fn occupied(&self) -> usize {
        self.known.values().filter(|known| known.cancelled.is_none() && !known.taken).count()
    }

    /// Those that wait for their answer.
    fn open(&self) -> impl Iterator<Item = &Known> {
        let is_open = |known: &&Known| known.cancelled.is_none() && known.answered.is_none();
        self.known.values().filter(is_open)
    }

    fn check_deadlines(&self) {
        for known in self.open() {
            assert!(known.deadline.is_none_or(|deadline| deadline > self.link.now), "{known:?}");
        }
    }

    fn take(&mut self, number: u64) {
        let is_over = self.link.session.failure().is_some();
        let known = self.known.get_mut(&number).unwrap();
        let answer = self.link.session.take(known.id);
        let is_there = known.answered.is_some() && !known.taken && known.cancelled.is_none();
        assert_eq!(answer.is_some(), is_there, "{known:?}");
        let (Some(answer), Some(was_sent)) = (answer, known.answered) else {
            return;
        };
        known.taken = true;
        let expected = if was_sent { Outcome::MaybeExecuted } else { Outcome::NotSent };
        match answer {
            Ok(response) => {
                assert!(known.replied && was_sent);
                assert_eq!(response.first(), Ok(Some(number)), "the answer of another");
            }
            Err(Unanswered::TimedOut(outcome)) => {
                assert_eq!(outcome, expected, "{known:?}");
                assert!(known.deadline.is_some_and(|deadline| deadline <= self.link.now));
            }
            Err(Unanswered::Lost(outcome)) => {
                assert_eq!(outcome, expected, "{known:?}");
                let goes_on = known.bound_to.is_none()
                    && (known.kind == Kind::Idempotent || outcome == Outcome::NotSent);
                assert!(!goes_on || self.fails || is_over, "given up: {known:?}");
            }
            Err(Unanswered::ConnectionGone) => {
                assert!(known.bound_to.is_some() && !was_sent, "{known:?}");
            }
            Err(other) => panic!("{other:?}"),
        }
    }

    /// Lets everything come to its end and looks at what is left.
    fn finish(mut self) -> Vec<String> {
        for _ in 0..1000 {
            if self.open().next().is_none() {
                break;
            }
            self.opened(true);
            self.settle();
            while self.transmit() {}
            for sent in std::mem::take(&mut self.to_answer) {
                self.reply(&sent);
            }
            self.deliver(usize::MAX);
            self.settle();
            if self.link.session.is_drained() {
                self.link.session.handle_failure(ConnectionError::Shutdown);
            }
            self.settle();
            if self.link.session.poll_timeout().is_some_and(|at| at <= self.link.at(self.link.now))
            {
                self.link.advance(0);
            } else {
                self.link.advance(1);
            }
            self.settle();
            self.check_deadlines();
        }
        assert_eq!(self.open().count(), 0, "waits for ever at {:?}", self.link.session.status());
        for number in 0..self.known.len() as u64 {
            self.take(number);
            self.take(number);
        }
        assert_eq!(self.link.session.stats().requests, self.known.len() as u64);
        assert_eq!(self.link.session.in_flight(), 0);
        self.trace
    }
}

fn run(config: SessionConfig, seed: u64, steps: Vec<Step>) -> Vec<String> {
    let mut model = Model::new(config, seed);
    model.settle();
    for step in steps {
        let is_time = matches!(step, Step::Advance(_));
        model.step(step);
        if is_time {
            model.check_deadlines();
        }
    }
    model.finish()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..Default::default() })]

    #[test]
    fn every_request_gets_exactly_one_answer_and_nothing_is_executed_twice(
        config in config(),
        seed in any::<u64>(),
        steps in steps(),
    ) {
        let trace = run(config.clone(), seed, steps.clone());
        prop_assert_eq!(trace, run(config, seed, steps));
    }
}
