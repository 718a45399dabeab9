//! What is told of requests that were refused, or got no answer, and of the client's end.

use tarantool_proto::request::Subject;
use tarantool_proto::{ConnectionError, Outcome, SendError, Unanswered};

use super::{Shared, State};
use crate::error::{Error, ErrorKind};

/// The end of the last connection or attempt.
pub(crate) struct Loss {
    pub(crate) address: usize,
    pub(crate) reason: ConnectionError,
}

impl Shared {
    #[cold]
    pub(super) fn refused(&self, subject: Subject, error: SendError, loss: Option<Loss>) -> Error {
        let present = || self.lock().session.address();
        let address = loss.as_ref().map_or_else(present, |loss| loss.address);
        let cause = loss.map(|loss| loss.reason);
        let kind = match error {
            SendError::ConnectionGone => ErrorKind::ConnectionGone { cause },
            error => ErrorKind::NotAccepted { error, cause },
        };
        Error::of(subject, kind).with_address(&self.address(address))
    }

    /// The error for a request that needs the present connection, of which there is none.
    #[cold]
    pub(crate) fn not_connected(&self, subject: Subject) -> Error {
        let error = SendError::NotConnected;
        let loss = self.lock().loss_behind(error);
        self.refused(subject, error, loss)
    }

    /// Why the client is over, if it is.
    pub(crate) fn failure(&self) -> Option<Error> {
        let (cause, address, was_in_use) = {
            let state = self.lock();
            let (cause, address) = (state.session.failure()?.clone(), state.session.last_address());
            let was_in_use = state.session.lost_connection() == Some((address, &cause));
            (cause, address, was_in_use)
        };
        let address = self.address(address);
        let is_ended = was_in_use || cause == ConnectionError::Shutdown;
        Some(match is_ended {
            true => Error::new(ErrorKind::Ended { cause }).with_address(&address),
            false => Error::connect(&address, cause),
        })
    }

    /// The error for a request that got no answer.
    #[cold]
    pub(crate) fn unanswered(&self, subject: Subject, why: Unanswered) -> Error {
        let is_of_connection = match &why {
            Unanswered::Lost(outcome) => *outcome == Outcome::MaybeExecuted,
            why => *why == Unanswered::ConnectionGone,
        };
        let (loss, present) = {
            let state = self.lock();
            let is_down = state.session.generation().is_none();
            let of_connection = state.lost_connection().filter(|_| is_of_connection);
            let says_why = match &why {
                Unanswered::TimedOut(outcome) => is_down && *outcome == Outcome::NotSent,
                why => is_of_connection || matches!(why, Unanswered::Lost(_)),
            };
            let loss = of_connection.or_else(|| state.loss()).filter(|_| says_why);
            (loss, state.session.address())
        };
        let address = loss.as_ref().map_or(present, |loss| loss.address);
        let cause = loss.map(|loss| loss.reason);
        let kind = match why {
            Unanswered::TimedOut(outcome) => ErrorKind::TimedOut { outcome, cause },
            Unanswered::UnknownName(name) => ErrorKind::UnknownName(name),
            Unanswered::SchemaUnavailable(why) => ErrorKind::SchemaUnavailable(why),
            Unanswered::Unsupported(what) => ErrorKind::Unsupported(what),
            Unanswered::ConnectionGone => ErrorKind::ConnectionGone { cause },
            other => ErrorKind::Lost {
                outcome: other.outcome(),
                cause: cause.unwrap_or(ConnectionError::Shutdown),
            },
        };
        Error::of(subject, kind).with_address(&self.address(address))
    }
}

impl State {
    /// Why a request was refused, if that is for what became of a connection.
    pub(super) fn loss_behind(&self, error: SendError) -> Option<Loss> {
        match error {
            SendError::ConnectionGone => self.lost_connection().or_else(|| self.loss()),
            // What was accepted is still on its way.
            SendError::Closed if self.session.failure().is_none() => {
                let address = self.session.address();
                Some(Loss { address, reason: ConnectionError::Shutdown })
            }
            SendError::Closed | SendError::NotConnected => self.loss(),
            _ => None,
        }
    }

    /// Why the client is over, or else why the last connection or attempt ended.
    pub(crate) fn loss(&self) -> Option<Loss> {
        let reason = self.session.failure().or_else(|| self.session.last_loss())?.clone();
        Some(Loss { address: self.session.last_address(), reason })
    }

    /// Why the last connection that was in use has ended.
    pub(super) fn lost_connection(&self) -> Option<Loss> {
        let (address, reason) = self.session.lost_connection()?;
        Some(Loss { address, reason: reason.clone() })
    }
}
