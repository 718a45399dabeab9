//! The embedded server.

mod connection;
mod core;
mod endpoint;
mod fault;
mod function;
mod link;
mod output;
mod raw;
#[cfg(test)]
mod replay;
#[cfg(test)]
mod replay_events;
mod session;
mod socket;
mod space;
mod transaction;
mod tuple_ext;

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use std::{fmt, io};

use serde::Serialize;
use serde::de::DeserializeOwned;
use tarantool_proto::msgpack::write_value;
use tarantool_proto::server::{ServerConfig, ServerConnection};
use tarantool_proto::{Feature, RequestType, ServerError};
use tempfile::TempDir;

pub use self::fault::{Fault, FaultRule};
pub use self::function::Context;
pub use self::link::{Conditions, Link};
pub use self::raw::RawLink;
pub use self::space::{FieldNames, SchemaError, SpaceBuilder};

use self::connection::Connection;
use self::core::{Core, SCHEMA_KEY, SHUTDOWN_KEY, lock};
use self::function::Returns;
use self::socket::Listener;
use crate::Listen;

/// A stand-in for Tarantool in tests and first steps, in this process. It is not a database.
///
/// It speaks the binary protocol as server 3.7 does: spaces with tree indexes, all data requests,
/// transactions in streams, watchers, calls of Rust functions, messages of running calls. It keeps
/// nothing on disk, replicates nothing, checks no rights but the password, and has no Lua, no SQL
/// and no other kinds of indexes, engines or constraints: such requests get error 5
/// (`UNSUPPORTED`). Transactions conflict by space and not by tuple.
///
/// ```
/// use tarantool_testkit::{Fault, RequestType, Server};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = Server::start()?;
/// server.space("users").field("id", "unsigned").field("name", "string").primary_key("id").create()?;
/// server.function("sum", |(a, b): (i64, i64)| Ok(a + b));
/// server.fault(Fault::CloseAfterExecuting).on(RequestType::INSERT).once();
/// println!("listens on {}", server.uri());
/// # Ok(()) }
/// ```
///
/// It ends when this is dropped.
pub struct Server {
    core: Arc<Core>,
    uri: String,
    acceptor: Mutex<Option<JoinHandle<()>>>,
    shared: Arc<Shared>,
    shutdown_timeout: Duration,
    _folder: Option<TempDir>,
}

/// What the accepting thread shares with the handle.
struct Shared {
    is_stopped: AtomicBool,
    connections: Mutex<Vec<Arc<Connection>>>,
    accepted: AtomicU64,
    config: ServerConfig,
}

