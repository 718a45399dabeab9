//! What can happen to a connection, at random.

use proptest::prelude::*;
use proptest::sample::Index;
use tarantool_proto::{Batching, Config};

#[derive(Clone, Debug)]
pub(crate) enum Step {
    Send {
        what: What,
        timeout: Option<u64>,
        wait: bool,
    },
    Take(Index),
    Cancel(Index),
    /// Hands out one write.
    Transmit,
    /// The server answers one of the requests it has, with an error or not, twice or not.
    Reply {
        which: Index,
        refuse: bool,
        twice: bool,
    },
    /// The server sends something that answers nobody.
    Stray,
    /// So many bytes arrive.
    Deliver(usize),
    Poll,
    Advance(u64),
    Close,
    /// The connection ends; so many of the last bytes handed out were never written.
    End {
        unwritten: usize,
        eof: bool,
    },
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum What {
    Call,
    /// Into a space by its name.
    Named,
    /// By a name that the schema does not have.
    Nobody,
    /// A call that needs what old servers do not have.
    Needy,
}

fn step() -> impl Strategy<Value = Step> {
    let what = prop_oneof![
        4 => Just(What::Call),
        2 => Just(What::Named),
        1 => Just(What::Nobody),
        1 => Just(What::Needy),
    ];
    let timeout = prop::option::of(0_u64..40);
    prop_oneof![
        8 => (what, timeout, prop::bool::weighted(0.8))
            .prop_map(|(what, timeout, wait)| Step::Send { what, timeout, wait }),
        4 => any::<Index>().prop_map(Step::Take),
        2 => any::<Index>().prop_map(Step::Cancel),
        6 => Just(Step::Transmit),
        8 => (any::<Index>(), prop::bool::weighted(0.2), prop::bool::weighted(0.1))
            .prop_map(|(which, refuse, twice)| Step::Reply { which, refuse, twice }),
        1 => Just(Step::Stray),
        8 => prop_oneof![0_usize..20, 0_usize..400].prop_map(Step::Deliver),
        10 => Just(Step::Poll),
        2 => (0_u64..20).prop_map(Step::Advance),
    ]
}

pub(crate) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let end = (0_usize..200, any::<bool>());
    let end = end.prop_map(|(unwritten, eof)| Step::End { unwritten, eof });
    let last = prop_oneof![Just(Step::Close), end];
    let after = prop::collection::vec(step(), 0..20);
    (prop::collection::vec(step(), 0..200), prop::option::of((last, after))).prop_map(
        |(mut steps, last)| {
            if let Some((last, after)) = last {
                steps.push(last);
                steps.extend(after);
            }
            steps
        },
    )
}

pub(crate) fn config() -> impl Strategy<Value = Config> {
    let in_flight = prop_oneof![1_usize..6, Just(16_384)];
    let queued = prop_oneof![Just(1), 50_usize..200, Just(1 << 20)];
    let write = prop_oneof![Just(1), 30_usize..150, Just(64 << 10)];
    (in_flight, queued, write).prop_map(|(in_flight, queued, write)| {
        let mut config = Config::default();
        config.in_flight_max = in_flight;
        config.queued_bytes_max = queued;
        config.batching = Batching::immediate().up_to(write);
        config
    })
}
