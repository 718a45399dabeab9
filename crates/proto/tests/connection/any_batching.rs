//! Batching by any policy, under any load: writes are bounded, nothing waits longer than the policy
//! says, and nothing overtakes.

use std::collections::HashMap;
use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::Index;
use tarantool_proto::{Batching, Config, Decision, RequestId};

use crate::peer::*;

#[derive(Clone, Debug)]
enum Step {
    /// A call, in a stream or not, with so many bytes.
    Send(Option<u64>, usize),
    Answer(Index),
    Decide,
    Transmit,
}

fn step() -> impl Strategy<Value = Step> {
    let stream = prop::option::of(1_u64..4);
    prop_oneof![
        6 => (stream, 0_usize..200).prop_map(|(stream, bytes)| Step::Send(stream, bytes)),
        4 => any::<Index>().prop_map(Step::Answer),
        4 => Just(Step::Decide),
        2 => Just(Step::Transmit),
    ]
}

#[derive(Clone, Copy, Debug)]
enum Policy {
    Adaptive,
    Immediate,
    Linger,
}

const LINGER: Duration = Duration::from_millis(3);

impl Policy {
    const fn batching(self) -> Batching {
        match self {
            Self::Adaptive => Batching::adaptive(),
            Self::Immediate => Batching::immediate(),
            Self::Linger => Batching::linger(LINGER),
        }
    }
}

fn config() -> impl Strategy<Value = (Policy, Config)> {
    let policy = prop_oneof![Just(Policy::Adaptive), Just(Policy::Immediate), Just(Policy::Linger)];
    let bytes = prop_oneof![Just(1), 20_usize..600, Just(64 << 10)];
    let in_flight = prop_oneof![1_usize..8, Just(16_384)];
    let queued = prop_oneof![Just(0), 1_usize..500, Just(64 << 20)];
    (policy, bytes, in_flight, queued).prop_map(|(policy, bytes, in_flight, queued)| {
        let mut config = Config::default();
        config.batching = policy.batching().up_to(bytes);
        config.in_flight_max = in_flight;
        config.queued_bytes_max = queued;
        (policy, config)
    })
}

struct Load {
    link: Link,
    policy: Policy,
    config: Config,
    sent: u64,
    /// What was handed out, and what of it is not answered.
    handed_out: u64,
    written: Vec<u64>,
    ids: HashMap<u64, RequestId>,
    longest: usize,
    /// Since the last write or the last new request.
    turns: u32,
}

impl Load {
    fn new(policy: Policy, config: Config) -> Self {
        Self {
            link: Link::ready_with(GREETING_3_7, config.clone()),
            policy,
            config,
            sent: 0,
            handed_out: 0,
            written: Vec::new(),
            ids: HashMap::new(),
            longest: 0,
            turns: 0,
        }
    }

    fn send(&mut self, stream: Option<u64>, bytes: usize) {
        let number = self.sent;
        let call = tarantool_proto::request::Call::new("f").arguments((number, "x".repeat(bytes)));
        let mut frame = frame(&call);
        if let Some(stream) = stream {
            frame.encode_in_stream(stream.try_into().unwrap(), &call).unwrap();
        }
        self.longest = self.longest.max(frame.as_bytes().len());
        let is_alone = self.link.conn.queued_bytes() == 0 && self.link.conn.in_flight() == 0;
        let id = self.link.conn.send(&mut frame, None).unwrap();
        self.ids.insert(number, id);
        self.sent += 1;
        self.turns = 0;
        let is_alone = is_alone && self.written.is_empty() && number == 0;
        if is_alone && !matches!(self.policy, Policy::Linger) {
            // Nobody else is about to ask for anything.
            assert_eq!(self.link.conn.poll_decision(), Decision::Write);
        }
    }

    fn answer(&mut self, which: Index) {
        if self.written.is_empty() {
            return;
        }
        let number = self.written.swap_remove(which.index(self.written.len()));
        let id = self.ids.remove(&number).unwrap();
        self.link.feed(&ok(id.sync()));
        self.link.conn.take(id).unwrap().unwrap();
    }

    /// Asks what to do; whether it is to write.
    fn decide(&mut self) -> bool {
        let decision = self.link.conn.poll_decision();
        let queued = self.link.conn.queued_bytes();
        if queued >= self.config.batching.write_bytes() {
            assert_eq!(decision, Decision::Write);
        }
        match decision {
            Decision::Idle => {
                assert_eq!(queued, 0);
                // Those who were answered have gone elsewhere.
                self.turns = 0;
            }
            Decision::Write => assert_ne!(queued, 0),
            Decision::Yield => {
                assert!(!matches!(self.policy, Policy::Immediate));
                self.turns += 1;
                assert!(self.turns <= 1, "a second turn");
            }
            Decision::Linger(time) => {
                assert!(queued > 0 && matches!(self.policy, Policy::Linger));
                assert_eq!(time, LINGER);
            }
        }
        decision == Decision::Write
    }

    fn transmit(&mut self) -> bool {
        let mut output = Vec::new();
        if !self.link.conn.poll_transmit(&mut output) {
            return false;
        }
        self.turns = 0;
        let sent = requests(&output);
        let last = 18 + sent.last().unwrap().body_bytes.len();
        // In a stream, the header has two bytes more.
        assert!(output.len() - last < self.config.batching.write_bytes() + 2);
        for request in &sent {
            let number = request.field(0x21).unwrap()[0].as_u64().unwrap();
            assert_eq!(number, self.handed_out, "out of order");
            self.handed_out += 1;
            self.written.push(number);
        }
        true
    }

    fn check_limits(&self) {
        let conn = &self.link.conn;
        assert!(conn.in_flight() <= self.config.in_flight_max);
        assert!(conn.queued_bytes() < self.config.queued_bytes_max.max(1) + self.longest.max(1));
    }

    /// As a driver that only writes when it is told to: all is written and answered at last.
    fn finish(mut self) {
        while self.handed_out < self.sent {
            self.turns = 0;
            let mut is_written = false;
            for _ in 0..2 {
                match self.link.conn.poll_decision() {
                    Decision::Write => is_written = self.transmit(),
                    Decision::Linger(time) => {
                        let now = self.link.at(0);
                        self.link.conn.handle_linger(now + time);
                        assert_eq!(self.link.conn.poll_timeout(), Some(now + time));
                        self.link.conn.handle_timeout(now + time);
                        assert_eq!(self.link.conn.poll_decision(), Decision::Write);
                        is_written = self.transmit();
                    }
                    _ => {}
                }
                if is_written {
                    break;
                }
            }
            if !is_written {
                assert!(!self.written.is_empty(), "nothing is under way, and nothing written");
                while let Some(number) = self.written.pop() {
                    let id = self.ids.remove(&number).unwrap();
                    self.link.feed(&ok(id.sync()));
                    self.link.conn.take(id).unwrap().unwrap();
                }
            }
            self.check_limits();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..Default::default() })]

    #[test]
    fn writes_are_bounded_and_nothing_waits_or_overtakes(
        (policy, config) in config(),
        steps in prop::collection::vec(step(), 0..120),
    ) {
        let mut load = Load::new(policy, config);
        for step in steps {
            match step {
                Step::Send(stream, bytes) => load.send(stream, bytes),
                Step::Answer(which) => load.answer(which),
                Step::Decide => drop(load.decide()),
                Step::Transmit => drop(load.transmit()),
            }
            load.check_limits();
        }
        load.finish();
    }
}
