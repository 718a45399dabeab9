//! The wait for one reply.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tarantool_proto::msgpack::DecodeError;
use tarantool_proto::request::Subject;
use tarantool_proto::{Answer, RequestId, Response, SendError};

use crate::error::{Error, ErrorKind};
use crate::shared::Shared;

/// The reply to a request that is under way.
///
/// The request was queued when this was made; awaiting only waits. Borrows nothing. Dropping it is
/// safe at any point and stops the wait, not the request: unless the request still waits for a
/// place at a limit, in which case it is never sent.
#[must_use = "a request's errors are seen only by awaiting its reply"]
pub struct Pending<T> {
    state: State,
    subject: Subject,
    /// Given the connection too, for what can be used on that one alone.
    decode: fn(Response, &Arc<Shared>) -> Result<T, DecodeError>,
}

enum State {
    Refused(Error),
    UnderWay(Arc<Shared>, RequestId),
    Done,
}

impl<T> Pending<T> {
    pub(crate) fn new(
        shared: &Arc<Shared>,
        sent: Result<RequestId, Error>,
        subject: Subject,
        decode: fn(Response, &Arc<Shared>) -> Result<T, DecodeError>,
    ) -> Self {
        let state = match sent {
            Ok(id) => State::UnderWay(Arc::clone(shared), id),
            Err(error) => State::Refused(error),
        };
        Self { state, subject, decode }
    }

    /// The request, while it is under way.
    pub(crate) fn id(&self) -> Option<RequestId> {
        match &self.state {
            State::UnderWay(_, id) => Some(*id),
            _ => None,
        }
    }

    /// Why the request is not under way.
    pub(crate) fn into_refused(mut self) -> Error {
        match std::mem::replace(&mut self.state, State::Done) {
            State::Refused(error) => error,
            _ => over(self.subject),
        }
    }

    /// Turns the answer into the result and ends the wait.
    #[inline]
    pub(crate) fn finish(&mut self, answer: Answer) -> Result<T, Error> {
        let state = std::mem::replace(&mut self.state, State::Done);
        let State::UnderWay(shared, _) = state else {
            return Err(over(self.subject));
        };
        let response = match answer {
            Ok(response) => response,
            Err(why) => {
                let cause = shared.lock().conn.failure().cloned();
                return Err(shared.unanswered(self.subject, why, cause));
            }
        };
        let response = response
            .into_result()
            .map_err(|error| Error::of(self.subject, ErrorKind::Server(error)))?;
        (self.decode)(response, &shared)
            .map_err(|error| Error::of(self.subject, ErrorKind::Decode(error)))
    }
}

impl<T> Future for Pending<T> {
    type Output = Result<T, Error>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &self.state {
            State::UnderWay(shared, id) => {
                let answer = shared.lock().take_or_wait(*id, cx.waker());
                match answer {
                    Some(answer) => Poll::Ready(self.finish(answer)),
                    None => Poll::Pending,
                }
            }
            _ => match std::mem::replace(&mut self.state, State::Done) {
                State::Refused(error) => Poll::Ready(Err(error)),
                _ => Poll::Ready(Err(over(self.subject))),
            },
        }
    }
}

impl<T> Unpin for Pending<T> {}

impl<T> Drop for Pending<T> {
    fn drop(&mut self) {
        if let State::UnderWay(shared, id) = &self.state {
            let waker = shared.lock().cancel(*id);
            drop(waker);
        }
    }
}

impl<T> fmt::Debug for Pending<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending").field("request", &self.subject).finish_non_exhaustive()
    }
}

/// For a future that is polled after it was ready, which is a mistake but no reason to panic.
#[cold]
fn over(subject: Subject) -> Error {
    Error::of(subject, ErrorKind::NotAccepted { error: SendError::Empty, cause: None })
}
