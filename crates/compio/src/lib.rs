//! Tarantool connector for compio.
//!
//! Any number of tasks share one connection: their requests leave together in few writes, and code
//! reads as if it were sequential.
//!
//! ```no_run
//! use serde::{Deserialize, Serialize};
//! use tarantool_compio::{Error, IteratorType, connect, ops};
//!
//! #[derive(Debug, Serialize, Deserialize)]
//! struct User { id: u64, name: String, age: u32 }
//!
//! fn main() -> Result<(), Error> {
//!     compio::runtime::Runtime::new().unwrap().block_on(async {
//!         let client = connect("tarantool://app:secret@localhost:3301").await?;
//!         let users = client.space::<User>("users");                     // by name, or by number
//!
//!         users.replace(&User { id: 1, name: "Ann".into(), age: 30 }).await?;
//!         let ann: Option<User> = users.get(1).await?;
//!         let adults: Vec<User> = users.index("age").select(18).iterator(IteratorType::Ge).limit(100).await?;
//!         users.update(1, ops().add("age", 1).assign("name", "Anna")).await?;
//!
//!         let total: u64 = client.call("total_age", ()).await?;
//!         println!("{ann:?}, {} adults, {total} years", adults.len());
//!         Ok(())
//!     })
//! }
//! ```
//!
//! The [guide](tarantool_client::guide::getting_started) has a server for it.
//!
//! The types are those of `tarantool-client`, the same on every asynchronous runtime. This crate
//! adds sockets, a timer and the task that drives the connection.
//!
//! **Experimental**, as compio's own interface still changes. Buffers move into each read and write
//! and come back with its completion (io_uring on Linux, IOCP on Windows; where the kernel has no
//! io_uring, compio falls back to readiness). A compio task stays on its thread, the client does not:
//! it may be used on any thread, while the runtime that it was made on drives its connection.
//!
//! **Wakes from other threads** go through a queue of the runtime, of 64 places by default: while it
//! is full, compio lets the thread that wakes spin (it yields and tries again) until the runtime has
//! made room. This concerns clients that are used on other threads, and replies that tasks of a
//! compio runtime elsewhere await. Where many tasks are woken so, or the runtime is kept busy for
//! long at a time, give it a larger queue: `RuntimeBuilder::sync_queue_size`.
//!
//! The [guide](tarantool_client::guide) tells what there is, page by page.

mod drive;

use std::future::Future;
use std::io;
use std::time::Duration;

use compio::io::{AsyncRead, AsyncWrite};
#[cfg(unix)]
use compio::net::UnixStream;
use compio::net::{TcpStream, ToSocketAddrsAsync};
use compio::time::sleep;
pub use tarantool_client::api::*;
use tarantool_client::{in_turn, once};

use crate::drive::{Link, drive};

/// Connects and logs in, and spawns the task that drives the connection on this runtime.
///
/// Takes a URI, or a [`Config`] or a reference to one. TCP sockets are set to `TCP_NODELAY`:
/// batching is done here, not in the kernel.
///
/// # Errors
/// The URI is wrong, the server cannot be reached or does not speak the protocol, the login is
/// refused, or the connect timeout passes.
///
/// # Panics
/// Outside of a compio runtime, as every use of its sockets.
pub async fn connect<C>(config: C) -> Result<Client, Error>
where
    C: TryInto<Config>,
    Error: From<C::Error>,
{
    let config = config.try_into()?;
    let limit = config.get_connect_timeout();
    start(&config, move |address| open(address, limit)).await
}

/// As [`connect`], over streams that `open` opens, as their two halves: through a proxy, over TLS. It
/// is called with an address of `config` whenever a connection is needed.
///
/// # Errors
/// As [`connect`].
///
/// # Panics
/// Outside of a compio runtime.
pub async fn connect_with<F, O, R, W>(config: &Config, mut open: F) -> Result<Client, Error>
where
    F: FnMut(Address) -> O + Clone + 'static,
    O: Future<Output = io::Result<(R, W)>> + 'static,
    R: AsyncRead + 'static,
    W: AsyncWrite + 'static,
{
    let open = move |address| {
        let opening = open(address);
        async { Ok(Box::new(opening.await?) as Link) }
    };
    start(config, open).await
}

/// As [`connect`], over the two halves of a stream that is open, such as one in memory. The address of
/// `config` serves for messages only, and when the connection is lost there is no other.
///
/// # Errors
/// The peer does not speak the protocol, the login is refused, or the connect timeout passes.
///
/// # Panics
/// Outside of a compio runtime.
pub async fn connect_over<R, W>(config: &Config, reader: R, writer: W) -> Result<Client, Error>
where
    R: AsyncRead + 'static,
    W: AsyncWrite + 'static,
{
    let link = Box::new((reader, writer)) as Link;
    start(&config.clone().over_one_stream(), once(link)).await
}

async fn start<F, O>(config: &Config, open: F) -> Result<Client, Error>
where
    F: FnMut(Address) -> O + Clone + 'static,
    O: Future<Output = io::Result<Link>> + 'static,
{
    let (client, drivers) = tarantool_client::connect(config);
    for driver in drivers {
        compio::runtime::spawn(drive(driver, open.clone())).detach();
    }
    if !config.is_lazy() {
        client.ready().await?;
    }
    Ok(client)
}

async fn open(address: Address, limit: Option<Duration>) -> io::Result<Link> {
    match &address {
        Address::Tcp { host, port } => {
            let addresses = (host.as_str(), *port).to_socket_addrs_async().await?;
            let stream = in_turn(addresses, limit, sleep, TcpStream::connect).await?;
            stream.set_nodelay(true)?;
            Ok(Box::new(stream.into_split()))
        }
        #[cfg(unix)]
        Address::Unix(path) => Ok(Box::new(UnixStream::connect(path).await?.into_split())),
        _ => Err(address.unsupported()),
    }
}
