//! Where and how to connect.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tarantool_proto::session::{Backoff, Heartbeat, OnRefused, SessionConfig, WhileDown};
use tarantool_proto::{AuthMethod, Batching, Credentials, Password};

use crate::address::Address;
use crate::life::{ConnectionEvent, Hook};
use crate::uri;

/// Where and how to connect: from a URI, a builder, or both.
///
/// ```
/// use std::time::Duration;
/// use tarantool_client::Config;
///
/// let config = Config::parse("tarantool://app:secret@localhost:3301?connect_timeout=2")?
///     .request_timeout(Duration::from_secs(10));
/// assert_eq!(config.to_string(), "app@localhost:3301");              // never the password
/// # Ok::<(), tarantool_client::ConfigError>(())
/// ```
///
/// # Forms of URI
///
/// | form | |
/// |---|---|
/// | `user:password@host:port` | as Tarantool writes it; user and password are optional, the port is 3301 if absent |
/// | `unix/:path`, `user:password@unix/:path` | a Unix domain socket, as Tarantool writes it |
/// | `tarantool://user:password@host:port?…` | with options |
/// | `user@host1:port,host2:port` | several addresses, tried in this order |
///
/// User and password are percent-decoded. Options: `connect_timeout`, `request_timeout`,
/// `close_timeout`, `heartbeat` and `heartbeat_timeout` in seconds (`2`, `0.5`) or milliseconds
/// (`500ms`), `0` for none; `reconnect=false`; `in_flight_max`; `queued_bytes_max`,
/// `held_bytes_max` and `packet_bytes_max` in bytes; and those that the methods name.
#[derive(Clone, PartialEq, Eq)]
pub struct Config {
    /// At least one.
    pub(crate) addresses: Vec<Address>,
    pub(crate) session: SessionConfig,
    pub(crate) request_timeout: Option<Duration>,
    pub(crate) close_timeout: Duration,
    pub(crate) is_lazy: bool,
    /// How many connections requests take in turn, and the names of others.
    pub(crate) lanes: usize,
    pub(crate) named_lanes: Vec<Box<str>>,
    pub(crate) round_trips: bool,
    pub(crate) hook: Option<Hook>,
}

const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
const WAITING_MAX: usize = 1 << 20;
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

impl Config {
    /// Connects to this address as the user `guest`, with default limits: 5 s to connect, 30 s for
    /// a request.
    #[must_use]
    pub fn new(address: Address) -> Self {
        let mut session = SessionConfig::default();
        session.retry_first = false;
        session.waiting_max = WAITING_MAX;
        Self {
            addresses: vec![address],
            session,
            request_timeout: Some(REQUEST_TIMEOUT),
            close_timeout: CLOSE_TIMEOUT,
            is_lazy: false,
            lanes: 1,
            named_lanes: Vec::new(),
            round_trips: false,
            hook: None,
        }
    }

    /// Another address, to be connected to when those before can't be, or are lost. Any number may
    /// be given; they are tried in their order. In a URI: `host1:3301,host2:3301`.
    #[must_use]
    pub fn or_address(mut self, address: Address) -> Self {
        self.addresses.push(address);
        self
    }

    /// Logs in as this user; without one the session belongs to `guest`.
    #[must_use]
    pub fn user(mut self, user: impl Into<Box<str>>) -> Self {
        let password = self.session.connection.credentials.take().map(|login| login.password);
        let password = password.unwrap_or_default();
        self.session.connection.credentials = Some(Credentials { user: user.into(), password });
        self
    }

    /// The password of the user; never printed. Without a [`user`](Self::user) it is that of
    /// `guest`.
    #[must_use]
    pub fn password(mut self, password: impl Into<Box<str>>) -> Self {
        let user = self.session.connection.credentials.take().map(|login| login.user);
        let user = user.unwrap_or_else(|| "guest".into());
        let password = Password::new(password);
        self.session.connection.credentials = Some(Credentials { user, password });
        self
    }

    /// How to log in. Default [`AuthMethod::Auto`]. As a URI's option: `auth_method=chap-sha1` or
    /// `pap-sha256`.
    #[must_use]
    pub fn auth_method(mut self, method: AuthMethod) -> Self {
        self.session.connection.auth_method = method;
        self
    }

    /// Says that the stream given to an adapter's `connect_over` is encrypted, so that a password
    /// itself may be sent over it where the server wants that (`pap-sha256`). Default false.
    #[must_use]
    pub fn encrypted(mut self, is_encrypted: bool) -> Self {
        self.session.connection.is_encrypted = is_encrypted;
        self
    }

    /// Whether structs are filled by the names of columns instead of their positions, so that they
    /// survive a reordered or inserted column; rows of spaces without a format, of calls of
    /// functions that return plain tables, and of servers before 3.0 are filled by position as
    /// ever. Default false. As a URI's option: `tuple_formats=true`.
    ///
    /// Each reply then has the format of its space, which makes small ones larger.
    #[must_use]
    pub fn tuple_formats(mut self, by_name: bool) -> Self {
        self.session.connection.tuple_formats = by_name;
        self
    }

