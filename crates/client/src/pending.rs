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
/// place at a limit or, on servers before 3.0, for the schema that a name is looked up in: then it is
/// never sent.
#[must_use = "a request's errors are seen only by awaiting its reply"]
pub struct Pending<T> {
    state: State<T>,
    subject: Subject,
    /// Given the connection too, for what can be used on that one alone.
    decode: fn(Response, &Arc<Shared>) -> Result<T, DecodeError>,
}

enum State<T> {
    Refused(Error),
    UnderWay(Arc<Shared>, RequestId),
    /// In a box, so that others pay nothing for it.
    Guarded(Box<Guarded<T>>),
    Done,
}

/// A request that something hangs on, such as a transaction.
struct Guarded<T> {
    shared: Arc<Shared>,
    id: RequestId,
    settle: Settle<T>,
}

/// Makes the result of what became of a request; an error stays one. Dropped unused if the wait ends
/// before.
pub(crate) type Settle<T> = Box<dyn FnOnce(Result<(), Error>) -> Result<T, Error> + Send + Sync>;

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

    /// A request that has no result but what `settle` makes of its success.
    pub(crate) fn guarded(
        shared: &Arc<Shared>,
        sent: Result<RequestId, Error>,
        subject: Subject,
        settle: Settle<T>,
    ) -> Self {
        let state = match sent {
            Ok(id) => State::Guarded(Box::new(Guarded { shared: Arc::clone(shared), id, settle })),
            Err(error) => match settle(Err(error)) {
                Err(error) => State::Refused(error),
                Ok(_) => State::Done,
            },
        };
        let decode = |_: Response, _: &Arc<Shared>| Err(DecodeError::new("nothing is decoded"));
        Self { state, subject, decode }
    }

    /// The request and its connection, while it is under way.
    #[inline]
    fn under_way(&self) -> Option<(&Arc<Shared>, RequestId)> {
        match &self.state {
            State::UnderWay(shared, id) => Some((shared, *id)),
            State::Guarded(guarded) => Some((&guarded.shared, guarded.id)),
            _ => None,
        }
    }

    /// The request, while it is under way.
    pub(crate) fn id(&self) -> Option<RequestId> {
        self.under_way().map(|(_, id)| id)
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
        match state {
            State::UnderWay(shared, _) => {
                let response = self.response(&shared, answer)?;
                (self.decode)(response, &shared)
                    .map_err(|error| Error::of(self.subject, ErrorKind::Decode(error)))
            }
            State::Guarded(guarded) => {
                let Guarded { shared, id: _, settle } = *guarded;
                settle(self.response(&shared, answer).map(drop))
            }
            _ => Err(over(self.subject)),
        }
    }

    #[inline]
    fn response(&self, shared: &Shared, answer: Answer) -> Result<Response, Error> {
        match answer {
            Ok(response) => response
                .into_result()
                .map_err(|error| Error::of(self.subject, ErrorKind::Server(error))),
            Err(why) => Err(shared.unanswered(self.subject, why)),
        }
    }
}

impl<T> Future for Pending<T> {
    type Output = Result<T, Error>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.under_way() {
            Some((shared, id)) => {
                let answer = shared.lock().take_or_wait(id, cx.waker());
                match answer {
                    Ok(answer) => Poll::Ready(self.finish(answer)),
                    Err(_replaced) => Poll::Pending,
                }
            }
            None => match std::mem::replace(&mut self.state, State::Done) {
                State::Refused(error) => Poll::Ready(Err(error)),
                _ => Poll::Ready(Err(over(self.subject))),
            },
        }
    }
}

impl<T> Unpin for Pending<T> {}

impl<T> Drop for Pending<T> {
    fn drop(&mut self) {
        if let Some((shared, id)) = self.under_way() {
            let (waiter, driver) = shared.lock().cancel(id);
            drop(waiter);
            if let Some(driver) = driver {
                driver.wake();
            }
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
