//! Errors by blame: ours ([`SendError`]), the peer's ([`ProtocolError`]), one request's fate
//! ([`Unanswered`]), the connection's end ([`ConnectionError`]).

use std::fmt;
use std::time::Duration;

use crate::capability::Unsupported;
use crate::error_code::ErrorCode;
#[cfg(doc)]
use crate::frame::Frame;
use crate::greeting::GreetingError;
use crate::msgpack::DecodeError;
use crate::server_error::ServerError;

/// The peer broke the protocol. The connection cannot go on.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProtocolError {
    /// The first 128 bytes are not the greeting of a Tarantool's binary port.
    Greeting(GreetingError),
    /// A packet's length is not a MessagePack unsigned integer.
    LengthNotInteger {
        /// The byte that stands in its place.
        byte: u8,
    },
    /// A packet is longer than the configured limit.
    PacketTooLong {
        /// The announced length in bytes.
        length: usize,
        /// The limit, `packet_bytes_max`.
        max: usize,
    },
    /// A packet of length 0.
    EmptyPacket,
    /// A packet's header is no map, or a known key has a value of the wrong type.
    Header(DecodeError),
    /// A reply's body is not a map.
    BodyNotMap {
        /// The sync id of the reply.
        sync: u64,
        /// The body's first byte.
        byte: u8,
    },
    /// A reply to a request that was never sent.
    UnknownSync {
        /// The sync id of the reply.
        sync: u64,
    },
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Greeting(error) => error.fmt(f),
            Self::LengthNotInteger { byte } => {
                write!(f, "a packet's length begins with byte {byte:#04x}, not an unsigned integer")
            }
            Self::PacketTooLong { length, max } => write!(
                f,
                "a packet of {length} bytes exceeds the limit of {max} bytes (packet_bytes_max)"
            ),
            Self::EmptyPacket => f.write_str("a packet of length 0"),
            Self::Header(error) => write!(f, "malformed packet header: {error}"),
            Self::BodyNotMap { sync, byte } => {
                write!(
                    f,
                    "the body of the reply to sync {sync:#x} begins with byte {byte:#04x}, not a map"
                )
            }
            Self::UnknownSync { sync } => {
                write!(f, "a reply to sync {sync:#x}, which no request was sent with")
            }
        }
    }
}

impl std::error::Error for ProtocolError {}

/// How far a connection had come when something happened to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stage {
    /// Waiting for the server's greeting, of which this many of 128 bytes came.
    Greeting {
        /// Bytes received.
        received: usize,
    },
    /// Greeted; waiting for the answers to identification and login.
    Login,
    /// In use.
    Ready,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Greeting { received: 0 } => {
                f.write_str("before the server's greeting (is it Tarantool's port for clients?)")
            }
            Self::Greeting { received } => {
                write!(f, "in the server's greeting, {received} of 128 bytes received")
            }
            Self::Login => f.write_str("during login"),
            Self::Ready => f.write_str("while in use"),
        }
    }
}

/// Why a connection ended. Sticky: it is reported to everyone who uses the connection afterwards.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ConnectionError {
    /// The peer broke the protocol.
    Protocol(ProtocolError),
    /// The server refused the login.
    Login {
        /// The user who was to log in.
        user: Box<str>,
        /// What the server answered.
        error: ServerError,
    },
    /// The login would have sent the password itself over a connection that others can read.
    PasswordInClear {
        /// The user who was to log in.
        user: Box<str>,
    },
    /// The server greeted with an error, as a failing `on_connect` trigger makes it do.
    Refused(ServerError),
    /// The server closed the connection.
    Closed {
        /// How far it had come.
        stage: Stage,
        /// The error that the server sent before, if any.
        reason: Option<ServerError>,
    },
    /// The handshake took longer than its deadline.
    HandshakeTimedOut {
        /// How far it had come.
        stage: Stage,
    },
    /// The transport failed: what it said.
    Transport(Box<str>),
    /// The transport was not open in the time for it.
    ConnectTimedOut,
    /// The server sent nothing for so long, not even the answer to a ping.
    Unresponsive {
        /// How long it had for that answer.
        timeout: Duration,
    },
    /// The server announced that it goes down, and the connection was left in an orderly way.
    ServerShutdown,
    /// Closed by this side.
    Shutdown,
}

impl ConnectionError {
    /// Whether the next attempt at the same address will fail as this one did: the server refused
    /// the user or the password, the configuration asks for what is never done, or no Tarantool
    /// listens there.
    ///
    /// All else may be over the next time: a server that is not reached, starts, or breaks down.
    #[must_use]
    pub fn is_lasting(&self) -> bool {
        match self {
            Self::Login { error, .. } => matches!(
                error.code(),
                ErrorCode::ACCESS_DENIED
                    | ErrorCode::NO_SUCH_USER
                    | ErrorCode::CREDS_MISMATCH
                    | ErrorCode::GUEST_USER_PASSWORD
                    | ErrorCode::PASSWORD_EXPIRED
            ),
            Self::PasswordInClear { .. } | Self::Protocol(ProtocolError::Greeting(_)) => true,
            _ => false,
        }
    }
}

