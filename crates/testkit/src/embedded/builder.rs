//! How an embedded server is set up.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tarantool_proto::Feature;
use tarantool_proto::server::ServerConfig;
use tempfile::TempDir;

use super::Server;
use super::core::Core;
use super::lifecycle::MEMORY;
use super::listening::Shared;
use crate::Listen;
use crate::socket::Listener;

/// How to start a [`Server`]; made by [`Server::builder`].
#[derive(Clone)]
#[must_use = "nothing runs until `start` is called"]
pub struct ServerBuilder {
    /// `None`: in memory.
    listen: Option<Listen>,
    users: HashMap<String, String>,
    guest_is_admin: bool,
    memory_max: usize,
    tuple_bytes_max: Option<usize>,
    config: ServerConfig,
    shutdown_timeout: Duration,
}

impl ServerBuilder {
    pub(super) fn new() -> Self {
        Self {
            listen: Some(Listen::default()),
            users: HashMap::new(),
            guest_is_admin: true,
            memory_max: 256 << 20,
            tuple_bytes_max: None,
            config: config(),
            shutdown_timeout: Duration::from_secs(3),
        }
    }

    /// Where the server listens: [`Listen::Tcp`] by default.
    pub fn listen(mut self, listen: Listen) -> Self {
        self.listen = Some(listen);
        self
    }

    /// Listens nowhere and has no threads: only a [`Link`](crate::Link) can reach the server.
    pub fn in_memory(mut self) -> Self {
        self.listen = None;
        self
    }

    /// Adds a user who may do everything.
    pub fn user(mut self, name: impl Into<String>, password: impl Into<String>) -> Self {
        self.users.insert(name.into(), password.into());
        self
    }

    /// Whether `guest`, who needs no password, may do everything, as by default; otherwise only
    /// ping, watch and log in.
    pub fn guest_is_admin(mut self, yes: bool) -> Self {
        self.guest_is_admin = yes;
        self
    }

    /// How many bytes of tuples there may be, 256 MiB by default; more is refused with error 2.
    pub fn memory_max(mut self, bytes: usize) -> Self {
        self.memory_max = bytes;
        self
    }

    /// How many bytes a tuple may have, 1 MiB by default; more is refused with error 110. As the
    /// server's option `memtx_max_tuple_size`.
    pub fn tuple_bytes_max(mut self, bytes: usize) -> Self {
        self.tuple_bytes_max = Some(bytes);
        self
    }

    /// The limits, the version and the features of the protocol's side.
    pub fn protocol(mut self, config: ServerConfig) -> Self {
        self.config = config;
        self
    }

    /// How long [`Server::shutdown`] waits for those who watch `box.shutdown`: 3 seconds by
    /// default, as the real server.
    pub fn shutdown_timeout(mut self, time: Duration) -> Self {
        self.shutdown_timeout = time;
        self
    }

    /// Starts the server.
    ///
    /// # Errors
    /// There is no socket, folder or thread to be had.
    pub fn start(self) -> io::Result<Server> {
        let (listener, uri, folder) = match self.listen {
            None => (None, MEMORY.to_owned(), None),
            Some(listen @ (Listen::Tcp | Listen::Tcp6)) => {
                let host: IpAddr = match listen {
                    Listen::Tcp6 => Ipv6Addr::LOCALHOST.into(),
                    _ => Ipv4Addr::LOCALHOST.into(),
                };
                let (listener, uri) = Listener::tcp(host)?;
                (Some(listener), uri, None)
            }
            Some(Listen::Unix) => {
                let folder = TempDir::new()?;
                let (listener, uri) = Listener::unix(&folder.path().join("embedded.sock"))?;
                (Some(listener), uri, Some(folder))
            }
        };
        let core = Arc::new(Core::new(self.users, self.guest_is_admin, self.memory_max));
        if let Some(bytes) = self.tuple_bytes_max {
            core.database().tuple_size_max = bytes;
        }
        core.note_schema();
        let shared = Arc::new(Shared::new(self.config));
        let acceptor = match listener {
            Some(listener) => Some(shared.listen(listener, &core)?),
            None => None,
        };
        Ok(Server {
            core,
            uri,
            acceptor: Mutex::new(acceptor),
            shared,
            shutdown_timeout: self.shutdown_timeout,
            _folder: folder,
        })
    }
}

/// Without the passwords.
impl fmt::Debug for ServerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerBuilder")
            .field("listen", &self.listen)
            .field("users", &self.users.keys())
            .field("guest_is_admin", &self.guest_is_admin)
            .field("memory_max", &self.memory_max)
            .field("tuple_bytes_max", &self.tuple_bytes_max)
            .field("config", &self.config)
            .field("shutdown_timeout", &self.shutdown_timeout)
            .finish()
    }
}

/// All features of a community server 3.7.0.
fn config() -> ServerConfig {
    let mut config = ServerConfig::default();
    for feature in [
        Feature::DML_TUPLE_EXTENSION,
        Feature::CALL_RET_TUPLE_EXTENSION,
        Feature::CALL_ARG_TUPLE_EXTENSION,
        Feature::INSERT_ARROW,
    ] {
        config.features.insert(feature);
    }
    config
}
