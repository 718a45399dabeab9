//! What a life begins with.

use std::time::Duration;

use tarantool_proto::server::ServerConfig;
use tarantool_proto::session::{SessionConfig, WhileDown};
use tarantool_proto::{Batching, Feature};

use crate::source::Source;

pub(super) struct Settings {
    pub(super) session: SessionConfig,
    pub(super) server: ServerConfig,
    pub(super) seed: u64,
}

impl Settings {
    pub(super) fn new(source: &mut Source<'_>) -> Self {
        let (flags, limits, times) = (source.byte(), source.byte(), source.byte());
        let millis = Duration::from_millis;
        let mut session = SessionConfig::default();
        let conn = &mut session.connection;
        conn.in_flight_max = [16_384, 1, 2, 5][usize::from(limits & 3)];
        conn.queued_bytes_max = [1 << 20, 0, 40, 100][usize::from(limits >> 2 & 3)];
        let batching = match flags & 3 {
            0 => Batching::adaptive(),
            1 => Batching::linger(millis(2)),
            _ => Batching::immediate(),
        };
        conn.batching = batching.up_to([64 << 10, 1, 60, 150][usize::from(limits >> 4 & 3)]);
        session.waiting_max = [16_384, 0, 2, 6][usize::from(limits >> 6)];
        session.addresses = usize::from(times & 3);
        session.attempts_max = (times & 4 != 0).then_some(u32::from(times >> 3 & 3));
        session.backoff.min = millis(4);
        session.backoff.max = millis(20);
        session.stable_after = millis(30);
        session.connect_timeout = Some(millis(30));
        session.handshake_timeout = (times & 0x20 == 0).then_some(millis(30));
        session.drain_timeout = millis(20);
        match &mut session.heartbeat {
            Some(heartbeat) if times & 0x40 == 0 => {
                (heartbeat.after, heartbeat.timeout) = (millis(40), millis(30));
            }
            heartbeat => *heartbeat = None,
        }
        if flags & 0x04 != 0 {
            session.while_down = WhileDown::Fail;
        }
        let mut server = ServerConfig::default();
        server.in_progress_max = usize::MAX;
        if flags & 0x08 != 0 {
            // Its schema has to be read.
            server.features = [Feature::STREAMS, Feature::TRANSACTIONS].into_iter().collect();
        }
        if flags & 0x10 != 0 {
            server.version = "2.6.0".into();
        }
        Self { session, server, seed: u64::from(flags >> 5) }
    }
}
