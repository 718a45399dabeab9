//! What can happen to a request, a connection attempt or a configuration.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;

use tarantool_proto::msgpack::{DecodeError, EncodeError};
use tarantool_proto::replication::FollowError;
use tarantool_proto::request::Subject;
use tarantool_proto::{
    ConnectionError, ErrorCode, Outcome, RequestType, SendError, ServerError, Unsupported,
};

use crate::address::Address;
use crate::uri::ConfigError;

/// Why a request, or an attempt to connect, did not give what was asked for.
///
/// [`outcome`](Self::outcome) tells whether the server may have executed the request,
/// [`code`](Self::code) what it answered. The text is whole: causes stand in it, and
/// [`source`](std::error::Error::source) does not repeat them; [`kind`](Self::kind) has each as a value.
///
/// ```
/// use tarantool_client::{Error, ErrorCode, Outcome};
///
/// fn advice(error: &Error) -> &'static str {
///     if error.code() == Some(ErrorCode::TUPLE_FOUND) {
///         return "it is already there";
///     }
///     match error.outcome() {
///         Outcome::NotSent => "certainly not executed: try again",
///         Outcome::MaybeExecuted => "look before you write again",
///         Outcome::Answered => "the server said no",
///     }
/// }
/// ```
#[derive(Clone)]
pub struct Error(Arc<Inner>);

struct Inner {
    kind: ErrorKind,
    subject: Option<Subject>,
    address: Option<Box<str>>,
}

/// The kinds of [`Error`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The configuration cannot be understood.
    Config(ConfigError),
    /// The connection could not be opened, or ended during the handshake.
    Connect(ConnectionError),
    /// The server answered with an error. The connection goes on.
    Server(ServerError),
    /// The connection ended before the request was answered.
    Lost {
        /// Whether the server may have executed the request.
        outcome: Outcome,
        /// Why the connection ended.
        cause: ConnectionError,
    },
    /// The request's deadline passed.
    TimedOut {
        /// Whether the server may have executed the request.
        outcome: Outcome,
        /// If it waited for a connection: why the last one, or the last attempt at one, ended.
        cause: Option<ConnectionError>,
    },
    /// The request was not accepted.
    NotAccepted {
        /// Why not.
        error: SendError,
        /// Why the client is over or has no connection, if that is the reason.
        cause: Option<ConnectionError>,
    },
    /// The request belongs to a connection that was lost, as those of a transaction, a stream or a
    /// prepared statement do. It was not sent.
    ConnectionGone {
        /// Why the last connection, or the last attempt at one, ended.
        cause: Option<ConnectionError>,
    },
    /// The request's values could not be encoded.
    Encode(EncodeError),
    /// The reply does not fit the type that was asked for; the request was executed.
    Decode(DecodeError),
    /// The server has no space or index of this name.
    UnknownName(Box<str>),
    /// The schema could not be read, which is needed to find a space or an index by name on servers
    /// before 3.0.
    SchemaUnavailable(Box<str>),
    /// The connected server does not have what the request needs.
    Unsupported(Unsupported),
    /// What belongs to one client, such as a prepared statement, was used with another.
    OtherClient,
    /// The changes of a server have ended, or it refused to send them.
    Changes(FollowError),
    /// The transaction was committed or rolled back before.
    TransactionOver,
    /// The client is over, and what belongs to it with it, such as a watcher.
    Ended {
        /// Why.
        cause: ConnectionError,
    },
    /// So many messages of a running call were dropped, because too many waited to be taken.
    PushesLost(u64),
}

impl Error {
    pub(crate) fn new(kind: ErrorKind) -> Self {
        Self(Arc::new(Inner { kind, subject: None, address: None }))
    }

    pub(crate) fn of(subject: Subject, kind: ErrorKind) -> Self {
        Self(Arc::new(Inner { kind, subject: Some(subject), address: None }))
    }

    pub(crate) fn with_address(self, address: &Address) -> Self {
        let Inner { kind, subject, .. } = &*self.0;
        let address = Some(address.to_string().into());
        Self(Arc::new(Inner { kind: kind.clone(), subject: *subject, address }))
    }

