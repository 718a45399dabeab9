//! Settings of one connection.

use std::fmt;

use crate::auth::AuthMethod;
use crate::batching::Batching;

/// Settings of one [`Connection`](crate::Connection).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// Who to log in as; `None` (the default) stays the user `guest`.
    pub credentials: Option<Credentials>,
    /// How to log in.
    pub auth_method: AuthMethod,
    /// Whether nobody but the server can read what is written: true for TLS. Default false. A
    /// password itself is never sent without.
    pub is_encrypted: bool,
    /// Whether the server is asked to send tuples with the names of their fields, so that structs are
    /// filled by name, in whatever order the columns are. Default false: by position. Server 3.0;
    /// older ones send none, and their tuples fill structs by position.
    pub tuple_formats: bool,
    /// How many requests may be on their way or being executed at a time; more wait for a place.
    /// Default 16,384; at least 1.
    ///
    /// The server has a limit of its own over all connections, `net_msg_max`, by default 768: past
    /// it, it reads no further for a while.
    pub in_flight_max: usize,
    /// How many bytes of requests may wait to be written; more requests wait for a place.
    /// Default 64 MiB.
    pub queued_bytes_max: usize,
    /// How many bytes of requests may be held besides: of those that wait for a place, for the schema
    /// or for a connection, and of those that may have to be sent again. More requests are
    /// [`Saturated`](crate::SendError::Saturated); one is always held. Default 1 GiB.
    pub held_bytes_max: usize,
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
            auth_method: AuthMethod::default(),
            is_encrypted: false,
            tuple_formats: false,
            in_flight_max: 16_384,
            queued_bytes_max: 64 << 20,
            held_bytes_max: 1 << 30,
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

    pub(crate) fn as_str(&self) -> &str {
        &self.0
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
