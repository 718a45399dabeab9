//! Settings of a session.

use std::time::Duration;

use super::Backoff;
use crate::config::Config;

/// Settings of a [`Session`](super::Session).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionConfig {
    /// Settings of each connection.
    pub connection: Config,
    /// How many addresses there are, which are named by their index from 0. Default 1; 0 counts as
    /// 1.
    pub addresses: usize,
    /// How long to wait after all addresses were tried in vain.
    pub backoff: Backoff,
    /// A connection that was ready for so long makes failures before it be forgotten. Default 10 s.
    pub stable_after: Duration,
    /// How long an attempt may take, from opening a transport to the end of the login. Default 5 s;
    /// `None`: no limit.
    pub connect_timeout: Option<Duration>,
    /// How long greeting, identification and login may take of that. Default `None`: as long as is
    /// left of it.
    pub handshake_timeout: Option<Duration>,
    /// Whether there is another connection after the first. `false`: its end, or the failure of all
    /// addresses, ends the session. Default `true`.
    pub reconnect: bool,
    /// Whether the first connection is tried for as often as later ones are. `false`: when all
    /// addresses were tried once in vain, the session is over. Default `true`.
    pub retry_first: bool,
    /// After how many attempts without a stable connection the session gives up. Default `None`:
    /// never.
    pub attempts_max: Option<u32>,
    /// What to do about an address where the same attempt will fail again.
    pub on_refused: OnRefused,
    /// What requests do while there is no connection.
    pub while_down: WhileDown,
    /// How many requests may be accepted and not over while there is no connection; more are
    /// [`Saturated`](crate::SendError::Saturated). Default 16,384; at least 1.
    pub waiting_max: usize,
    /// Whether a server that lets keys be watched (2.10) is asked to announce its shutdown, as by
    /// [`Session::handle_shutdown_notice`](super::Session::handle_shutdown_notice). Default `true`.
    pub graceful_shutdown: bool,
    /// How long requests under way may take once the server has announced its shutdown. Default
    /// 3 s, which is how long servers wait for their clients by default.
    pub drain_timeout: Duration,
    /// How a connection without life in it is noticed. `None`: not at all, except by the transport.
    pub heartbeat: Option<Heartbeat>,
}

impl Default for SessionConfig {
    fn default() -> Self {
        Self {
            connection: Config::default(),
            addresses: 1,
            backoff: Backoff::default(),
            stable_after: Duration::from_secs(10),
            connect_timeout: Some(Duration::from_secs(5)),
            handshake_timeout: None,
            reconnect: true,
            retry_first: true,
            attempts_max: None,
            on_refused: OnRefused::default(),
            while_down: WhileDown::default(),
            waiting_max: 16_384,
            graceful_shutdown: true,
            drain_timeout: Duration::from_secs(3),
            heartbeat: Some(Heartbeat::default()),
        }
    }
}

/// What to do about an address whose failure is
/// [lasting](crate::ConnectionError::is_lasting), such as a refused login.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnRefused {
    /// It is left out until another address has had a stable connection. When no address is left,
    /// all are tried again as ever, but nobody is kept waiting for it: requests that wait are
    /// answered, and new ones are [`NotConnected`](crate::SendError::NotConnected), until a
    /// connection is ready. The default.
    #[default]
    FailRequests,
    /// It is left out until another address has had a stable connection. When no address is left,
    /// the session is over.
    GiveUp,
    /// It is tried again as any other, and requests wait meanwhile, for instance while users are
    /// still being created.
    Retry,
}

/// What requests do while there is no connection that is ready.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum WhileDown {
    /// New ones wait for the next connection. So do those of a lost connection that were not sent,
    /// and those that are idempotent. Deadlines go on. The default.
    #[default]
    Wait,
    /// New ones are [`NotConnected`](crate::SendError::NotConnected), during the first handshake
    /// too, and all those of a lost connection are answered.
    Fail,
}

/// When a connection that is silent is given up.
///
/// A ping is answered by the server's network thread, so that a long call does not delay it. But a
/// server that has as many requests under way as its `net_msg_max` allows reads no more, pings
/// included, until one of them is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Heartbeat {
    /// After how much silence the server is asked with a ping: at this time at the earliest, and at
    /// twice it at the latest. Default 10 s.
    pub after: Duration,
    /// How long the server may stay silent from then on. Default 10 s.
    pub timeout: Duration,
}

impl Default for Heartbeat {
    fn default() -> Self {
        Self { after: Duration::from_secs(10), timeout: Duration::from_secs(10) }
    }
}
