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
//!     users.insert(&User { id: 1, name: "Ann".into(), age: 30 }).await?;
//!     let ann: Option<User> = users.get(1).await?;
//!     let adults: Vec<User> = users.index("age").select(18).iterator(IteratorType::Ge).limit(100).await?;
//!     users.update(1, ops().add("age", 1).assign("name", "Anna")).await?;
//!
//!     let total: u64 = client.call("total_age", ()).await?;
//!     Ok(())
//! }
//! ```
//!
//! The types are those of `tarantool-client`, the same on every asynchronous runtime. This crate
//! adds sockets, a timer and the task that drives the connection. It works on the current-thread
//! and on the multi-thread runtime; the runtime needs `enable_all`, that is I/O and time.

mod io;

use std::future::Future;
use std::time::Instant;

use tarantool_client::Drive;
pub use tarantool_client::{
    Address, Batching, Client, Config, ConfigError, ConnectionError, Error, ErrorCode, ErrorKind,
    Index, IteratorType, Outcome, Pending, Response, Select, ServerError, ServerInfo, Space, Stats,
    msgpack, ops, request, types,
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;

use crate::io::{Alarm, Stream};

/// Connects and logs in, and spawns the task that drives the connection.
///
/// Takes a URI or a [`Config`]. TCP sockets are set to `TCP_NODELAY`: batching is done here, not in
/// the kernel.
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
    let until = config.connect_limit().and_then(|limit| Instant::now().checked_add(limit));
    match config.address() {
        Address::Tcp { host, port } => {
            let opening = TcpStream::connect((host.as_str(), *port));
            let stream = open(&config, until, opening).await?;
            if let Err(error) = stream.set_nodelay(true) {
                return Err(cannot_reach(&config, &error));
            }
            start(&config, stream, until).await
        }
        #[cfg(unix)]
        Address::Unix(path) => {
            let stream = open(&config, until, UnixStream::connect(path)).await?;
            start(&config, stream, until).await
        }
        other => {
            let text = format!("{other} is no kind of address that this platform has");
            Err(Error::connect(&other.to_string(), ConnectionError::Transport(text.into())))
        }
    }
}

/// As [`connect`], over a stream that is open: through a proxy, over TLS, in memory. The address of
/// `config` serves for messages only.
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
    let until = config.connect_limit().and_then(|limit| Instant::now().checked_add(limit));
    start(config, stream, until).await
}

async fn start<S>(config: &Config, stream: S, until: Option<Instant>) -> Result<Client, Error>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (client, driver) = tarantool_client::connect(config, until);
    tokio::spawn(Drive::new(driver, Stream(stream), Alarm::new()));
    client.ready().await?;
    Ok(client)
}

/// Awaits a socket, no longer than `until`.
async fn open<S>(
    config: &Config,
    until: Option<Instant>,
    opening: impl Future<Output = std::io::Result<S>>,
) -> Result<S, Error> {
    let opened = match until {
        Some(until) => match tokio::time::timeout_at(until.into(), opening).await {
            Ok(opened) => opened,
            Err(_) => Err(std::io::ErrorKind::TimedOut.into()),
        },
        None => opening.await,
    };
    opened.map_err(|error| cannot_reach(config, &error))
}

fn cannot_reach(config: &Config, error: &std::io::Error) -> Error {
    let error = ConnectionError::Transport(error.to_string().into());
    Error::connect(&config.address().to_string(), error)
}
