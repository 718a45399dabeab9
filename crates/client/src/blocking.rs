//! The blocking client's public face: its socket, its mode, and requests that are waited for later.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use tarantool_proto::Response;
use tarantool_proto::request::Request;

use crate::address::Address;
use crate::client::Client;
use crate::config::Config;
use crate::driver::shared;
use crate::error::Error;
use crate::lead::{Lead, Waits, after};
use crate::life::Status;
use crate::mode::{Mode, sealed};
use crate::pending::Pending;
use crate::sync::now;

/// A socket that threads share: what the blocking adapter gives to [`connect_blocking`].
pub trait Socket: Send + Sync {
    /// Writes some of `output` without blocking.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] if nothing can be written now; any other ends the connection.
    fn send(&self, output: &[u8]) -> io::Result<usize>;

    /// Reads into the end of `input` and returns how much; 0 is the end of the stream. Blocks until
    /// something comes, but not much longer than [`tick`](Self::tick).
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] or [`io::ErrorKind::TimedOut`] if nothing came; any other ends
    /// the connection.
    fn recv(&self, input: &mut BytesMut) -> io::Result<usize>;

    /// Waits until the socket is ready for one of `interest`, at most for `timeout`, and returns
    /// what it is ready for; `None` waits for ever.
    ///
    /// # Errors
    /// Waiting failed, which ends the connection.
    fn wait(&self, interest: Interest, timeout: Option<Duration>) -> io::Result<Interest>;

    /// How long a [`recv`](Self::recv) may block: shorter waits for a deadline go through
    /// [`wait`](Self::wait), which costs a system call more.
    fn tick(&self) -> Duration;

    /// The socket is given up: whoever waits for it returns soon, with whatever result.
    fn shutdown(&self);
}

/// Opens sockets: what the blocking adapter gives to [`connect_blocking`].
pub trait Connector: Send + Sync {
    /// Begins to open a socket to this address.
    ///
    /// # Errors
    /// It cannot be opened.
    fn begin(&self, address: &Address) -> io::Result<Box<dyn Connecting>>;
}

/// A socket that is being opened.
pub trait Connecting: Send {
    /// Waits until the socket is open, at most for `timeout`; `None` waits for ever. `Ok(None)`: not
    /// yet.
    ///
    /// # Errors
    /// It cannot be opened.
    fn wait(&mut self, timeout: Option<Duration>) -> io::Result<Option<Arc<dyn Socket>>>;
}

/// What a socket is to be ready for, or is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Interest {
    /// Something can be read, or the stream has ended.
    pub read: bool,
    /// Something can be written.
    pub write: bool,
}

/// A client whose sockets `connector` opens. Connects, unless it is to be lazy.
///
/// # Errors
/// No address can be connected to.
pub fn connect_blocking(
    config: &Config,
    connector: impl Connector + 'static,
) -> Result<Client<Blocking>, Error> {
    let connector: Arc<dyn Connector> = Arc::new(connector);
    let client = Client::new(config, || {
        let shared = shared(config);
        let lead = Arc::new(Lead::new(Arc::clone(&shared), Arc::clone(&connector)));
        (shared, Blocking { lead })
    });
    if !config.is_lazy {
        client.ready()?;
    }
    Ok(client)
}

/// Calls wait for their replies, driving the socket meanwhile: every verb returns its result.
#[derive(Clone)]
pub struct Blocking {
    lead: Arc<Lead>,
}

impl sealed::Sealed for Blocking {}

impl Blocking {
    pub(crate) fn lead(&self) -> &Lead {
        &self.lead
    }
}

impl Mode for Blocking {
    type Reply<T> = Result<T, Error>;

    #[inline]
    fn reply<T>(&self, pending: Pending<T>) -> Result<T, Error> {
        self.lead.reply(pending)
    }

    fn flush(&self, until: Option<Instant>) {
        self.lead.write_queued(until);
    }

    /// What was submitted and not waited for is still written.
    fn close(&self, timeout: Duration) {
        self.lead.write_queued(after(Some(timeout)));
    }
}

/// How long one of several lanes is driven before the next.
const TURN: Duration = Duration::from_millis(5);

impl Client<Blocking> {
    /// Queues a request and returns without waiting for its reply, so that one thread can have many
    /// under way.
    ///
    /// The first request on an idle connection is written at once. Others are written together,
    /// when there are enough for a full write, when the server has nothing to do and half of the
    /// replies that came are taken, when a thread waits for a reply, or by [`flush`](Self::flush). It
    /// waits for the socket only while another thread reads and the server goes on taking bytes. At
    /// the limit of requests in flight or of queued bytes, or without a connection, it drives until
    /// there is a place, for the request timeout at most.
    pub fn submit<R: Request>(&self, request: R) -> Submitted<Response> {
        let lane = self.next_lane();
        let pending = self.start(lane, &request, |response, _| Ok(response));
        let lead = Arc::clone(&lane.mode.lead);
        lead.after_submit(self.timeout());
        Submitted { pending, lead }
    }

    /// Writes all that was submitted, or as much of it as the server takes within the request
    /// timeout.
    pub fn flush(&self) {
        let until = after(self.timeout());
        self.all_lanes().for_each(|lane| lane.mode.lead.write_all(until));
    }

    /// Waits until there is a connection, on every lane.
    ///
    /// # Errors
    /// The client was over before.
    pub fn ready(&self) -> Result<(), Error> {
        self.all_lanes().try_for_each(|lane| lane.mode.lead.open())
    }

    /// Waits until the client is over, on every lane, and its connections are closed, driving them
    /// meanwhile; [`failure`](Self::failure) says why. After a [`close`](Self::close) that takes the
    /// [close timeout](crate::Config::close_timeout) at most, unless the name of a host is just being
    /// looked up, which cannot be broken off.
    pub fn closed(&self) {
        let lanes: Vec<_> = self.all_lanes().map(|lane| &lane.mode.lead).collect();
        // Of several each gets its turn.
        let turn = (lanes.len() > 1).then_some(TURN);
        while lanes.iter().filter(|lead| !lead.closed(turn)).count() > 0 {}
    }

    /// Waits until the status is another than `seen`, for `timeout` at most, and returns it. Drives
    /// the connection meanwhile.
    pub fn status_changed(&self, seen: &Status, timeout: Duration) -> Status {
        let until = after(Some(timeout));
        self.lane.mode.lead.drive_until(Waits::Briefly { until }, |state| {
            let status = state.life.status(&state.session);
            let is_late = until.is_some_and(|until| until <= now());
            (status != *seen || is_late).then_some(status)
        })
    }
}

/// The reply to a request that was [submitted](Client::submit).
///
/// Dropping it stops the wait, not the request: unless that still waits, on servers before 3.0, for
/// the schema that a name is looked up in; then it is never sent.
#[must_use = "a request's errors are seen only by waiting for its reply"]
#[derive(Debug)]
pub struct Submitted<T> {
    pending: Pending<T>,
    lead: Arc<Lead>,
}

impl<T> Submitted<T> {
    /// Waits for the reply.
    ///
    /// # Errors
    /// As every verb: see [`Error`].
    pub fn wait(self) -> Result<T, Error> {
        self.lead.reply(self.pending)
    }
}

impl fmt::Debug for Blocking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lead.fmt(f)
    }
}
