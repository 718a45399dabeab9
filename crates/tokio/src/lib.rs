//! Tarantool connector for tokio.
//!
//! Any number of tasks share one connection: their requests leave together in few writes, and code
//! reads as if it were sequential.
//!
//! ```no_run
//! use serde::{Deserialize, Serialize};
//! use tarantool_tokio::{Error, IteratorType, connect, ops};
//!
//! #[derive(Debug, Serialize, Deserialize)]
//! struct User { id: u64, name: String, age: u32 }
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Error> {
//!     let client = connect("tarantool://app:secret@localhost:3301").await?;
//!     let users = client.space::<User>("users");                     // by name, or by number
//!
//!     users.replace(&User { id: 1, name: "Ann".into(), age: 30 }).await?;
//!     let ann: Option<User> = users.get(1).await?;
//!     let adults: Vec<User> = users.index("age").select(18).iterator(IteratorType::Ge).limit(100).await?;
//!     users.update(1, ops().add("age", 1).assign("name", "Anna")).await?;
//!
//!     let total: u64 = client.call("total_age", ()).await?;
//!     println!("{ann:?}, {} adults, {total} years", adults.len());
//!     Ok(())
//! }
//! ```
//!
//! The [guide](tarantool_client::guide::getting_started) has a server for it.
//!
//! The types are those of `tarantool-client`, the same on every asynchronous runtime. This crate
//! adds sockets, a timer and the task that drives the connection. It works on the current-thread
//! and on the multi-thread runtime; the runtime needs `enable_all`, that is I/O and time.
//!
//! The [guide](tarantool_client::guide) tells what there is, page by page.

mod socket;

use std::future::Future;
use std::io;
use std::time::Duration;

pub use tarantool_client::api::*;
pub use tarantool_client::{Change, Changes, Follow, FollowError, Operation, Vclock};
use tarantool_client::{Drive, Opening, Transport, in_turn, once};
use tokio::io::{AsyncRead, AsyncWrite};
#[cfg(unix)]
use tokio::net::UnixStream;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::sleep;

use crate::socket::{Alarm, Socket};

/// Connects and logs in, and spawns the task that drives the connection.
///
/// Takes a URI, or a [`Config`] or a reference to one. TCP sockets are set to `TCP_NODELAY`:
/// batching is done here, not in the kernel.
///
/// # Errors
/// The URI is wrong, the server cannot be reached or does not speak the protocol, the login is
/// refused, or the connect timeout passes.
///
/// # Panics
/// Outside of a tokio runtime, as every use of its sockets.
pub async fn connect<C>(config: C) -> Result<Client, Error>
where
    C: TryInto<Config>,
    Error: From<C::Error>,
{
    let config = config.try_into()?;
    let limit = config.get_connect_timeout();
    start(&config, move |address| open(address, limit)).await
}

/// As [`connect`], over streams that `open` opens: through a proxy, over TLS. It is called with an
/// address of `config` whenever a connection is needed.
///
/// ```no_run
/// use tarantool_tokio::{Address, Client, Config, Error, connect_with};
/// use tokio::net::TcpStream;
///
/// # async fn example() -> Result<Client, Error> {
/// let config = Config::parse("tarantool://app:secret@db.example:3301")?;
/// connect_with(&config, async |_: Address| TcpStream::connect("localhost:9999").await).await
/// # }
/// ```
///
/// # Errors
/// As [`connect`].
///
/// # Panics
/// Outside of a tokio runtime.
pub async fn connect_with<F, O, S>(config: &Config, mut open: F) -> Result<Client, Error>
where
    F: FnMut(Address) -> O + Clone + Send + Unpin + 'static,
    O: Future<Output = io::Result<S>> + Send + 'static,
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let open = move |address| {
        let opening = open(address);
        async { Ok(Socket(opening.await?)) }
    };
    start(config, open).await
}

/// As [`connect`], over a stream that is open, such as one in memory. The address of `config` serves
/// for messages only, and when the connection is lost there is no other.
///
/// # Errors
/// The peer does not speak the protocol, the login is refused, or the connect timeout passes.
///
/// # Panics
/// Outside of a tokio runtime.
pub async fn connect_over<S>(config: &Config, stream: S) -> Result<Client, Error>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    start(&config.clone().over_one_stream(), once(Socket(stream))).await
}

/// Connects and logs in, and follows the changes of the server, as an anonymous replica does (server
/// 2.3.1). The user needs the role `replication`.
///
/// ```no_run
/// use tarantool_tokio::{Follow, Operation, changes};
///
/// # async fn example() -> Result<(), tarantool_tokio::Error> {
/// let follow = Follow::from_snapshot().spaces([512]);
/// let mut changes = changes("tarantool://replicator:secret@localhost:3301", follow).await?;
/// while let Some(change) = changes.next().await {
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
///
/// # Panics
/// Outside of a tokio runtime.
pub async fn changes<C>(config: C, follow: Follow) -> Result<Changes, Error>
where
    C: TryInto<Config>,
    Error: From<C::Error>,
{
    let config = config.try_into()?;
    let opening = Opening::begin(&config);
    let transport = opening
        .open(Alarm::new(), open(opening.address().clone(), config.get_connect_timeout()))
        .await?;
    opening.changes(&follow, transport, Alarm::new()).await
}

async fn start<F, O, T>(config: &Config, open: F) -> Result<Client, Error>
where
    F: FnMut(Address) -> O + Clone + Send + Unpin + 'static,
    O: Future<Output = io::Result<T>> + Send + 'static,
    T: Transport + Send + 'static,
{
    let (client, drivers) = tarantool_client::connect(config);
    for driver in drivers {
        tokio::spawn(Drive::new(driver, open.clone(), Alarm::new()));
    }
    if !config.is_lazy() {
        client.ready().await?;
    }
    Ok(client)
}

async fn open(address: Address, limit: Option<Duration>) -> io::Result<Box<dyn Transport + Send>> {
    match &address {
        Address::Tcp { host, port } => {
            let addresses = lookup_host((host.as_str(), *port)).await?;
            let stream = in_turn(addresses, limit, sleep, TcpStream::connect).await?;
            stream.set_nodelay(true)?;
            Ok(Box::new(Socket(stream)))
        }
        #[cfg(unix)]
        Address::Unix(path) => Ok(Box::new(Socket(UnixStream::connect(path).await?))),
        _ => Err(address.unsupported()),
    }
}
