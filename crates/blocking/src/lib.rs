//! Blocking Tarantool connector.
//!
//! Any number of threads share one connection, without a thread or a runtime of its own: the
//! threads that call drive the socket. A call alone costs one write and one read; calls of many
//! threads share both.
//!
//! ```no_run
//! use serde::{Deserialize, Serialize};
//! use tarantool_blocking::{IteratorType, connect, request::Replace};
//!
//! #[derive(Serialize, Deserialize)]
//! struct User { id: u64, name: String, age: u32 }
//!
//! # fn main() -> Result<(), tarantool_blocking::Error> {
//! let client = connect("tarantool://app:secret@localhost:3301")?;
//! let users = client.space::<User>("users");
//! users.replace(&User { id: 1, name: "Ann".into(), age: 30 })?;
//! let adults: Vec<User> = users.index("age").select(18).iterator(IteratorType::Ge).limit(100).send()?;
//!
//! std::thread::scope(|scope| {                             // threads share the one connection
//!     for id in 0..8 {
//!         let users = users.clone();
//!         scope.spawn(move || users.get(id));
//!     }
//! });
//!
//! let pending: Vec<_> = (0..500_u64)                       // one thread, many requests under way
//!     .map(|id| client.submit(Replace::into("log").row((id, "text"))))
//!     .collect();
//! for reply in pending {
//!     reply.wait()?;
//! }
//! println!("{} adults", adults.len());
//! # Ok(())
//! # }
//! ```
//!
//! The [guide](tarantool_client::guide::getting_started) has a server for it.
//!
//! Unix only for now: it needs writes that don't block on a socket whose reads do.
//!
//! The [guide](tarantool_client::guide) tells what there is, page by page.

#![cfg(unix)]

mod connecting;
mod socket;

use std::time::Duration;

pub use tarantool_client::Blocking;
use tarantool_client::Opening;
pub use tarantool_client::{
    Address, AuthMethod, Batching, BlockingChanges as Changes, Capability, Change, Column, Config,
    ConfigError, ConnectionError, ConnectionEvent, Error, ErrorCode, ErrorKind, Executed, Follow,
    FollowError, Histogram, Isolation, IteratorType, OnRefused, Operation, Outcome, Page, Position,
    Prepared, Response, SendError, ServerError, ServerInfo, Statement, Stats, Status, Submitted,
    Unsupported, Vclock, Version, WatchedValue, msgpack, named, ops, request, types,
};

use crate::connecting::Sockets;

/// The handle: every verb waits and returns its result.
pub type Client = tarantool_client::Client<Blocking>;
/// Requests that the server executes one after another.
pub type Stream = tarantool_client::Stream<Blocking>;
/// What is done at once or not at all.
pub type Transaction = tarantool_client::Transaction<Blocking>;
/// What a transaction is to be.
pub type TransactionBuilder = tarantool_client::TransactionBuilder<Blocking>;
/// An SQL statement that is prepared when needed.
pub type Sql = tarantool_client::Sql<Blocking>;
/// A space with typed rows.
pub type Space<T> = tarantool_client::Space<T, Blocking>;
/// A select that is being made up.
pub type Select<'a, K, T, R = ()> = tarantool_client::Select<'a, K, T, Blocking, R>;
/// An index of a space.
pub type Index<T> = tarantool_client::Index<T, Blocking>;
/// Rows page after page: an iterator.
///
/// ```no_run
/// # fn main() -> Result<(), tarantool_blocking::Error> {
/// let client = tarantool_blocking::connect("tarantool://localhost:3301")?;
/// let users = client.space::<(u64, String)>("users");
/// for page in users.select(()).pages(1000) {                        // server 2.11
///     println!("{} more", page?.len());
/// }
/// for page in users.select(()).pages_by_key(1000, |user| user.0) {  // any server
///     println!("{} more", page?.len());
/// }
/// # Ok(()) }
/// ```
pub type Pages<T> = tarantool_client::Pages<T, Blocking>;

