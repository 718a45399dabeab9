//! What adapters do while a connection for a server's changes is being opened, whatever the runtime.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Instant;

use tarantool_proto::ConnectionError;

use crate::address::Address;
use crate::blocking::{Connector, Socket};
use crate::changes::{Changes, Follow};
use crate::config::Config;
use crate::drive::{Timer, Transport};
use crate::error::Error;
use crate::lead::left;

/// A connection that is being opened: its time limit, and the errors that name its address.
///
/// For a server's changes, whose connection is not made anew. An adapter makes one, opens its
/// transport with it, and is done with [`changes`](Self::changes).
#[derive(Clone, Copy, Debug)]
pub struct Opening<'a> {
    config: &'a Config,
    until: Option<Instant>,
}

impl<'a> Opening<'a> {
    /// The connect timeout of `config` runs from now on.
    #[must_use]
    pub fn begin(config: &'a Config) -> Self {
        let until =
            config.get_connect_timeout().and_then(|limit| Instant::now().checked_add(limit));
        Self { config, until }
    }

    /// Where to connect to: changes are those of one server.
    #[must_use]
    pub fn address(&self) -> &'a Address {
        self.config.first_address()
    }

    /// When the connection must be open and the login done; `None`: no limit.
    #[must_use]
    pub const fn until(&self) -> Option<Instant> {
        self.until
    }

    /// Awaits the opening of a transport, no longer than the connect timeout.
    ///
    /// # Errors
    /// It fails, or takes too long.
    pub async fn open<S>(
        &self,
        mut timer: impl Timer,
        opening: impl Future<Output = io::Result<S>>,
    ) -> Result<S, Error> {
        let mut opening = pin!(opening);
        let opened = poll_fn(|cx| {
            if let Poll::Ready(opened) = opening.as_mut().poll(cx) {
                return Poll::Ready(opened);
            }
            match self.until {
                Some(until) if timer.poll_deadline(cx, until).is_ready() => {
                    Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
                }
                _ => Poll::Pending,
            }
        });
        opened.await.map_err(|error| self.failed(&error))
    }

    /// Opens a socket, no longer than the connect timeout.
    ///
    /// # Errors
    /// It fails, or takes too long.
    pub fn open_blocking(&self, connector: &impl Connector) -> Result<Arc<dyn Socket>, Error> {
        let open = || {
            let mut connecting = connector.begin(self.address())?;
            loop {
                let left = left(self.until);
                match connecting.wait(left)? {
                    Some(socket) => return Ok(socket),
                    None if left.is_some_and(|left| left.is_zero()) => {
                        return Err(io::ErrorKind::TimedOut.into());
                    }
                    None => {}
                }
            }
        };
        open().map_err(|error| self.failed(&error))
    }

    /// The error for a transport that could not be opened.
    #[must_use]
    pub fn failed(&self, error: &io::Error) -> Error {
        Error::connect(self.address(), ConnectionError::Transport(error.to_string().into()))
    }

    /// The transport is open: the changes of the server, once it has accepted.
    ///
    /// # Errors
    /// The peer does not speak the protocol, the login is refused, the user lacks the role
    /// `replication`, the server is of another replica set, or time is up.
    pub async fn changes<T, S>(
        &self,
        follow: &Follow,
        transport: T,
        timer: S,
    ) -> Result<Changes, Error>
    where
        T: Transport + Send + 'static,
        S: Timer + Send + 'static,
    {
        Changes::open(self.config, follow, transport, timer, self.until).await
    }
}
