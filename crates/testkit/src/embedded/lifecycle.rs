//! What befalls an embedded server as a whole: its end, its restart, a pause.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use super::Server;
use super::core::{SHUTDOWN_KEY, lock};
use crate::socket::Listener;

/// Where a server listens that no socket can reach.
pub(super) const MEMORY: &str = "memory";

/// # Its end, and a new beginning
///
/// ```
/// use tarantool_blocking::connect;
/// use tarantool_testkit::Server;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = Server::start()?;
/// server.space("log").field("id", "unsigned").primary_key("id").create()?;
/// let log = connect(server.uri())?.space::<(u64,)>("log");
/// log.insert(&(1,))?;
/// server.kill();
/// assert!(connect(server.uri()).is_err());
/// server.restart()?;
/// assert_eq!(log.get(1)?, Some((1,)));                      // over another connection
/// # Ok(()) }
/// ```
///
/// None of these concerns [`Link`](crate::Link) and [`RawLink`](crate::RawLink), which have no
/// sockets. Functions that run are not interrupted; nobody gets their results.
impl Server {
    /// Ends all connections at once; the server goes on.
    pub fn disconnect_all(&self) {
        for connection in self.shared.open() {
            connection.close();
        }
    }

    /// Takes no new connections: connects are refused. Those that are there stay.
    pub fn stop_listening(&self) {
        if let Some(thread) = lock(&self.acceptor).take() {
            self.shared.stop(thread, &self.core, &self.uri);
        }
    }

    /// Listens again, at the same address, after [`stop_listening`](Self::stop_listening),
    /// [`kill`](Self::kill) or [`shutdown`](Self::shutdown). After the latter, those who watch
    /// `box.shutdown` still learn that the server goes; [`restart`](Self::restart) forgets it.
    ///
    /// # Errors
    /// Another process has taken the port for more than 10 seconds, or there is no thread.
    pub fn listen_again(&self) -> io::Result<()> {
        let mut acceptor = lock(&self.acceptor);
        if acceptor.is_none() && self.uri != MEMORY {
            let listener = Listener::again(&self.uri)?;
            *acceptor = Some(self.shared.listen(listener, &self.core)?);
        }
        Ok(())
    }

    /// Ends it as `kill -9` does: takes no new connections and cuts the present ones, telling
    /// nobody. Transactions are rolled back, and requests that were read and not executed never
    /// will be. What was written stays, for [`restart`](Self::restart).
    pub fn kill(&self) {
        self.stop_listening();
        self.disconnect_all();
        self.core.gate.open();
    }

    /// Starts it again at the same address, after it was [killed](Self::kill) if it still ran: data,
    /// functions, users and faults are there as before, and so are the counters; values of keys
    /// that were [broadcast](Self::broadcast) are not. As a real server with its log.
    ///
    /// # Errors
    /// Those of [`listen_again`](Self::listen_again).
    pub fn restart(&self) -> io::Result<()> {
        self.kill();
        self.core.forget_events();
        self.listen_again()
    }

    /// Shuts down as the real server does: takes no new connections, tells those who watch
    /// `box.shutdown`, cuts off those who do not, and waits for the others to close; those who
    /// have not within the timeout are cut off too. A paused server goes on first.
    pub fn shutdown(&self) {
        self.core.gate.open();
        self.stop_listening();
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

    /// Neither reads nor writes any more, as a process after SIGSTOP: connections stay open, new
    /// ones are accepted by the system, and nobody is answered, until [`resume`](Self::resume).
    pub fn pause(&self) {
        self.core.gate.close();
    }

    /// Lets a paused server go on: it executes what has come meanwhile.
    pub fn resume(&self) {
        self.core.gate.open();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}
