//! What a world and its clients begin with.

use std::time::Duration;

use tarantool_proto::session::{OnRefused, SessionConfig, WhileDown};
use tarantool_proto::{Batching, Credentials, Password};

use crate::random::Random;
use crate::server::{PASSWORD, USER};
use crate::wire::Conditions;

/// A kind of fault that a world may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Cut,
    Freeze,
    Kill,
    Shutdown,
    Refuse,
    Mute,
    Unreachable,
    Password,
    Jump,
    Sleep,
}

const FAULTS: [Fault; 10] = [
    Fault::Cut,
    Fault::Freeze,
    Fault::Kill,
    Fault::Shutdown,
    Fault::Refuse,
    Fault::Mute,
    Fault::Unreachable,
    Fault::Password,
    Fault::Jump,
    Fault::Sleep,
];

/// What all of a world has in common. Times are in microseconds.
pub(crate) struct Settings {
    pub(crate) clients: usize,
    pub(crate) servers: usize,
    /// How often each user does something.
    pub(crate) acts: u64,
    /// How long users wait in between, at most.
    pub(crate) pause_max: u64,
    /// Those that happen here; half of all, by the seed.
    pub(crate) faults: Vec<Fault>,
    /// How long it is from one to the next, at most.
    pub(crate) fault_pause_max: u64,
    /// One in so many links breaks after some bytes; 0: none.
    pub(crate) break_one_in: u64,
    pub(crate) conditions: Conditions,
}

impl Settings {
    pub(crate) fn new(random: &mut Random) -> Self {
        let (clients, acts) = match random.below(100) {
            0..70 => (random.within(1..=6), random.within(20..=200)),
            70..97 => (random.within(7..=40), random.within(20..=80)),
            _ => (random.within(100..=400), random.within(8..=30)),
        };
        let mut faults = Vec::from(FAULTS);
        faults.retain(|_| random.one_in(2));
        let slow = random.pick([200, 2000, 2000, 40_000]);
        let conditions = Conditions {
            latency: (20, slow),
            piece_max: random.pick([5, 60, 600, 60_000, 60_000]),
            capacity: random.pick([40, 400, 4000, 1 << 20, 1 << 20]),
            pause_one_in: random.pick([0, 0, 20, 200]),
            pause: random.within(1000..=300_000),
        };
        Self {
            clients: clients as usize,
            servers: random.within(1..=3) as usize,
            acts,
            pause_max: random.pick([500, 10_000, 40_000]),
            faults,
            fault_pause_max: random.pick([3000, 20_000, 100_000])
                / (u64::from(clients.ilog2()) + 1),
            break_one_in: random.pick([0, 2, 4, 10]),
            conditions,
        }
    }
}

fn millis(random: &mut Random, from: u64, to: u64) -> Duration {
    Duration::from_millis(random.within(from..=to))
}

pub(crate) fn session(random: &mut Random, addresses: usize) -> SessionConfig {
    let mut config = SessionConfig::default();
    let conn = &mut config.connection;
    conn.in_flight_max = random.pick([16_384, 16_384, 1, 3, 10]);
    conn.queued_bytes_max = random.pick([1 << 20, 1 << 20, 0, 100, 500]);
    conn.held_bytes_max = random.pick([1 << 30, 1 << 30, 100, 1000]);
    let batching = match random.below(3) {
        0 => Batching::adaptive(),
        1 => Batching::linger(millis(random, 0, 2)),
        _ => Batching::immediate(),
    };
    conn.batching = batching.up_to(random.pick([64 << 10, 64 << 10, 1, 100, 1000]));
    if random.one_in(2) {
        conn.credentials =
            Some(Credentials { user: USER.into(), password: Password::new(PASSWORD) });
    }
    config.waiting_max = random.pick([16_384, 16_384, 0, 3, 10]);
    config.addresses = addresses;
    config.backoff.min = millis(random, 1, 20);
    config.backoff.max = millis(random, 20, 300);
    config.stable_after = millis(random, 10, 300);
    // Longer than what a healthy network needs.
    config.connect_timeout = Some(millis(random, 300, 800));
    config.handshake_timeout = random.one_in(2).then(|| millis(random, 250, 500));
    config.drain_timeout = millis(random, 10, 200);
    config.graceful_shutdown = !random.one_in(8);
    match &mut config.heartbeat {
        Some(heartbeat) if !random.one_in(4) => {
            heartbeat.after = millis(random, 20, 300);
            heartbeat.timeout = millis(random, 150, 400);
        }
        heartbeat => *heartbeat = None,
    }
    if random.one_in(5) {
        config.while_down = WhileDown::Fail;
    }
    config.on_refused = match random.below(5) {
        0 => OnRefused::GiveUp,
        1 => OnRefused::FailRequests,
        _ => OnRefused::Retry,
    };
    config.attempts_max = random.one_in(15).then(|| random.within(1..=6) as u32);
    config.reconnect = !random.one_in(20);
    config.retry_first = !random.one_in(20);
    config
}