/// How to start a [`Server`]; made by [`Server::builder`].
#[derive(Clone, Debug)]
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
    /// Where the server listens: [`Listen::Tcp`] by default.
    pub fn listen(mut self, listen: Listen) -> Self {
        self.listen = Some(listen);
        self
    }

    /// Listens nowhere and has no threads: only a [`Link`] can reach the server.
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
            None => (None, "memory".to_owned(), None),
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
        let shared = Arc::new(Shared {
            is_stopped: AtomicBool::new(false),
            connections: Mutex::default(),
            accepted: AtomicU64::new(0),
            config: self.config,
        });
        let acceptor = if let Some(listener) = listener {
            let (core, shared) = (Arc::clone(&core), Arc::clone(&shared));
            let thread = thread::Builder::new().name("embedded-acceptor".into());
            Some(thread.spawn(move || shared.accept(&listener, &core))?)
        } else {
            None
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

impl Server {
    /// Starts a server on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// There is no socket or thread to be had.
    pub fn start() -> io::Result<Self> {
        Self::builder().start()
    }

    /// Sets up a server.
    pub fn builder() -> ServerBuilder {
        ServerBuilder {
            listen: Some(Listen::default()),
            users: HashMap::new(),
            guest_is_admin: true,
            memory_max: 256 << 20,
            tuple_bytes_max: None,
            config: config(),
            shutdown_timeout: Duration::from_secs(3),
        }
    }

    /// The address that a connector takes, such as `127.0.0.1:34567` or `unix/:` and a path.
    #[must_use]
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// Sets up a space.
    pub fn space<'a>(&'a self, name: &str) -> SpaceBuilder<'a> {
        SpaceBuilder::new(self, name)
    }

    /// How many tuples a space has; `None` if there is no such space.
    #[must_use]
    pub fn len(&self, space: &str) -> Option<usize> {
        let database = self.core.database();
        database.space_id(space).and_then(|id| database.len(id).ok())
    }

    /// All rows of a space by primary key.
    ///
    /// # Errors
    /// There is no such space, or a row does not fit `T`.
    pub fn rows<T: DeserializeOwned>(&self, space: &str) -> Result<Vec<T>, ServerError> {
        self.core.rows(space)
    }

    /// Deletes all tuples of a space. Returns whether there is such a space.
    pub fn truncate(&self, space: &str) -> bool {
        let mut database = self.core.database();
        let id = database.space_id(space);
        id.is_some_and(|id| database.truncate(id).is_ok())
    }

    /// Makes a function that clients can call: the arguments as a tuple, `()` if there are none.
    ///
    /// Calls run at the same time in threads of their own, except those of one stream.
    pub fn function<A, R>(
        &self,
        name: &str,
        function: impl Fn(A) -> Result<R, ServerError> + Send + Sync + 'static,
    ) where
        A: DeserializeOwned,
        R: Serialize,
    {
        self.function_with(name, move |_: &Context<'_>, arguments: A| function(arguments));
    }

    /// As [`function`](Self::function), with a [`Context`] to send messages to the caller.
    pub fn function_with<A, R>(
        &self,
        name: &str,
        function: impl Fn(&Context<'_>, A) -> Result<R, ServerError> + Send + Sync + 'static,
    ) where
        A: DeserializeOwned,
        R: Serialize,
    {
        self.core.register(name, function::wrap(function, Returns::One).into());
    }

    /// As [`function_with`](Self::function_with), for a function that returns several values, or
    /// none: the elements of a tuple or a sequence.
    pub fn function_returning_many<A, R>(
        &self,
        name: &str,
        function: impl Fn(&Context<'_>, A) -> Result<R, ServerError> + Send + Sync + 'static,
    ) where
        A: DeserializeOwned,
        R: Serialize,
    {
        self.core.register(name, function::wrap(function, Returns::Many).into());
    }

    /// Gives a key a new value, and tells those who watch it.
    ///
    /// # Errors
    /// The value cannot be serialized.
    pub fn broadcast<T: Serialize + ?Sized>(&self, key: &str, value: &T) -> io::Result<()> {
        let mut bytes = Vec::new();
        write_value(&mut bytes, value).map_err(io::Error::other)?;
        self.core.set_event(key.as_bytes(), bytes);
        self.notify(key.as_bytes());
        Ok(())
    }

    /// Makes something go wrong: by default once, with the next request; see [`FaultRule`].
    pub fn fault(&self, fault: Fault) -> FaultRule {
        self.core.faults.add(fault)
    }

    /// How many requests of a type were executed.
    #[must_use]
    pub fn executed(&self, request: RequestType) -> u64 {
        self.core.executed(request)
    }

    /// How many bytes the tuples of all spaces have.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.core.database().bytes()
    }

    /// How many connections were accepted.
    #[must_use]
    pub fn accepted(&self) -> u64 {
        self.shared.accepted.load(Ordering::SeqCst)
    }

    /// How many connections are open.
    #[must_use]
    pub fn connected(&self) -> usize {
        self.shared.open().len()
    }

    /// Ends all connections at once; the server goes on.
    pub fn disconnect_all(&self) {
        for connection in self.shared.open() {
            connection.close();
        }
    }

    /// Shuts down as the real server does: takes no new connections, tells those who watch
    /// `box.shutdown`, cuts off those who do not, and waits for the others to close; those who
    /// have not within the timeout are cut off too.
    pub fn shutdown(&self) {
        self.stop_accepting();
        self.core.set_event(SHUTDOWN_KEY, vec![0xc3]);
        for connection in self.shared.open() {
            if connection.watches(SHUTDOWN_KEY) {
                connection.notify(SHUTDOWN_KEY);
            } else {
                connection.close();
            }
        }
        let begun = Instant::now();
        while self.connected() > 0 && begun.elapsed() < self.shutdown_timeout {
            thread::sleep(Duration::from_millis(1));
        }
        self.disconnect_all();
    }

    fn stop_accepting(&self) {
        if !self.shared.is_stopped.swap(true, Ordering::SeqCst) {
            socket::wake(&self.uri);
        }
        if let Some(acceptor) = lock(&self.acceptor).take() {
            // It panics only if the process is out of threads or memory.
            let _ = acceptor.join();
        }
    }

    fn protocol(&self, salt: [u8; 32]) -> ServerConnection {
        ServerConnection::new(self.shared.config.clone(), salt)
    }

    fn next_number(&self) -> u64 {
        self.shared.accepted.fetch_add(1, Ordering::SeqCst) + 1
    }

    fn schema_changed(&self) {
        if self.core.note_schema() {
            self.notify(SCHEMA_KEY);
        }
    }

    fn notify(&self, key: &[u8]) {
        for connection in self.shared.open() {
            connection.notify(key);
        }
    }
}

impl Shared {
    fn accept(&self, listener: &Listener, core: &Arc<Core>) {
        while !self.is_stopped.load(Ordering::SeqCst) {
            let Ok(stream) = listener.accept() else {
                // Too many open files, perhaps: others may close theirs.
                thread::sleep(Duration::from_millis(10));
                continue;
            };
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

    fn open(&self) -> Vec<Arc<Connection>> {
        let mut connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        connections.retain(|connection| !connection.is_over());
        connections.clone()
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

fn salt_from(mut random: impl FnMut() -> u64) -> [u8; 32] {
    let mut salt = [0; 32];
    for part in salt.chunks_mut(8) {
        part.iter_mut().zip(random().to_le_bytes()).for_each(|(byte, random)| *byte = random);
    }
    salt
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop_accepting();
        self.disconnect_all();
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("uri", &self.uri).finish_non_exhaustive()
    }
}
