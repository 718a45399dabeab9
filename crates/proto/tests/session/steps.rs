//! What can happen to a session, at random.

use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::Index;
use tarantool_proto::Batching;
use tarantool_proto::session::{SessionConfig, WhileDown};

#[derive(Clone, Debug)]
pub(crate) enum Step {
    Send {
        kind: Kind,
        timeout: Option<u64>,
    },
    Cancel(Index),
    Take(Index),
    /// Hands out one write.
    Transmit,
    /// The server answers one of the requests it has.
    Reply(Index),
    /// So many bytes arrive.
    Deliver(usize),
    Advance(u64),
    /// The attempt under way succeeds or fails.
    Opened(bool),
    /// The connection ends; so many of the last bytes handed out were never written.
    End {
        unwritten: usize,
        eof: bool,
    },
    /// The server sends what no server sends.
    Nonsense,
    Notice,
    /// The driver looks whether all is done.
    Drained,
    Close(Option<u64>),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    Plain,
    Idempotent,
    /// To the present connection.
    Bound,
    /// To one that is gone, and idempotent.
    Stale,
}

fn step() -> impl Strategy<Value = Step> {
    let kind = prop_oneof![
        5 => Just(Kind::Plain),
        4 => Just(Kind::Idempotent),
        3 => Just(Kind::Bound),
        1 => Just(Kind::Stale),
    ];
    let timeout = prop::option::of(0_u64..60);
    prop_oneof![
        12 => (kind, timeout).prop_map(|(kind, timeout)| Step::Send { kind, timeout }),
        2 => any::<Index>().prop_map(Step::Cancel),
        4 => any::<Index>().prop_map(Step::Take),
        10 => Just(Step::Transmit),
        8 => any::<Index>().prop_map(Step::Reply),
        10 => prop_oneof![0_usize..20, 100_usize..600].prop_map(Step::Deliver),
        6 => (0_u64..12).prop_map(Step::Advance),
        10 => prop::bool::weighted(0.8).prop_map(Step::Opened),
        2 => (0_usize..150, any::<bool>()).prop_map(|(unwritten, eof)| Step::End { unwritten, eof }),
        1 => Just(Step::Nonsense),
        1 => Just(Step::Notice),
        2 => Just(Step::Drained),
    ]
}

pub(crate) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let close = prop::option::of(0_u64..50).prop_map(Step::Close);
    let after = prop::collection::vec(step(), 0..40);
    (prop::collection::vec(step(), 0..300), prop::option::of((close, after))).prop_map(
        |(mut steps, last)| {
            if let Some((close, after)) = last {
                steps.push(close);
                steps.extend(after);
            }
            steps
        },
    )
}

pub(crate) fn config() -> impl Strategy<Value = SessionConfig> {
    let in_flight = prop_oneof![1_usize..6, Just(16_384)];
    let write = prop_oneof![Just(1), 30_usize..150, Just(64 << 10)];
    let limit = prop::option::weighted(0.2, 2_u32..6);
    let waiting = prop_oneof![4 => Just(16_384), 1 => 0_usize..5];
    (in_flight, write, limit, waiting, 1_usize..4, prop::bool::weighted(0.2)).prop_map(
        |(in_flight, write, limit, waiting, addresses, fails)| {
            let millis = Duration::from_millis;
            let mut config = SessionConfig::default();
            config.connection.in_flight_max = in_flight;
            config.connection.batching = Batching::immediate().up_to(write);
            config.waiting_max = waiting;
            config.addresses = addresses;
            config.attempts_max = limit;
            config.backoff.min = millis(4);
            config.backoff.max = millis(20);
            config.stable_after = millis(30);
            config.connect_timeout = Some(millis(30));
            config.handshake_timeout = Some(millis(30));
            config.drain_timeout = millis(20);
            let heartbeat = config.heartbeat.as_mut().unwrap();
            (heartbeat.after, heartbeat.timeout) = (millis(40), millis(30));
            if fails {
                config.while_down = WhileDown::Fail;
            }
            config
        },
    )
}
