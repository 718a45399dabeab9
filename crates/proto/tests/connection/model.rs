//! Random interleavings of everything that can happen, against a naive model.

use std::collections::{BTreeMap, HashMap};

use proptest::prelude::*;
use proptest::sample::Index;
use tarantool_proto::msgpack::EncodeError;
use tarantool_proto::request::{Body, Insert, Request};
use tarantool_proto::{
    Capability, Config, ConnectionError, Event, Outcome, RequestId, RequestType, SendError,
};

use crate::known::{Fate, Known, fate, outcome};
use crate::peer::*;
use crate::schema::{indexes, spaces};
use crate::steps::{Step, What, config, steps};

/// A call that needs what 2.6 does not have.
struct Needy(u64);

impl Request for Needy {
    fn request_type(&self) -> RequestType {
        RequestType::CALL
    }

    fn encode(&self, body: &mut Body<'_>) -> Result<(), EncodeError> {
        body.require(Capability::Streams);
        numbered(self.0).encode(body)
    }
}

struct Model {
    link: Link,
    greeting: &'static [u8; 128],
    in_flight_max: usize,
    known: HashMap<RequestId, Known>,
    /// By sync id, in the order in which they were accepted.
    by_sync: BTreeMap<u64, RequestId>,
    ids: Vec<RequestId>,
    /// What the server has to answer.
    to_answer: Vec<Sent>,
    /// What the server sent, how much of it arrived.
    wire: Vec<u8>,
    delivered: usize,
    handed_out: usize,
    last_call: Option<u64>,
    now: u64,
    closing: bool,
    ended: bool,
    is_ready: bool,
    timed_out: u64,
    cancelled: u64,
}