    /// The connection to `address` could not be opened: for adapters.
    #[must_use]
    pub fn connect(address: &Address, error: ConnectionError) -> Self {
        Self::new(ErrorKind::Connect(error)).with_address(address)
    }

    pub(crate) fn changes(address: &Address, error: FollowError) -> Self {
        Self::new(ErrorKind::Changes(error)).with_address(address)
    }

    /// What happened.
    #[must_use]
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// The server's error, if it answered with one.
    #[must_use]
    pub fn server(&self) -> Option<&ServerError> {
        match self.kind() {
            ErrorKind::Server(error) => Some(error),
            ErrorKind::Connect(
                ConnectionError::Login { error, .. } | ConnectionError::Refused(error),
            ) => Some(error),
            ErrorKind::Changes(error) => error.server(),
            _ => None,
        }
    }

    /// The code of the server's error, if it answered with one.
    #[must_use]
    pub fn code(&self) -> Option<ErrorCode> {
        self.server().map(ServerError::code)
    }

    /// Whether the server may have executed the request.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        match self.kind() {
            ErrorKind::Server(_) | ErrorKind::Decode(_) => Outcome::Answered,
            ErrorKind::Lost { outcome, .. } | ErrorKind::TimedOut { outcome, .. } => *outcome,
            ErrorKind::PushesLost(_) => Outcome::MaybeExecuted,
            _ => Outcome::NotSent,
        }
    }

    /// Whether the request was certainly not executed, and the same may succeed later: a request with
    /// this client, a `connect` that failed by another. A client that is over refuses requests, and
    /// this is false then; of one that was under way at the end it may still be true. Leave a pause
    /// before anything is tried again.
    #[must_use]
    pub fn is_retry_safe(&self) -> bool {
        match self.kind() {
            ErrorKind::Config(_)
            | ErrorKind::Encode(_)
            | ErrorKind::UnknownName(_)
            | ErrorKind::Unsupported(_)
            | ErrorKind::OtherClient
            | ErrorKind::ConnectionGone { .. }
            | ErrorKind::TransactionOver
            | ErrorKind::Ended { .. } => false,
            ErrorKind::NotAccepted { error, .. } => {
                matches!(error, SendError::Saturated | SendError::NotConnected)
            }
            ErrorKind::Connect(error) => !matches!(
                error,
                ConnectionError::Login { .. }
                    | ConnectionError::PasswordInClear { .. }
                    | ConnectionError::Refused(_)
                    | ConnectionError::Protocol(_)
            ),
            ErrorKind::Changes(error) => !error.is_lasting(),
            _ => self.outcome() == Outcome::NotSent,
        }
    }

    /// Whether time ran out, for the request or for connecting.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        matches!(
            self.kind(),
            ErrorKind::TimedOut { .. }
                | ErrorKind::Connect(
                    ConnectionError::ConnectTimedOut | ConnectionError::HandshakeTimedOut { .. },
                )
                | ErrorKind::Changes(FollowError::Silent { .. })
        )
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { kind, subject, address } = &*self.0;
        if let Some(subject) = subject {
            write!(f, "{subject}: ")?;
        }
        let connection = Target("connection", address.as_deref());
        match kind {
            ErrorKind::Config(error) => write!(f, "invalid configuration: {error}"),
            ErrorKind::Connect(error) => {
                write!(f, "{} failed: {error}", Target("connecting", address.as_deref()))
            }
            ErrorKind::Server(error) => error.fmt(f),
            ErrorKind::Lost { outcome, cause } => {
                write!(f, "{connection} lost ({cause}) {}", Moment(*outcome))?;
                match subject {
                    Some(subject) if subject.request_type() == RequestType::COMMIT => Ok(()),
                    subject => ended_with_it(f, *subject),
                }
            }
            ErrorKind::TimedOut { outcome, cause: None } => {
                write!(f, "timed out {}", Moment(*outcome))
            }
            ErrorKind::TimedOut { outcome: _, cause: Some(cause) } => {
                let connection = Target("a connection", address.as_deref());
                write!(f, "timed out waiting for {connection} ({cause}): it was not executed")
            }
            ErrorKind::NotAccepted { error, cause: None } => write!(f, "not sent: {error}"),
            ErrorKind::NotAccepted { error: SendError::NotConnected, cause: Some(cause) } => {
                write!(f, "not sent: no {connection} ({cause})")
            }
            ErrorKind::NotAccepted { error: _, cause: Some(ConnectionError::Shutdown) } => {
                f.write_str("not sent: the client was closed")
            }
            ErrorKind::NotAccepted { error: _, cause: Some(cause) } => {
                write!(f, "not sent: {connection} has ended ({cause})")?;
                ended_with_it(f, *subject)
            }
            ErrorKind::ConnectionGone { cause } => {
                let is_in_transaction = subject.is_some_and(|subject| subject.is_in_transaction());
                f.write_str(match is_in_transaction {
                    true => "not sent: the transaction belongs to a connection that was lost",
                    false => "not sent: it belongs to a connection that was lost",
                })?;
                if let Some(cause) = cause {
                    write!(f, " ({cause})")?;
                }
                f.write_str(match is_in_transaction {
                    true => "; begin a new one",
                    false => "; make a new one",
                })
            }
            ErrorKind::Encode(error) => write!(f, "not sent: cannot be encoded: {error}"),
            ErrorKind::Decode(error) => {
                write!(f, "executed, but the reply does not fit the type asked for: {error}")
            }
            ErrorKind::UnknownName(what) => {
                write!(f, "not sent: the server has no {what}, or none that this user may see")
            }
            ErrorKind::Unsupported(what) => write!(f, "not sent: {what}"),
            ErrorKind::OtherClient => {
                f.write_str("not sent: made by another client; make it anew with this one")
            }
            ErrorKind::Changes(error) => {
                write!(
                    f,
                    "changes from {} ended: {error}",
                    address.as_deref().unwrap_or("a server")
                )
            }
            ErrorKind::TransactionOver => {
                f.write_str("not sent: the transaction is over; begin a new one")
            }
            ErrorKind::Ended { cause: ConnectionError::Shutdown } => {
                f.write_str("the client was closed")
            }
            ErrorKind::Ended { cause } => write!(f, "{connection} has ended ({cause})"),
            ErrorKind::PushesLost(count) => {
                write!(f, "{count} messages were lost: too many waited to be taken")
            }
            ErrorKind::SchemaUnavailable(why) => {
                write!(f, "not sent: the schema, needed to find a name, could not be read: {why}")
            }
        }
    }
}

