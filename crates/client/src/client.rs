//! The handle.

use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tarantool_proto::msgpack::DecodeError;
use tarantool_proto::request::{Auth, Call, Eval, Identifier, Ping, Request, Subject};
use tarantool_proto::session::Session;
use tarantool_proto::{Credentials, Password, RequestId, Response, ServerInfo, Stats};

use crate::config::Config;
use crate::error::Error;
use crate::life::Status;
use crate::mode::{Async, Mode};
use crate::pending::Pending;
use crate::shared::{Sending, Shared};
use crate::space::Space;
use crate::stream::InStream;

/// A Tarantool, as any number of tasks or threads share it over one connection at a time.
///
/// Cheap to clone. Requests of all clones share the connection and its system calls: they leave
/// together in one write and their replies are matched by sync id. When the last clone is dropped,
/// requests that were accepted are still sent and executed, within the close timeout, and the
/// connection is closed.
///
/// Every verb starts its request when it is called. On an asynchronous runtime it returns a
/// [`Pending`] to await, on the blocking client (`Client<Blocking>`) the result.
///
/// Errors of every verb: see [`Error`]; its [`outcome`](Error::outcome) says whether the server may
/// have executed the request.
///
/// # When the connection is lost
///
/// Another one is made, to the next [address](crate::Config::or_address), unless
/// [told otherwise](crate::Config::reconnect). What becomes of requests:
///
/// | request | |
/// |---|---|
/// | not written yet | waits for the next connection, until its timeout |
/// | written, and idempotent: a select, a ping, or [marked](Self::idempotent) so | is sent again, until its timeout |
/// | written, any other | fails at once: [`MaybeExecuted`](crate::Outcome::MaybeExecuted) |
/// | of a transaction, a stream or a prepared statement | fails: those belong to the connection |
///
/// So nothing is executed twice that must not be. New requests wait for the next connection;
/// [watchers](crate::Watcher) go on by themselves and tell that values may have been missed.
#[derive(Clone)]
pub struct Client<M: Mode = Async> {
    pub(crate) shared: Arc<Shared>,
    timeout: Option<Duration>,
    is_idempotent: bool,
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

impl<M: Mode> Drop for CloseOnDrop<M> {
    fn drop(&mut self) {
        self.shared.close(self.timeout);
        self.mode.close(self.timeout);
    }
}

impl<M: Mode> Client<M> {
    pub(crate) fn new(shared: Arc<Shared>, mode: M, config: &Config) -> Self {
        let timeout = config.close_timeout;
        let last = Arc::new(CloseOnDrop { shared: Arc::clone(&shared), mode, timeout });
        let timeout = config.request_timeout;
        Self { shared, timeout, is_idempotent: false, stream: None, last }
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
        let (sent, subject) = self.submit_with(request, self.sending(), |_, _| {});
        Pending::new(&self.shared, sent, subject, decode)
    }

    /// How requests of this view are sent.
    #[inline]
    pub(crate) fn sending(&self) -> Sending<'_> {
        Sending {
            timeout: self.timeout,
            stream: self.stream.as_deref(),
            bound_to: None,
            is_idempotent: self.is_idempotent,
            is_impatient: false,
        }
    }

    /// Queues a request, and does `at_once` before anyone can write it.
    #[inline]
    pub(crate) fn submit_with<R: Request>(
        &self,
        request: &R,
        sending: Sending<'_>,
        at_once: impl FnOnce(&mut Session, RequestId),
    ) -> (Result<RequestId, Error>, Subject) {
        let mut subject = request.subject();
        if let Some(stream) = sending.stream {
            subject = stream.name(subject);
        }
        (self.shared.submit(request, subject, sending, at_once), subject)
    }

