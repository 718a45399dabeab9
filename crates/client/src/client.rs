//! The handle.

use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tarantool_proto::msgpack::DecodeError;
use tarantool_proto::request::{Auth, Call, Eval, Identifier, Ping, Request, Subject};
use tarantool_proto::{Connection, RequestId, Response, ServerInfo, Stats};

use crate::error::Error;
use crate::mode::{Async, Mode};
use crate::pending::Pending;
use crate::shared::Shared;
use crate::space::Space;
use crate::stream::InStream;

/// A connection to a Tarantool, shared by any number of tasks or threads.
///
/// Cheap to clone. Requests of all clones share one connection and its system calls: they leave
/// together in one write and their replies are matched by sync id. When the last clone is dropped,
/// requests that were accepted are still sent and executed, within the request timeout, and the
/// connection is closed.
///
/// Every verb starts its request when it is called. On an asynchronous runtime it returns a
/// [`Pending`] to await, on the blocking client (`Client<Blocking>`) the result.
///
/// Errors of every verb: see [`Error`]; its [`outcome`](Error::outcome) says whether the server may
/// have executed the request.
#[derive(Clone)]
pub struct Client<M: Mode = Async> {
    pub(crate) shared: Arc<Shared>,
    timeout: Option<Duration>,
    /// Where its requests are executed one after another, if they are.
    pub(crate) stream: Option<Arc<InStream>>,
    /// Dropped after the mode's own parts are no longer used through this handle.
    last: Arc<CloseOnDrop<M>>,
}

struct CloseOnDrop<M: Mode> {
    shared: Arc<Shared>,
    mode: M,
    /// How long closing may take.
    timeout: Duration,
}

/// How long closing may take where requests may take any time.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

impl<M: Mode> Drop for CloseOnDrop<M> {
    fn drop(&mut self) {
        self.shared.close(self.timeout);
        self.mode.close(self.timeout);
    }
}

impl<M: Mode> Client<M> {
    pub(crate) fn new(shared: Arc<Shared>, mode: M, timeout: Option<Duration>) -> Self {
        let last = Arc::new(CloseOnDrop {
            shared: Arc::clone(&shared),
            mode,
            timeout: timeout.unwrap_or(CLOSE_TIMEOUT),
        });
        Self { shared, timeout, stream: None, last }
    }

    pub(crate) fn mode(&self) -> &M {
        &self.last.mode
    }

    pub(crate) fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    /// Starts a request whose reply `decode` turns into the result.
    #[inline]
    pub(crate) fn start<R: Request, T>(
        &self,
        request: &R,
        decode: fn(Response, &Arc<Shared>) -> Result<T, DecodeError>,
    ) -> Pending<T> {
        let (sent, subject) = self.submit_in_stream(request);
        Pending::new(&self.shared, sent, subject, decode)
    }

    #[inline]
    fn submit_in_stream<R: Request>(&self, request: &R) -> (Result<RequestId, Error>, Subject) {
        self.submit_with(request, |_, _| {})
    }

    /// Queues a request, and does `at_once` before anyone can write it.
    #[inline]
    pub(crate) fn submit_with<R: Request>(
        &self,
        request: &R,
        at_once: impl FnOnce(&mut Connection, RequestId),
    ) -> (Result<RequestId, Error>, Subject) {
        let subject = request.subject();
        let Some(stream) = &self.stream else {
            return (self.shared.submit(request, subject, self.timeout, None, at_once), subject);
        };
        let subject = stream.name(subject);
        (self.shared.submit(request, subject, self.timeout, Some(stream), at_once), subject)
    }

    /// Starts a request whose result `settle` makes; it is dropped if the reply is.
    pub(crate) fn request_guarded<R: Request, T>(
        &self,
        request: &R,
        settle: impl FnOnce(Result<(), Error>) -> Result<T, Error> + Send + Sync + 'static,
    ) -> M::Reply<T> {
        let (sent, subject) = self.submit_in_stream(request);
        self.mode().reply(Pending::guarded(&self.shared, sent, subject, Box::new(settle)))
    }

    /// Another view of the same connection, with requests in this stream.
    pub(crate) fn in_stream(&self, stream: InStream) -> Self {
        Self { stream: Some(Arc::new(stream)), ..self.clone() }
    }

    /// How long may take what nobody waits for.
    pub(crate) fn close_timeout(&self) -> Duration {
        self.last.timeout
    }

    #[inline]
    pub(crate) fn request<R: Request, T>(
        &self,
        request: &R,
        decode: fn(Response, &Arc<Shared>) -> Result<T, DecodeError>,
    ) -> M::Reply<T> {
        self.mode().reply(self.start(request, decode))
    }

