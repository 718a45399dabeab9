//! The embedded server.

mod builder;
mod connection;
mod core;
mod endpoint;
mod fault;
mod function;
mod gate;
mod lifecycle;
mod link;
mod listening;
mod output;
mod raw;
#[cfg(test)]
mod replay;
#[cfg(test)]
mod replay_events;
mod session;
mod space;
mod transaction;
mod tuple_ext;

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;
use std::{fmt, io};

use serde::Serialize;
use serde::de::DeserializeOwned;
use tarantool_proto::msgpack::write_value;
use tarantool_proto::server::ServerConnection;
use tarantool_proto::{RequestType, ServerError};
use tempfile::TempDir;

pub use self::builder::ServerBuilder;
pub use self::fault::{Fault, FaultRule};
pub use self::function::Context;
pub use self::link::{Conditions, Link};
pub use self::raw::RawLink;
pub use self::space::{FieldNames, SchemaError, SpaceBuilder};

use self::core::{Core, SCHEMA_KEY};
use self::function::Returns;
use self::listening::Shared;

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
    /// `None`: nobody listens.
    acceptor: Mutex<Option<JoinHandle<()>>>,
    shared: Arc<Shared>,
    shutdown_timeout: Duration,
    _folder: Option<TempDir>,
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
        ServerBuilder::new()
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

    /// Gives a user a password, and makes that user if there is none. Those who are logged in stay
    /// so.
    pub fn set_password(&self, user: impl Into<String>, password: impl Into<String>) {
        self.core.set_password(user.into(), Some(password.into()));
    }

    /// Removes a user, who cannot log in any more. Returns whether there was one. Those who are
    /// logged in stay so.
    pub fn remove_user(&self, user: &str) -> bool {
        self.core.set_password(user.to_owned(), None)
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

    /// How many connections were accepted, over all restarts.
    #[must_use]
    pub fn accepted(&self) -> u64 {
        self.shared.accepted.load(Ordering::SeqCst)
    }

    /// How many connections are open.
    #[must_use]
    pub fn connected(&self) -> usize {
        self.shared.open().len()
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

fn salt_from(mut random: impl FnMut() -> u64) -> [u8; 32] {
    let mut salt = [0; 32];
    for part in salt.chunks_mut(8) {
        part.iter_mut().zip(random().to_le_bytes()).for_each(|(byte, random)| *byte = random);
    }
    salt
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("uri", &self.uri).finish_non_exhaustive()
    }
}