    /// Connecting to an address and logging in must be done within this time. Default 5 s; zero: no
    /// limit.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.session.connect_timeout = Some(timeout).filter(|timeout| !timeout.is_zero());
        self
    }

    /// Whether a lost connection is followed by another one. Default true. `false`: the end of the
    /// first connection is the end of the client. As a URI's option: `reconnect=false`.
    ///
    /// What becomes of requests: see [`Client`](crate::Client#when-the-connection-is-lost).
    #[must_use]
    pub fn reconnect(mut self, reconnect: bool) -> Self {
        self.session.reconnect = reconnect;
        self
    }

    /// Whether a client is handed out before there is a connection, and goes on trying if the first
    /// attempt fails. Default false: connecting fails when every address was tried once in vain.
    #[must_use]
    pub fn lazy(mut self, is_lazy: bool) -> Self {
        self.is_lazy = is_lazy;
        self.session.retry_first = is_lazy;
        self
    }

    /// How long to wait before all addresses are tried again: a random time between half of a length
    /// and that, which doubles from `min` to `max`. Default 50 ms and 5 s.
    #[must_use]
    pub fn backoff(mut self, min: Duration, max: Duration) -> Self {
        let mut backoff = Backoff::default();
        (backoff.min, backoff.max) = (min, max);
        self.session.backoff = backoff;
        self
    }

    /// After how many attempts in vain the client gives up for good. Default: never.
    #[must_use]
    pub fn attempts_max(mut self, attempts: u32) -> Self {
        self.session.attempts_max = Some(attempts);
        self
    }

    /// What to do when an address that was connected to before refuses the login, or is no Tarantool
    /// any more. It is left out while others are left. Default [`OnRefused::FailRequests`]: when
    /// none is left, requests fail at once, with the refusal as the reason, until an address that is
    /// tried again and again accepts.
    #[must_use]
    pub fn on_refused(mut self, on_refused: OnRefused) -> Self {
        self.session.on_refused = on_refused;
        self
    }

    /// Whether requests wait for a connection while there is none, within their timeout. Default
    /// true. `false`: they fail at once, and so do those of a lost connection that could be sent
    /// again.
    #[must_use]
    pub fn wait_while_down(mut self, wait: bool) -> Self {
        self.session.while_down = if wait { WhileDown::Wait } else { WhileDown::Fail };
        self
    }

    /// How a connection without life in it is noticed: after a silence of `after` to twice that the
    /// server is asked with a ping, and has `timeout` to send anything. Default 10 s and 10 s; a
    /// zero `after`: not at all. As a URI's options: `heartbeat` and `heartbeat_timeout`.
    ///
    /// The ping is answered by the server's network thread, so a long call does not delay it. But a
    /// server that has as many requests under way as its `net_msg_max` (768 by default) reads no
    /// more, pings included, until one of them is over: if more than that may run for long at once,
    /// take longer times.
    ///
    /// A blocking client asks only while a thread waits for something.
    #[must_use]
    pub fn heartbeat(mut self, after: Duration, timeout: Duration) -> Self {
        let mut heartbeat = Heartbeat::default();
        (heartbeat.after, heartbeat.timeout) = (after, timeout);
        self.session.heartbeat = Some(heartbeat).filter(|heartbeat| !heartbeat.after.is_zero());
        self
    }

    /// Whether a server that announces its shutdown (2.10) is left in an orderly way: what is under
    /// way there is finished within `timeout`, all else waits for the next connection. Default 3 s;
    /// zero: announcements are not asked for.
    #[must_use]
    pub fn graceful_shutdown(mut self, timeout: Duration) -> Self {
        self.session.graceful_shutdown = !timeout.is_zero();
        self.session.drain_timeout = timeout;
        self
    }

    /// How long [`Client::close`](crate::Client::close), or dropping the last handle, lets go on what
    /// was accepted. Default 5 s. As a URI's option: `close_timeout`.
    #[must_use]
    pub fn close_timeout(mut self, timeout: Duration) -> Self {
        self.close_timeout = timeout;
        self
    }

    /// How many connections the client has, which requests take in turn. Default 1, which is best for
    /// throughput in most cases: more share fewer system calls. As a URI's option: `lanes`.
    ///
    /// Requests on different lanes may overtake each other.
    #[must_use]
    pub fn lanes(mut self, lanes: usize) -> Self {
        self.lanes = lanes.max(1);
        self
    }

    /// A connection of its own besides, for what is asked of [`Client::lane`](crate::Client::lane) of
    /// this name: large replies, say, behind which small ones would have to wait.
    #[must_use]
    pub fn named_lane(mut self, name: impl Into<Box<str>>) -> Self {
        self.named_lanes.push(name.into());
        self
    }

    /// Whether [`Client::stats`](crate::Client::stats) tell how long requests took to be answered, as
    /// a histogram. Default false, since it costs a look at the clock for every few requests.
    #[must_use]
    pub fn measure_round_trips(mut self, measure: bool) -> Self {
        self.round_trips = measure;
        self
    }

    /// For adapters: the same over one stream that is open, without another connection at any time.
    #[must_use]
    pub fn over_one_stream(mut self) -> Self {
        self.lanes = 1;
        self.named_lanes.clear();
        self.addresses.truncate(1);
        self.reconnect(false)
    }

    /// Calls `hook` for whatever happens to the connection, for logs and metrics. It is called by the
    /// connection's driver, or by the thread that drives it, and must return soon, without waiting for
    /// the client; of threads that share a client another may tell a later event first. With the feature
    /// `tracing` the same events go to that crate, with the target `tarantool`.
    ///
    /// ```
    /// let config = tarantool_client::Config::parse("localhost:3301")?
    ///     .on_event(|event| eprintln!("tarantool: {event}"));
    /// # Ok::<(), tarantool_client::ConfigError>(())
    /// ```
    #[must_use]
    pub fn on_event(mut self, hook: impl Fn(&ConnectionEvent) + Send + Sync + 'static) -> Self {
        self.hook = Some(Hook(Arc::new(hook)));
        self
    }

    /// A request must be answered within this time, waiting for a place and queueing included.
    /// Default 30 s; zero: no limit. [`Client::with_timeout`](crate::Client::with_timeout)
    /// overrides it.
    #[must_use]
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.request_timeout = Some(timeout).filter(|timeout| !timeout.is_zero());
        self
    }

    /// How many requests may be under way at a time; more wait for a place. Default 16,384.
    #[must_use]
    pub fn in_flight_max(mut self, requests: usize) -> Self {
        self.session.connection.in_flight_max = requests;
        self
    }

    /// How many bytes of requests may wait to be written; more requests wait for a place. Default
    /// 64 MiB.
    #[must_use]
    pub fn queued_bytes_max(mut self, bytes: usize) -> Self {
        self.session.connection.queued_bytes_max = bytes;
        self
    }

    /// How many requests may wait for a connection while there is none; more are refused. Default
    /// 1,048,576.
    #[must_use]
    pub fn waiting_max(mut self, requests: usize) -> Self {
        self.session.waiting_max = requests;
        self
    }

    /// How many bytes of requests may be held in memory, from their acceptance to their answer; more
    /// requests are refused, unless there is no other. Default 1 GiB. As a URI's option:
    /// `held_bytes_max`.
    #[must_use]
    pub fn held_bytes_max(mut self, bytes: usize) -> Self {
        self.session.connection.held_bytes_max = bytes;
        self
    }

    /// The longest packet to send or to accept. Default 128 MiB.
    #[must_use]
    pub fn packet_bytes_max(mut self, bytes: usize) -> Self {
        self.session.connection.packet_bytes_max = bytes;
        self
    }

    /// How many messages of a running call may wait to be taken, and how many bytes of them; more are
    /// dropped, and their number is told. Default 1024 and 16 MiB.
    #[must_use]
    pub fn pushes_max(mut self, messages: usize, bytes: usize) -> Self {
        self.session.connection.pushes_max = messages;
        self.session.connection.push_bytes_max = bytes;
        self
    }

    /// When queued requests are written. Default [`Batching::adaptive`]. The blocking client does not
    /// linger: the thread that would wait is the one that needs the reply.
    #[must_use]
    pub fn batching(mut self, batching: Batching) -> Self {
        self.session.connection.batching = batching;
        self
    }

    /// Where to connect to, in this order.
    #[must_use]
    pub fn addresses(&self) -> &[Address] {
        &self.addresses
    }

    /// The first of them. There always is one; were there none, it would be the default.
    pub(crate) fn first_address(&self) -> &Address {
        &self.addresses[0]
    }

    /// Whether a client is handed out before there is a connection.
    #[must_use]
    pub const fn is_lazy(&self) -> bool {
        self.is_lazy
    }

    /// Within what time connecting and logging in must be done; `None`: no limit.
    #[must_use]
    pub const fn get_connect_timeout(&self) -> Option<Duration> {
        self.session.connect_timeout
    }

    /// Within what time a request must be answered; `None`: no limit.
    #[must_use]
    pub const fn get_request_timeout(&self) -> Option<Duration> {
        self.request_timeout
    }
}

impl fmt::Display for Config {
    /// User and addresses: a URI, as far as one can say it, without options.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(credentials) = &self.session.connection.credentials {
            write!(f, "{}@", uri::encoded(&credentials.user))?;
        }
        for (index, address) in self.addresses.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            write!(f, "{comma}{address}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("addresses", &self.addresses)
            .field("session", &self.session)
            .field("request_timeout", &self.request_timeout)
            .field("close_timeout", &self.close_timeout)
            .field("is_lazy", &self.is_lazy)
            .field("round_trips", &self.round_trips)
            .field("lanes", &self.lanes)
            .field("named_lanes", &self.named_lanes)
            .finish()
    }
}
