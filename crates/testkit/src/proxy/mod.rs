//! A proxy that breaks connections on purpose.

mod joint;

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use self::joint::Shared;
use crate::socket::Listener;

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the client: requests.
    ToServer,
    /// From the server: the greeting, replies, events.
    ToClient,
}

/// A TCP proxy between clients and any server, which breaks their connections as networks do.
///
/// It knows nothing of the protocol: what it cuts, it cuts wherever it happens to be. Everything can
/// be changed at any time and from any thread. It ends, with all of its connections, when this is
/// dropped.
///
/// ```
/// use tarantool_blocking::{Config, Outcome, connect};
/// use tarantool_testkit::{Direction, Proxy, Server};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = Server::start()?;
/// let proxy = Proxy::start(server.uri())?;
/// let config = Config::parse(proxy.uri())?.reconnect(false);
/// let client = connect(config)?;
/// client.ping()?;
/// proxy.cut_after(Direction::ToClient, 5); // in the middle of the reply
/// assert_eq!(client.ping().unwrap_err().outcome(), Outcome::MaybeExecuted);
/// proxy.refuse(true)?;
/// assert!(connect(proxy.uri()).is_err());
/// proxy.refuse(false)?;
/// connect(proxy.uri())?.ping()?;
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Proxy {
    uri: String,
    shared: Arc<Shared>,
    /// `None`: nobody listens.
    acceptor: Mutex<Option<JoinHandle<()>>>,
}

impl Proxy {
    /// Listens on a free port of 127.0.0.1, for clients of the server at `target`: `host:port` or
    /// `unix/:` and a path. The server need not be there yet.
    ///
    /// # Errors
    /// There is no socket or thread to be had.
    pub fn start(target: impl Into<String>) -> io::Result<Self> {
        let (listener, uri) = Listener::tcp(IpAddr::V4(Ipv4Addr::LOCALHOST))?;
        let shared = Arc::new(Shared::new(target.into()));
        let acceptor = Mutex::new(Some(shared.listen(listener)?));
        Ok(Self { uri, shared, acceptor })
    }

    /// The address that a connector takes, such as `127.0.0.1:34567`. It stays the same.
    #[must_use]
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// Sends the connections that are made from now on to another server; the present ones stay.
    pub fn target(&self, target: impl Into<String>) {
        self.shared.state().target = target.into();
    }

    /// Cuts one connection, once, when this many more bytes have gone in this direction, over all
    /// connections together: those are delivered, and then both ends see the end of the stream. It
    /// befalls the connection that carries the last of these bytes; with 0, the one that carries the
    /// next byte, which is not delivered.
    pub fn cut_after(&self, direction: Direction, bytes: u64) {
        self.shared.state().way(direction).cut_after = Some(bytes);
    }

    /// Cuts all connections at once; new ones are accepted.
    pub fn cut_now(&self) {
        let joints = std::mem::take(&mut self.shared.state().joints);
        for joint in &joints {
            self.shared.cut(joint);
        }
    }

    /// Keeps taking bytes in this direction and loses them, and the end of the stream too: a
    /// half-open connection, whose other side knows nothing. In both directions, it is a network
    /// that is gone.
    ///
    /// When it ends, connections that have lost something are cut, for there is no stream with a
    /// gap; see [`hold`](Self::hold) for bytes that come late.
    pub fn black_hole(&self, direction: Direction, yes: bool) {
        self.shared.state().way(direction).is_black_hole = yes;
        if !yes {
            self.shared.cut_with_gaps(direction);
        }
        self.shared.look_up();
    }

    /// Passes nothing on in this direction until it is told to go on: what comes meanwhile waits in
    /// the buffers of the system, and who writes much has to wait.
    pub fn hold(&self, direction: Direction, yes: bool) {
        self.shared.state().way(direction).is_held = yes;
        self.shared.look_up();
    }

    /// Passes bytes on this much later, in both directions: those that are read together, 64 KiB at
    /// most, together. None by default.
    pub fn delay(&self, time: Duration) {
        self.shared.state().delay = time;
        self.shared.look_up();
    }

    /// Does not listen, so that connects are refused, until it is told to listen at the same address
    /// again. Connections that are there stay.
    ///
    /// # Errors
    /// Another process has taken the port for more than 10 seconds, or there is no thread.
    pub fn refuse(&self, yes: bool) -> io::Result<()> {
        let mut acceptor = self.acceptor.lock().unwrap_or_else(PoisonError::into_inner);
        if yes {
            if let Some(thread) = acceptor.take() {
                self.shared.stop(thread, &self.uri);
            }
        } else if acceptor.is_none() {
            let listener = Listener::again(&self.uri)?;
            *acceptor = Some(self.shared.listen(listener)?);
        }
        Ok(())
    }

    /// Accepts connections and lets no server hear of them: they get no greeting. Those made
    /// meanwhile stay silent until they are cut.
    pub fn stay_silent(&self, yes: bool) {
        self.shared.state().is_silent = yes;
    }

    /// How many connections were accepted.
    #[must_use]
    pub fn accepted(&self) -> u64 {
        self.shared.state().accepted
    }

    /// How many connections are open.
    #[must_use]
    pub fn connected(&self) -> usize {
        self.shared.state().joints.len()
    }

    /// How many bytes were passed on in this direction, over all connections.
    #[must_use]
    pub fn passed(&self, direction: Direction) -> u64 {
        self.shared.state().way(direction).passed
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // Only to listen again may fail.
        let _ = self.refuse(true);
        self.cut_now();
    }
}
