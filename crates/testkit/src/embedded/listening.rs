//! The thread that accepts connections, and those that it has accepted.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tarantool_proto::server::{ServerConfig, ServerConnection};

use super::connection::Connection;
use super::core::{Core, lock};
use super::salt_from;
use crate::socket::{self, Listener};

/// What the accepting thread shares with the server's handle.
pub(super) struct Shared {
    is_stopped: AtomicBool,
    connections: Mutex<Vec<Arc<Connection>>>,
    pub(super) accepted: AtomicU64,
    pub(super) config: ServerConfig,
}

impl Shared {
    pub(super) fn new(config: ServerConfig) -> Self {
        Self {
            is_stopped: AtomicBool::new(false),
            connections: Mutex::default(),
            accepted: AtomicU64::new(0),
            config,
        }
    }

    /// Starts the thread that accepts connections.
    pub(super) fn listen(
        self: &Arc<Self>,
        listener: Listener,
        core: &Arc<Core>,
    ) -> io::Result<JoinHandle<()>> {
        self.is_stopped.store(false, Ordering::SeqCst);
        let (core, shared) = (Arc::clone(core), Arc::clone(self));
        let thread = thread::Builder::new().name("embedded-acceptor".into());
        thread.spawn(move || shared.accept(&listener, &core))
    }

    /// Ends that thread, which listens at `uri`.
    pub(super) fn stop(&self, thread: JoinHandle<()>, core: &Core, uri: &str) {
        self.is_stopped.store(true, Ordering::SeqCst);
        core.gate.look_up();
        socket::wake(uri);
        // It panics only if the process is out of threads or memory.
        let _ = thread.join();
    }

    fn accept(&self, listener: &Listener, core: &Arc<Core>) {
        while !self.is_stopped.load(Ordering::SeqCst) {
            let Ok(stream) = listener.accept() else {
                // Too many open files, perhaps: others may close theirs.
                thread::sleep(Duration::from_millis(10));
                continue;
            };
            core.gate.pass_unless(|| self.is_stopped.load(Ordering::SeqCst));
            if self.is_stopped.load(Ordering::SeqCst) {
                break;
            }
            let number = self.accepted.fetch_add(1, Ordering::SeqCst) + 1;
            let random = RandomState::new();
            let mut count = 0;
            // The keys of the standard hash maps are random, which is enough for tests.
            let salt = salt_from(|| {
                count += 1;
                random.hash_one(count)
            });
            let protocol = ServerConnection::new(self.config.clone(), salt);
            let connection = Connection::new(number, Arc::clone(core), stream, protocol);
            {
                let mut connections = lock(&self.connections);
                connections.retain(|connection| !connection.is_over());
                connections.push(Arc::clone(&connection));
            }
            if connection.start().is_err() {
                connection.close();
            }
        }
    }

    /// The connections that are open.
    pub(super) fn open(&self) -> Vec<Arc<Connection>> {
        let mut connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        connections.retain(|connection| !connection.is_over());
        connections.clone()
    }
}
