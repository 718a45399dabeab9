//! A virtual server: what it executed, and how it is.

use std::collections::BTreeMap;

use tarantool_proto::server::ServerConfig;
use tarantool_proto::{Feature, FeatureSet};

use crate::random::Random;

pub(crate) struct Server {
    pub(crate) config: ServerConfig,
    pub(crate) state: State,
    /// How often its state was set.
    pub(crate) epoch: u64,
    /// Whether it takes the password that clients have.
    pub(crate) takes_password: bool,
    /// What outlives it.
    pub(crate) counters: BTreeMap<u64, u64>,
    /// What it has read and not executed.
    pub(crate) pending: BTreeMap<u64, Work>,
    pub(crate) works: u64,
    /// How long a request takes at most, in microseconds.
    pub(crate) work_max: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Up,
    /// Accepts connections and never greets.
    Mute,
    /// Refuses connections; those that are there go on.
    Refusing,
    /// Lets attempts wait for ever.
    Unreachable,
    /// Announced its shutdown; refuses connections.
    Leaving,
    Down,
}

/// A request that is to be executed.
pub(crate) struct Work {
    pub(crate) link: usize,
    pub(crate) sync: u64,
    pub(crate) number: u64,
    pub(crate) key: u64,
}

impl Server {
    pub(crate) fn new(random: &mut Random) -> Self {
        let mut config = ServerConfig::default();
        match random.below(8) {
            // No streams, no watched keys, no ID.
            0 => config.version = "2.6.0".into(),
            // No watched keys.
            1 => config.features = FeatureSet::from_iter([Feature::STREAMS]),
            _ => {}
        }
        if random.one_in(4) {
            config.in_progress_max = random.within(1..=20) as usize;
            config.output_bytes_max = random.within(1..=500) as usize;
        }
        Self {
            config,
            state: State::Up,
            epoch: 0,
            takes_password: true,
            counters: BTreeMap::new(),
            pending: BTreeMap::new(),
            works: 0,
            work_max: random.pick([0, 50, 1000, 1000, 20_000]),
        }
    }
}

/// The user that clients log in as.
pub(crate) const USER: &str = "anna";
pub(crate) const PASSWORD: &str = "secret";