/// The values of a watched key: an iterator.
///
/// ```no_run
/// # fn main() -> Result<(), tarantool_blocking::Error> {
/// let client = tarantool_blocking::connect("tarantool://localhost:3301")?;
/// for change in client.watch("config") {                            // server 2.10
///     let config: Option<(String, u64)> = change.decode()?;
///     println!("{config:?}");
/// }
/// # Ok(()) }
/// ```
pub type Watcher = tarantool_client::Watcher<Blocking>;
/// A call that pushes messages while it runs.
///
/// ```no_run
/// # fn main() -> Result<(), tarantool_blocking::Error> {
/// let client = tarantool_blocking::connect("tarantool://localhost:3301")?;
/// let mut import = client.call_with_pushes::<u64, String>("import", ("users.csv",));
/// while let Some(rows) = import.next_push()? {
///     println!("{rows} rows");
/// }
/// println!("{}", import.finish()?);
/// # Ok(()) }
/// ```
pub type CallWithPushes<P, R> = tarantool_client::CallWithPushes<P, R, Blocking>;

/// Connects and logs in. Takes a URI, or a [`Config`] or a reference to one.
///
/// TCP sockets are set to `TCP_NODELAY`: batching is done here, not in the kernel. A host name is
/// resolved by the operating system, whose own time limits apply to that; its addresses are tried
/// in turn within the connect timeout.
///
/// A lost connection is made anew by the threads that wait for replies, and so while one does.
///
/// # Errors
/// The URI is wrong, the server cannot be reached or does not speak the protocol, the login is
/// refused, or the connect timeout passes.
pub fn connect<C>(config: C) -> Result<Client, Error>
where
    C: TryInto<Config>,
    Error: From<C::Error>,
{
    let config = config.try_into()?;
    let sockets = Sockets { tick: tick(&config), limit: config.get_connect_timeout() };
    tarantool_client::connect_blocking(&config, sockets)
}

/// Connects and logs in, and follows the changes of the server, as an anonymous replica does (server
/// 2.3.1). The user needs the role `replication`.
///
/// ```no_run
/// use tarantool_blocking::{Follow, Operation, changes};
///
/// # fn main() -> Result<(), tarantool_blocking::Error> {
/// let follow = Follow::from_snapshot().spaces([512]);
/// for change in changes("tarantool://replicator:secret@localhost:3301", follow)? {
///     let change = change?;                                  // the end of changes is an error
///     match change.operation() {
///         Operation::Insert | Operation::Replace => {
///             let (id, name): (u64, &str) = change.decode()?;
///             println!("{id} is {name}");
///         }
///         Operation::Delete => println!("{:?} goes", change.decode_key::<(u64,)>()?),
///         other => println!("{other:?}"),
///     }
///     println!("to go on later: {:?}", change.vclock());    // Follow::after(vclock)
/// }
/// # Ok(()) }
/// ```
///
/// # Errors
/// As [`connect`]; the user lacks the role; the server is of another replica set than asked for.
pub fn changes<C>(config: C, follow: Follow) -> Result<Changes, Error>
where
    C: TryInto<Config>,
    Error: From<C::Error>,
{
    let config = config.try_into()?;
    let opening = Opening::begin(&config);
    let sockets = Sockets { tick: TICK_MAX, limit: config.get_connect_timeout() };
    let socket = opening.open_blocking(&sockets)?;
    tarantool_client::changes_blocking(&config, &follow, socket, opening.until())
}

/// How long a read may block before it looks at the time: long enough to cost nothing, and short
/// against the timeout of requests, whose last part is waited for exactly.
fn tick(config: &Config) -> Duration {
    match config.get_request_timeout() {
        Some(limit) => (limit / 8).clamp(TICK_MIN, TICK_MAX),
        None => TICK_MAX,
    }
}

const TICK_MIN: Duration = Duration::from_millis(10);
const TICK_MAX: Duration = Duration::from_secs(1);