/// What the end of a connection means for a transaction.
fn ended_with_it(f: &mut fmt::Formatter<'_>, subject: Option<Subject>) -> fmt::Result {
    match subject {
        Some(subject) if subject.is_in_transaction() => {
            f.write_str("; the transaction ended with it: begin a new one")
        }
        _ => Ok(()),
    }
}

/// `connection to localhost:3301`
struct Target<'a>(&'a str, Option<&'a str>);

impl fmt::Display for Target<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)?;
        match self.1 {
            Some(address) => write!(f, " to {address}"),
            None => Ok(()),
        }
    }
}

/// When it happened to a request, and what that means for it.
struct Moment(Outcome);

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Outcome::NotSent => "before the request was written: it was not executed",
            Outcome::MaybeExecuted => "after the request was written: it may have been executed",
            Outcome::Answered => "after the request was answered",
        })
    }
}

impl fmt::Debug for Error {
    /// The text, which says all that a log needs; with `{:#?}` the parts.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !f.alternate() {
            return write!(f, "{self}");
        }
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("subject", &self.0.subject)
            .field("address", &self.0.address)
            .finish()
    }
}

impl std::error::Error for Error {}

impl From<ConfigError> for Error {
    fn from(error: ConfigError) -> Self {
        Self::new(ErrorKind::Config(error))
    }
}

impl From<DecodeError> for Error {
    /// For replies that are decoded by hand from a [`Response`](crate::Response).
    fn from(error: DecodeError) -> Self {
        Self::new(ErrorKind::Decode(error))
    }
}

impl From<Infallible> for Error {
    fn from(error: Infallible) -> Self {
        match error {}
    }
}

#[cfg(test)]
mod tests;