impl Model {
    fn new(greeting: &'static [u8; 128], config: Config) -> Self {
        Self {
            greeting,
            in_flight_max: config.in_flight_max,
            link: Link::new(config),
            known: HashMap::new(),
            by_sync: BTreeMap::new(),
            ids: Vec::new(),
            to_answer: Vec::new(),
            wire: greeting.to_vec(),
            delivered: 0,
            handed_out: 0,
            last_call: None,
            now: 0,
            closing: false,
            ended: false,
            is_ready: false,
            timed_out: 0,
            cancelled: 0,
        }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Send { what, timeout, wait } => self.send(what, timeout, wait),
            Step::Take(index) => {
                if let Some(id) = self.pick(index) {
                    self.take(id);
                }
            }
            Step::Cancel(index) => {
                if let Some(id) = self.pick(index) {
                    self.cancel(id);
                }
            }
            Step::Transmit => {
                self.transmit();
            }
            Step::Reply { which, refuse, twice } => {
                if !self.to_answer.is_empty() {
                    let sent = self.to_answer.swap_remove(which.index(self.to_answer.len()));
                    self.reply(sent, refuse, twice);
                }
            }
            Step::Stray => self.wire.extend(packet_of(EVENT, 1 << 32, SCHEMA, &[0x80])),
            Step::Deliver(bytes) => self.deliver(bytes),
            Step::Poll => {
                self.poll();
            }
            Step::Advance(time) => self.advance(time),
            Step::Close => {
                self.link.conn.close();
                self.closing = true;
            }
            Step::End { unwritten, eof } => self.end(unwritten, eof),
        }
        assert!(self.link.conn.in_flight() <= self.in_flight_max);
    }

    fn pick(&self, index: Index) -> Option<RequestId> {
        (!self.ids.is_empty()).then(|| *index.get(&self.ids))
    }

    fn send(&mut self, what: What, timeout: Option<u64>, wait: bool) {
        let number = self.ids.len() as u64;
        let mut frame = match what {
            What::Call => frame(&numbered(number)),
            What::Named => frame(&Insert::into("users").row((number,))),
            What::Nobody => frame(&Insert::into("nobody").row((number,))),
            What::Needy => frame(&Needy(number)),
        };
        let deadline = timeout.map(|timeout| self.now + timeout);
        let at = deadline.map(|deadline| self.link.at(deadline));
        let sent = if wait {
            self.link.conn.send(&mut frame, at)
        } else {
            self.link.conn.try_send(&mut frame, at)
        };
        if self.closing || self.ended {
            return assert_eq!(sent, Err(SendError::Closed));
        }
        assert!(frame.as_bytes().is_empty() || sent == Err(SendError::Saturated));
        let Ok(id) = sent else {
            return assert!(!wait, "{sent:?}");
        };
        self.ids.push(id);
        assert_eq!(self.by_sync.insert(id.sync(), id), None, "a sync id used twice");
        let known = Known {
            number,
            what,
            deadline,
            handed_out_at: None,
            reply: None,
            answer: None,
            reported: false,
            gone: false,
        };
        self.known.insert(id, known);
    }

    fn cancel(&mut self, id: RequestId) {
        let known = self.known.get_mut(&id).unwrap();
        let before = self.link.conn.stats().cancelled;
        self.link.conn.cancel(id);
        let counted = self.link.conn.stats().cancelled - before;
        let is_open = !known.gone && known.answer.is_none();
        assert!(counted == u64::from(is_open) || known.is_refused(self.greeting).is_some());
        self.cancelled += counted;
        known.gone = true;
    }

    fn take(&mut self, id: RequestId) {
        let known = self.known.get_mut(&id).unwrap();
        let taken = self.link.conn.take(id);
        if known.gone {
            return assert_eq!(taken, None);
        }
        let taken = taken.map(|answer| fate(answer, known.number));
        // When the connection finds that a request cannot be sent is not part of the model.
        if matches!(taken, Some(Fate::UnknownName | Fate::Unsupported)) {
            assert_eq!((&taken, known.handed_out_at), (&known.is_refused(self.greeting), None));
            known.answer = taken;
        }
        assert_eq!(taken, known.answer);
        known.gone |= known.answer.is_some();
    }

    fn transmit(&mut self) -> bool {
        let mut output = Vec::new();
        let any = self.link.conn.poll_transmit(&mut output);
        let mut at = 0;
        for sent in requests(&output) {
            self.received(self.handed_out + at, &sent);
            at += 5 + u32::from_be_bytes(output[at + 1..at + 5].try_into().unwrap()) as usize;
            self.to_answer.push(sent);
        }
        self.handed_out += output.len();
        any
    }

    /// The server gets a request.
    fn received(&mut self, at: usize, sent: &Sent) {
        let Some(known) = self.by_sync.get(&sent.sync).and_then(|id| self.known.get_mut(id)) else {
            return assert!(sent.sync >= ID_SYNC, "{sent:?}");
        };
        if sent.kind == PING {
            return assert_eq!(known.answer, Some(Fate::TimedOut(Outcome::NotSent)));
        }
        let is_executable = known.is_refused(self.greeting).is_none()
            && known.answer != Some(Fate::TimedOut(Outcome::NotSent));
        assert!(is_executable, "executed: {known:?}");
        assert_eq!(known.handed_out_at.replace(at), None);
        assert_eq!(sent.field(0x21).unwrap()[0].as_u64(), Some(known.number));
        if sent.kind == CALL {
            assert!(self.last_call < Some(known.number), "out of order");
            self.last_call = Some(known.number);
        }
    }

    fn reply(&mut self, sent: Sent, refuse: bool, twice: bool) {
        let bytes = match sent.sync {
            ID_SYNC => id_reply(self.greeting),
            SPACES_SYNC => ok_with(SPACES_SYNC, spaces(false)),
            INDEXES_SYNC => ok_with(INDEXES_SYNC, indexes()),
            sync => {
                let known = &self.known[&self.by_sync[&sync]];
                if refuse {
                    error(sync, 36, &known.number.to_string())
                } else {
                    ok_with(sync, vec![known.number.into()])
                }
            }
        };
        self.wire.extend(&bytes);
        let end = self.wire.len();
        if let Some(id) = self.by_sync.get(&sent.sync) {
            self.known.get_mut(id).unwrap().reply.get_or_insert((end, refuse));
            if twice {
                self.wire.extend(&bytes);
            }
        }
    }

    fn deliver(&mut self, bytes: usize) {
        let end = self.wire.len().min(self.delivered + bytes);
        self.link.input.extend_from_slice(&self.wire[self.delivered..end]);
        self.delivered = end;
    }

    /// Polls one event; whether there was one.
    fn poll(&mut self) -> bool {
        match self.link.conn.poll_event(&mut self.link.input) {
            Ok(Some(Event::Ready)) => assert!(!std::mem::replace(&mut self.is_ready, true)),
            Ok(Some(Event::Answered(id))) => self.reported(id),
            Ok(Some(other)) => panic!("{other:?}"),
            end => {
                assert_eq!(end.is_err(), self.ended);
                for known in self.known.values().filter(|known| !known.gone) {
                    let arrived = known.reply.is_some_and(|(end, _)| end <= self.delivered);
                    let must = known.answer.is_some() || arrived || self.ended;
                    assert_eq!(known.reported, must, "{known:?}");
                }
                return false;
            }
        }
        true
    }

    fn reported(&mut self, id: RequestId) {
        let known = self.known.get_mut(&id).unwrap();
        assert!(!known.gone && !known.reported, "{known:?}");
        known.reported = true;
        if known.answer.is_some() {
            return;
        }
        known.answer = Some(match known.reply {
            Some((end, refused)) if end <= self.delivered => Fate::Replied { refused },
            _ => known.is_refused(self.greeting).expect("a reason"),
        });
    }

    fn open(&mut self) -> impl Iterator<Item = &mut Known> {
        self.known.values_mut().filter(|known| !known.gone && known.answer.is_none())
    }

    fn advance(&mut self, time: u64) {
        self.now += time;
        self.link.conn.handle_timeout(self.link.at(self.now));
        let (now, mut timed_out) = (self.now, 0);
        for known in self.open() {
            if known.deadline.is_some_and(|deadline| deadline <= now) {
                known.answer = Some(Fate::TimedOut(outcome(known)));
                timed_out += 1;
            }
        }
        self.timed_out += timed_out;
    }

    fn end(&mut self, unwritten: usize, eof: bool) {
        if self.ended {
            return;
        }
        let unwritten = unwritten.min(self.handed_out);
        self.link.conn.handle_unwritten(unwritten);
        if eof {
            self.link.conn.handle_eof();
        } else {
            self.link.conn.handle_failure(ConnectionError::Shutdown);
        }
        let written = self.handed_out - unwritten;
        for known in self.open() {
            known.handed_out_at = known.handed_out_at.filter(|at| *at < written);
            known.answer = Some(Fate::Lost(outcome(known)));
        }
        self.ended = true;
    }

    /// Lets everything come to its end and looks at what is left.
    fn finish(mut self) {
        loop {
            let mut goes_on = self.delivered < self.wire.len();
            self.deliver(usize::MAX / 2);
            while self.poll() {
                goes_on = true;
            }
            goes_on |= self.transmit() || !self.to_answer.is_empty();
            while let Some(sent) = self.to_answer.pop() {
                self.reply(sent, false, false);
            }
            if !goes_on {
                break;
            }
        }
        assert_eq!(self.open().count(), 0);
        assert_eq!(self.link.conn.in_flight(), 0);
        assert_eq!(self.link.conn.is_drained(), self.closing);
        assert!(!self.link.conn.is_saturated());
        assert_eq!(self.link.conn.queued_bytes(), 0);
        // Deadlines of requests that are over mean nothing.
        self.link.conn.handle_timeout(self.link.at(1_000_000));
        assert_eq!(self.link.conn.poll_timeout(), None);
        assert!(!self.poll());
        for id in self.ids.clone() {
            self.take(id);
            self.take(id);
            assert!(self.known[&id].gone);
        }
        let stats = self.link.conn.stats();
        let replied = |known: &&Known| matches!(known.answer, Some(Fate::Replied { .. }));
        let replied = self.known.values().filter(replied).count();
        assert_eq!(stats.requests, self.ids.len() as u64);
        assert_eq!(stats.answered, replied as u64);
        if self.known.values().all(|known| known.is_refused(self.greeting).is_none()) {
            assert_eq!(stats.timed_out, self.timed_out);
        }
        assert_eq!(stats.cancelled, self.cancelled);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..Default::default() })]

    #[test]
    fn every_request_gets_exactly_one_outcome(
        is_old in any::<bool>(),
        config in config(),
        steps in steps(),
    ) {
        let mut model = Model::new(if is_old { GREETING_2_6 } else { GREETING_3_7 }, config);
        for step in steps {
            model.step(step);
        }
        model.finish();
    }
}
