//! Settings of one connection.

use std::fmt;

use crate::batching::Batching;

/// Settings of one [`Connection`](crate::Connection).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// Who to log in as; `None` (the default) stays the user `guest`.
    pub credentials: Option<Credentials>,
    /// How many requests may be on their way or being executed at a time; more wait for a place.
    /// Default 16,384; at least 1.
    ///
    /// The server has a limit of its own over all connections, `net_msg_max`, by default 768: past
    /// it, it reads no further for a while.
    pub in_flight_max: usize,
    /// How many bytes of requests may wait to be written; more requests wait for a place.
    /// Default 64 MiB.
    pub queued_bytes_max: usize,
    /// The longest packet to send or to accept, in bytes. Default 128 MiB; at most 2 GiB, the
    /// server's own limit.
    pub packet_bytes_max: usize,
    /// How many messages of one running call may wait to be taken; more are dropped, and counted in
    /// their place. Default 1024. One always may.
    pub pushes_max: usize,
    /// How many bytes the waiting messages of one running call may have together. Default 16 MiB.
    pub push_bytes_max: usize,
    /// When queued bytes become a write.
    pub batching: Batching,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            credentials: None,
            in_flight_max: 16_384,
            queued_bytes_max: 64 << 20,
            packet_bytes_max: 128 << 20,
            pushes_max: 1024,
            push_bytes_max: 16 << 20,
            batching: Batching::default(),
        }
    }
}

/// A user and the password to log in with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// The user's name.
    pub user: Box<str>,
    /// The user's password, possibly empty.
    pub password: Password,
}

/// A password that is never shown: its `Debug` and `Display` are stars.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Password(Box<str>);

impl Password {
    /// Wraps a password.
    #[must_use]
    pub fn new(password: impl Into<Box<str>>) -> Self {
        Self(password.into())
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}