impl fmt::Display for ConnectionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Protocol(error @ ProtocolError::Greeting(_)) => error.fmt(f),
            Self::Protocol(error) => write!(f, "the server broke the protocol: {error}"),
            Self::Login { user, error } => write!(f, "login as {user} refused: {error}"),
            Self::PasswordInClear { user } => write!(
                f,
                "login as {user} not tried: pap-sha256 sends the password itself, and the transport \
                 is not encrypted"
            ),
            Self::Refused(error) => write!(f, "the server refused the connection: {error}"),
            Self::Closed { stage, reason: None } => {
                write!(f, "the server closed the connection {stage}")
            }
            Self::Closed { stage, reason: Some(reason) } => {
                write!(f, "the server closed the connection {stage}, saying: {reason}")
            }
            Self::HandshakeTimedOut { stage } => write!(f, "timed out {stage}"),
            Self::Transport(text) => f.write_str(text),
            Self::ConnectTimedOut => f.write_str("timed out while the transport was opened"),
            Self::Unresponsive { timeout } => {
                write!(f, "the server did not answer a ping within {timeout:?}")
            }
            Self::ServerShutdown => f.write_str("the server is shutting down"),
            Self::Shutdown => f.write_str("the connection was closed by this side"),
        }
    }
}

impl std::error::Error for ConnectionError {}

/// A request was not accepted: nothing of it was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendError {
    /// The connection has ended or is closing; [`Connection::failure`](crate::Connection::failure)
    /// says why.
    Closed,
    /// The request is larger than `packet_bytes_max`.
    TooLarge {
        /// Its size in bytes.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// A limit is reached and waiting for a place was not wanted.
    Saturated,
    /// The frame holds no request.
    Empty,
    /// The server does not answer such a request: see
    /// [`Connection::watch`](crate::Connection::watch).
    NoReply,
    /// There is no connection at present, and the session is set to fail then.
    NotConnected,
    /// The request is bound to a connection that is gone
    /// ([`Frame::bind_to`]): whatever it belongs to must be begun anew.
    ConnectionGone,
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("the connection is closed"),
            Self::TooLarge { bytes, max } => write!(
                f,
                "a request of {bytes} bytes exceeds the limit of {max} bytes (packet_bytes_max)"
            ),
            Self::Saturated => f.write_str("too many requests are under way"),
            Self::Empty => f.write_str("the frame holds no request"),
            Self::NoReply => f.write_str("the server does not answer such a request"),
            Self::NotConnected => f.write_str("there is no connection at present"),
            Self::ConnectionGone => f.write_str("the connection that it belongs to is gone"),
        }
    }
}

impl std::error::Error for SendError {}

/// Whether the server may have executed a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The server answered: it executed the request, or refused it.
    Answered,
    /// No byte of the request was written: it was certainly not executed.
    NotSent,
    /// At least one byte was written and no reply came: it may have been executed.
    MaybeExecuted,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Answered => "it was answered",
            Self::NotSent => "it was not sent",
            Self::MaybeExecuted => "it was written and may have been executed",
        })
    }
}

/// A request that was accepted got no answer from the server.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Unanswered {
    /// Its deadline passed.
    TimedOut(Outcome),
    /// Its connection ended; [`Connection::failure`](crate::Connection::failure) says why.
    Lost(Outcome),
    /// The server's schema has no space or index of the name that it was for.
    UnknownName(Box<str>),
    /// The schema, needed to find a space or an index by name, could not be read.
    SchemaUnavailable(Box<str>),
    /// The connected server does not have what the request needs; the same request never will
    /// succeed on it.
    Unsupported(Unsupported),
    /// It was not sent, and the connection that it is bound to ([`Frame::bind_to`]) is gone: it
    /// never will be.
    ConnectionGone,
}

impl Unanswered {
    /// Whether the server may have executed the request.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::TimedOut(outcome) | Self::Lost(outcome) => *outcome,
            Self::UnknownName(_)
            | Self::SchemaUnavailable(_)
            | Self::Unsupported(_)
            | Self::ConnectionGone => Outcome::NotSent,
        }
    }
}

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut(outcome) => write!(f, "timed out: {outcome}"),
            Self::Lost(outcome) => write!(f, "the connection ended: {outcome}"),
            Self::UnknownName(name) => {
                write!(f, "the server has no {name}, or none that this user may see")
            }
            Self::SchemaUnavailable(why) => {
                write!(f, "the server's schema could not be read: {why}")
            }
            Self::Unsupported(what) => what.fmt(f),
            Self::ConnectionGone => f.write_str("not sent: the connection it belongs to is gone"),
        }
    }
}

impl std::error::Error for Unanswered {}