    /// Sends any request and returns its reply undecoded: the door that all verbs go through.
    pub fn send<R: Request>(&self, request: R) -> M::Reply<Response> {
        self.request(&request, |response, _| Ok(response))
    }

    /// Checks that the server is there and answers.
    pub fn ping(&self) -> M::Reply<()> {
        self.request(&Ping, |_, _| Ok(()))
    }

    /// Changes the user of the session, for all clones: requests made after this are that user's.
    ///
    /// By `chap-sha1`, so that the password does not leave. Refused, the session keeps its user.
    ///
    /// # Errors
    /// As every verb; the server's codes are
    /// [`CREDS_MISMATCH`](crate::ErrorCode::CREDS_MISMATCH) and, for an unknown user before 2.10.4,
    /// [`NO_SUCH_USER`](crate::ErrorCode::NO_SUCH_USER).
    pub fn log_in(&self, user: &str, password: &str) -> M::Reply<()> {
        // Handles are given out after the greeting.
        let salt = self.server().map(|server| *server.greeting().salt()).unwrap_or_default();
        self.request(&Auth::chap_sha1(user, password.as_bytes(), &salt), |_, _| Ok(()))
    }

    /// Makes the session that of the user `guest` again, for all clones.
    pub fn log_out(&self) -> M::Reply<()> {
        self.request(&Auth::guest(), |_, _| Ok(()))
    }

    /// Calls a stored function or a Lua global, such as `box.info` or `space:method`.
    ///
    /// `arguments` is a tuple of them; a scalar is one argument, `()` none. One returned value is
    /// decoded as it is, several as a tuple, none as `()` or `None`.
    pub fn call<A: Serialize, T: DeserializeOwned>(
        &self,
        function: &str,
        arguments: A,
    ) -> M::Reply<T> {
        self.request(&Call::new(function).arguments(arguments), returned)
    }

    /// Runs Lua code, whose `...` are the arguments. Arguments and result are as those of
    /// [`call`](Self::call); without a `return` there is none.
    pub fn eval<A: Serialize, T: DeserializeOwned>(&self, code: &str, arguments: A) -> M::Reply<T> {
        self.request(&Eval::new(code).arguments(arguments), returned)
    }

    /// A space whose rows are `T`s, by name or by number. Nothing is sent.
    ///
    /// By name: servers since 3.0 are sent the name; for older ones it is looked up in a schema
    /// that is read when first needed and again when it has changed.
    #[must_use]
    pub fn space<'n, T>(&self, space: impl Into<Identifier<'n>>) -> Space<T, M> {
        Space::new(self.clone(), space.into())
    }

    /// Another view of the same connection whose requests must be answered within `timeout`,
    /// waiting for a place and queueing included; zero: no limit.
    #[must_use]
    pub fn with_timeout(&self, timeout: Duration) -> Self {
        let timeout = Some(timeout).filter(|timeout| !timeout.is_zero());
        Self { timeout, ..self.clone() }
    }

    /// Who answered when this connection was opened.
    #[must_use]
    pub fn server(&self) -> Option<ServerInfo> {
        self.shared.lock().conn.server().cloned()
    }

    /// What the connection has done so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        *self.shared.lock().conn.stats()
    }

    /// How many requests are queued or written and not answered.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.shared.lock().conn.in_flight()
    }

    /// Accepts no more requests from any clone. Those accepted are still answered.
    pub fn close(&self) {
        self.shared.close(self.last.timeout);
    }

    /// Why the connection has ended, if it has.
    #[must_use]
    pub fn failure(&self) -> Option<Error> {
        let failure = self.shared.lock().conn.failure().cloned();
        failure.map(|error| Error::connect(self.shared.address(), error))
    }
}

impl Client<Async> {
    /// Waits until the handshake is over: for adapters, before they hand the client out.
    ///
    /// # Errors
    /// The connection ended before.
    pub async fn ready(&self) -> Result<(), Error> {
        poll_fn(|cx| self.poll_ready(cx)).await
    }

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let mut state = self.shared.lock();
        if let Some(error) = state.conn.failure().cloned() {
            drop(state);
            return Poll::Ready(Err(Error::connect(self.shared.address(), error)));
        }
        if state.is_ready {
            return Poll::Ready(Ok(()));
        }
        state.wait_ready(cx.waker());
        Poll::Pending
    }
}

impl<M: Mode> fmt::Debug for Client<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("address", &self.shared.address())
            .field("timeout", &self.timeout)
            .field("stream", &self.stream.as_ref().map(|stream| stream.id))
            .finish_non_exhaustive()
    }
}

pub(crate) fn returned<T: DeserializeOwned>(
    response: Response,
    _: &Arc<Shared>,
) -> Result<T, DecodeError> {
    response.returned()
}
