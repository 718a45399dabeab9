//! One connection: two wires, and the server's end.

use std::collections::BTreeMap;

use bytes::BytesMut;
use tarantool_proto::server::{ServerConfig, ServerConnection};

use crate::wire::{Conditions, Wire};

pub(crate) struct Link {
    pub(crate) client: usize,
    pub(crate) attempt: u64,
    pub(crate) server: usize,
    /// The number that the client's session gave it when it was ready.
    pub(crate) generation: Option<u64>,
    pub(crate) conditions: Conditions,
    pub(crate) to_server: Wire,
    pub(crate) to_client: Wire,
    /// Whether the client's side is open.
    pub(crate) is_used: bool,
    /// Whether the server's side is.
    pub(crate) is_served: bool,
    /// The server never says a word.
    pub(crate) is_mute: bool,
    pub(crate) conn: ServerConnection,
    pub(crate) input: BytesMut,
    /// What the server wants to write and the wire had no room for.
    pub(crate) output: Vec<u8>,
    /// The sync of the watch for the server's shutdown; whether its client waits for a value.
    pub(crate) watch: Option<(u64, bool)>,
    /// The last request of each stream, and outside of them, in order of arrival.
    pub(crate) last: BTreeMap<u64, u64>,
    /// When the last one of each stream is executed.
    pub(crate) executed_at: BTreeMap<u64, u64>,
}

impl Link {
    pub(crate) fn new(
        [client, server]: [usize; 2],
        attempt: u64,
        conditions: Conditions,
        config: &ServerConfig,
        salt: [u8; 32],
    ) -> Self {
        Self {
            client,
            attempt,
            server,
            generation: None,
            conditions,
            to_server: Wire::default(),
            to_client: Wire::default(),
            is_used: true,
            is_served: true,
            is_mute: false,
            conn: ServerConnection::new(config.clone(), salt),
            input: BytesMut::new(),
            output: Vec::new(),
            watch: None,
            last: BTreeMap::new(),
            executed_at: BTreeMap::new(),
        }
    }
}
