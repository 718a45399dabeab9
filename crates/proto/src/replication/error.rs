//! Why following ended.

use std::fmt;

use super::Vclock;
use crate::error::{ConnectionError, ProtocolError, Stage};
use crate::error_code::ErrorCode;
use crate::keys::RequestType;
use crate::msgpack::DecodeError;
use crate::server_error::ServerError;
use crate::types::Uuid;

/// Why a [`Follower`](super::Follower) ended. There is no other end: changes have none.
///
/// What was handed out before is valid. After all but [`is_lasting`](Self::is_lasting) ones, a new
/// follower goes on behind the last vclock.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum FollowError {
    /// The connection ended: closed, failed, the protocol broken, or the login refused.
    Connection(ConnectionError),
    /// The server refused what following begins with.
    Refused {
        /// The request that it refused.
        request: RequestType,
        /// What it answered.
        error: ServerError,
    },
    /// The server ended the stream, and said why.
    Stopped(ServerError),
    /// A packet has not what it should have.
    Malformed(DecodeError),
    /// Nothing came for so long that the server, or the way to it, must be dead.
    Silent {
        /// How long, in milliseconds: the heartbeat timeout.
        millis: u64,
    },
    /// The server no longer has all changes behind the vclock.
    Gap {
        /// The vclock.
        after: Box<Vclock>,
        /// Behind what the server has all changes.
        oldest: Box<Vclock>,
    },
    /// The server belongs to another replica set than the vclock.
    OtherReplicaset {
        /// The one that was asked for.
        expected: Uuid,
        /// The server's.
        found: Uuid,
    },
}

impl FollowError {
    /// The server's error, if it sent one.
    #[must_use]
    pub const fn server(&self) -> Option<&ServerError> {
        match self {
            Self::Refused { error, .. }
            | Self::Stopped(error)
            | Self::Connection(
                ConnectionError::Login { error, .. } | ConnectionError::Refused(error),
            ) => Some(error),
            _ => None,
        }
    }

    /// Whether the server no longer has all the changes behind the vclock: only a snapshot helps.
    #[must_use]
    pub fn is_gap(&self) -> bool {
        match self {
            Self::Gap { .. } => true,
            Self::Stopped(error) => {
                error.code() == ErrorCode::XLOG_GAP
                    || error.stack().iter().any(|entry| &*entry.kind == "XlogGapError")
            }
            _ => false,
        }
    }

    /// Whether the same attempt would end so again.
    #[must_use]
    pub fn is_lasting(&self) -> bool {
        match self {
            Self::Refused { error, .. } => {
                error.code() != ErrorCode::LOADING && error.code() != ErrorCode::CFG
            }
            Self::Malformed(_)
            | Self::OtherReplicaset { .. }
            | Self::Connection(ConnectionError::Login { .. } | ConnectionError::Protocol(_)) => {
                true
            }
            _ => self.is_gap(),
        }
    }
}

impl fmt::Display for FollowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connection(ConnectionError::Closed { stage: Stage::Ready, reason: None }) => {
                f.write_str("the server closed the connection")
            }
            Self::Connection(error) => error.fmt(f),
            Self::Refused { request, error } => {
                write!(f, "the server refused {request}: {error}")?;
                if error.code() == ErrorCode::ACCESS_DENIED {
                    f.write_str("; following takes the role \"replication\"")?;
                }
                Ok(())
            }
            Self::Stopped(error) if self.is_gap() => {
                write!(f, "the server no longer has all changes since: {error}")
            }
            Self::Stopped(error) => write!(f, "the server ended the stream: {error}"),
            Self::Malformed(error) => write!(f, "the server broke the protocol: {error}"),
            Self::Silent { millis } => {
                write!(f, "nothing came for {millis} ms, not even a heartbeat")
            }
            Self::Gap { after, oldest } => {
                write!(f, "the server has no longer all changes since {after}, but since {oldest}")
            }
            Self::OtherReplicaset { expected, found } => {
                write!(f, "the server is of the replica set {found}, not {expected}")
            }
        }
    }
}

impl std::error::Error for FollowError {}

impl From<ConnectionError> for FollowError {
    fn from(error: ConnectionError) -> Self {
        Self::Connection(error)
    }
}

impl From<ProtocolError> for FollowError {
    fn from(error: ProtocolError) -> Self {
        Self::Connection(error.into())
    }
}