    /// Starts a request whose result `settle` makes; it is dropped if the reply is.
    pub(crate) fn request_guarded<R: Request, T>(
        &self,
        request: &R,
        settle: impl FnOnce(Result<(), Error>) -> Result<T, Error> + Send + Sync + 'static,
    ) -> M::Reply<T> {
        let (sent, subject) = self.submit_with(request, self.sending(), |_, _| {});
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

    /// As [`send`](Self::send), for those who prefer an error to waiting for a place at a limit or for
    /// a connection.
    ///
    /// # Errors
    /// As every verb; [`Saturated`](tarantool_proto::SendError::Saturated) when there is no place.
    pub fn try_send<R: Request>(&self, request: R) -> M::Reply<Response> {
        let sending = Sending { is_impatient: true, ..self.sending() };
        let (sent, subject) = self.submit_with(&request, sending, |_, _| {});
        self.mode().reply(Pending::new(&self.shared, sent, subject, |response, _| Ok(response)))
    }

    /// Another view of the same client whose requests may be executed twice without harm, and so are
    /// sent again when the connection is lost before they are answered. Selects and pings are of that
    /// kind by nature.
    ///
    /// ```no_run
    /// # async fn example(client: tarantool_client::Client) -> Result<(), tarantool_client::Error> {
    /// let rate: f64 = client.idempotent().call("exchange_rate", ("EUR", "USD")).await?;
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn idempotent(&self) -> Self {
        Self { is_idempotent: true, ..self.clone() }
    }

    /// Changes the user of the session, for all clones: requests made after this are that user's.
    ///
    /// By `chap-sha1`, so that the password does not leave. Refused, the session keeps its user.
    /// Connections to come log in as this user too, once the reply has been waited for.
    ///
    /// # Errors
    /// As every verb; the server's codes are
    /// [`CREDS_MISMATCH`](crate::ErrorCode::CREDS_MISMATCH) and, for an unknown user before 2.10.4,
    /// [`NO_SUCH_USER`](crate::ErrorCode::NO_SUCH_USER).
    pub fn log_in(&self, user: &str, password: &str) -> M::Reply<()> {
        let credentials = Credentials { user: user.into(), password: Password::new(password) };
        self.change_user(Some(credentials), |salt| Auth::chap_sha1(user, password.as_bytes(), salt))
    }

    /// Makes the session that of the user `guest` again, for all clones.
    pub fn log_out(&self) -> M::Reply<()> {
        self.change_user(None, |_| Auth::guest())
    }

    fn change_user<'a>(
        &self,
        credentials: Option<Credentials>,
        auth: impl FnOnce(&[u8; 20]) -> Auth<'a>,
    ) -> M::Reply<()> {
        let (salt, generation) = {
            let state = self.shared.lock();
            let salt = state.session.server().map(|server| *server.greeting().salt());
            (salt.unwrap_or_default(), state.session.generation())
        };
        let request = auth(&salt);
        let (sent, subject) = match generation {
            // The salt is that of this connection.
            Some(_) => {
                let sending = Sending { bound_to: generation, ..self.sending() };
                self.submit_with(&request, sending, |_, _| {})
            }
            None => (Err(self.shared.not_connected(request.subject())), request.subject()),
        };
        let shared = Arc::clone(&self.shared);
        let settle = move |result: Result<(), Error>| {
            if result.is_ok() {
                shared.lock().session.set_credentials(credentials);
            }
            result
        };
        self.mode().reply(Pending::guarded(&self.shared, sent, subject, Box::new(settle)))
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

    /// Who answered on the present connection; `None` while there is none.
    #[must_use]
    pub fn server(&self) -> Option<ServerInfo> {
        self.shared.lock().session.server().cloned()
    }

    /// Where the client is in its life.
    #[must_use]
    pub fn status(&self) -> Status {
        let state = self.shared.lock();
        state.life.status(&state.session)
    }

    /// What all connections together have done so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        *self.shared.lock().session.stats()
    }

    /// How many requests are queued or written and not answered.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.shared.lock().session.in_flight()
    }

    /// Accepts no more requests from any clone. Those accepted are still answered, within the
    /// [close timeout](crate::Config::close_timeout).
    pub fn close(&self) {
        self.shared.close(self.last.timeout);
    }

    /// Why the client is over, if it is: it was closed, or there are no more connections.
    #[must_use]
    pub fn failure(&self) -> Option<Error> {
        self.shared.failure()
    }
}

impl Client<Async> {
    /// Waits until there is a connection: for adapters, before they hand the client out.
    ///
    /// # Errors
    /// The client was over before.
    pub async fn ready(&self) -> Result<(), Error> {
        poll_fn(|cx| {
            {
                let mut state = self.shared.lock();
                if state.session.failure().is_none() {
                    if state.life.was_ready {
                        return Poll::Ready(Ok(()));
                    }
                    state.life.wait(cx.waker());
                    return Poll::Pending;
                }
            }
            Poll::Ready(self.shared.failure().map_or(Ok(()), Err))
        })
        .await
    }

    /// Waits until the status is another than `seen`, and returns it.
    ///
    /// ```no_run
    /// # async fn example(client: tarantool_client::Client) {
    /// use tarantool_client::Status;
    ///
    /// let mut status = client.status();
    /// while status != Status::Closed {
    ///     println!("{status:?}");
    ///     status = client.status_changed(&status).await;
    /// }
    /// # }
    /// ```
    pub async fn status_changed(&self, seen: &Status) -> Status {
        poll_fn(|cx| {
            let mut state = self.shared.lock();
            let status = state.life.status(&state.session);
            if status != *seen {
                return Poll::Ready(status);
            }
            state.life.wait(cx.waker());
            Poll::Pending
        })
        .await
    }
}

impl<M: Mode> fmt::Debug for Client<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("addresses", &self.shared.addresses_as_text())
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
