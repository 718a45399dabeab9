//! The handle.

use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tarantool_proto::msgpack::DecodeError;
use tarantool_proto::request::{Call, Eval, Identifier, Ping, Request, Subject};
use tarantool_proto::session::Session;
use tarantool_proto::{RequestId, Response, ServerInfo, Stats};

use crate::config::Config;
use crate::error::Error;
use crate::lane::{Lane, Lanes};
use crate::life::Status;
use crate::mode::{Async, Mode};
use crate::pending::Pending;
use crate::shared::{Sending, Shared, StatusWaiter, StreamId};
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
///
/// # Lanes
///
/// With [`Config::lanes`] a client has several connections, which requests take in turn;
/// each transaction, stream and watcher stays on one. A [named lane](Self::lane) is apart from these,
/// for large replies that would delay others.
#[derive(Clone)]
pub struct Client<M: Mode = Async> {
    pub(crate) lane: Arc<Lane<M>>,
    /// All of them, if its requests take several in turn.
    lanes: Option<Arc<Lanes<M>>>,
    timeout: Option<Duration>,
    is_idempotent: bool,
    /// Where its requests are executed one after another, if they are.
    pub(crate) stream: Option<Arc<InStream>>,
}

impl<M: Mode> Client<M> {
    /// A client over lanes that `make` makes.
    pub(crate) fn new(config: &Config, mut make: impl FnMut() -> (Arc<Shared>, M)) -> Self {
        let close_timeout = config.close_timeout;
        let mut make = || {
            let (shared, mode) = make();
            Arc::new(Lane { shared, mode, close_timeout })
        };
        let lane = make();
        let lanes = (config.lanes > 1 || !config.named_lanes.is_empty()).then(|| {
            let mut spread = vec![Arc::clone(&lane)];
            spread.extend((1..config.lanes).map(|_| make()));
            let named = config.named_lanes.iter().map(|name| (name.clone(), make())).collect();
            Lanes::new(spread, named)
        });
        let timeout = config.request_timeout;
        Self { lane, lanes, timeout, is_idempotent: false, stream: None }
    }

    /// The lane of the next request.
    #[inline]
    pub(crate) fn next_lane(&self) -> &Arc<Lane<M>> {
        let next = self.lanes.as_ref().and_then(|lanes| lanes.next());
        next.unwrap_or(&self.lane)
    }

    /// All lanes that this view uses, with those that have names.
    pub(crate) fn all_lanes(&self) -> impl Iterator<Item = &Arc<Lane<M>>> {
        let one = self.lanes.is_none().then_some(&self.lane);
        self.lanes.iter().flat_map(|lanes| lanes.all()).chain(one)
    }

    /// Another view that stays on one lane.
    pub(crate) fn on(&self, lane: &Arc<Lane<M>>) -> Self {
        let stream = self.stream.clone();
        Self { lane: Arc::clone(lane), lanes: None, stream, ..*self }
    }

    /// Another view of the same client, whose requests take the lane of this name, which is apart from
    /// the others; `None`: the configuration [names](Config::named_lane) none so.
    ///
    /// ```no_run
    /// # fn example(client: tarantool_client::Client) {
    /// let bulk = client.lane("bulk").unwrap_or(client);
    /// # }
    /// ```
    #[must_use]
    pub fn lane(&self, name: &str) -> Option<Self> {
        let lane = self.lanes.as_ref()?.named(name)?;
        Some(self.on(lane))
    }

    /// Each connection by itself: views that stay on one lane each, those with names last.
    #[must_use]
    pub fn lanes(&self) -> Vec<Self> {
        self.all_lanes().map(|lane| self.on(lane)).collect()
    }

    pub(crate) fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    /// Starts a request whose reply `decode` turns into the result.
    #[inline]
    pub(crate) fn start<R: Request, T>(
        &self,
        lane: &Lane<M>,
        request: &R,
        decode: fn(Response, &Arc<Shared>) -> Result<T, DecodeError>,
    ) -> Pending<T> {
        let (sent, subject) = lane.submit(request, self.sending(), |_, _| {});
        Pending::new(&lane.shared, sent, subject, decode)
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

    /// Starts a request whose result `settle` makes; it is dropped if the reply is.
    pub(crate) fn request_guarded<R: Request, T>(
        &self,
        request: &R,
        settle: impl FnOnce(Result<(), Error>) -> Result<T, Error> + Send + Sync + 'static,
    ) -> M::Reply<T> {
        let (sent, subject) = self.lane.submit(request, self.sending(), |_, _| {});
        let pending = Pending::guarded(&self.lane.shared, sent, subject, Box::new(settle));
        self.lane.mode.reply(pending)
    }

    /// Another view that stays on one lane, with requests in a new stream.
    pub(crate) fn in_stream(&self, stream: impl FnOnce(StreamId) -> InStream) -> Self {
        let view = self.on(self.next_lane());
        let stream = stream(view.lane.shared.next_stream());
        Self { stream: Some(Arc::new(stream)), ..view }
    }

    #[inline]
    pub(crate) fn request<R: Request, T>(
        &self,
        request: &R,
        decode: fn(Response, &Arc<Shared>) -> Result<T, DecodeError>,
    ) -> M::Reply<T> {
        let lane = self.next_lane();
        lane.mode.reply(self.start(lane, request, decode))
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
    /// As every verb; [`Saturated`](tarantool_proto::SendError::Saturated) when there is no place,
    /// [`NotConnected`](tarantool_proto::SendError::NotConnected) when there is no connection.
    pub fn try_send<R: Request>(&self, request: R) -> M::Reply<Response> {
        let sending = Sending { is_impatient: true, ..self.sending() };
        let lane = self.next_lane();
        let (sent, subject) = lane.submit(&request, sending, |_, _| {});
        lane.mode.reply(Pending::new(&lane.shared, sent, subject, |response, _| Ok(response)))
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

    /// Calls a stored function or a Lua global, such as `box.info` or `space:method`.
    ///
    /// `arguments` is a tuple of them; a scalar is one argument, `()` none. One returned value is
    /// decoded as it is, several as a tuple, none as `()` or `None`.
    pub fn call<T: DeserializeOwned>(
        &self,
        function: &str,
        arguments: impl Serialize,
    ) -> M::Reply<T> {
        self.request(&Call::new(function).arguments(arguments), returned)
    }

    /// Runs Lua code, whose `...` are the arguments. Arguments and result are as those of
    /// [`call`](Self::call); without a `return` there is none.
    pub fn eval<T: DeserializeOwned>(&self, code: &str, arguments: impl Serialize) -> M::Reply<T> {
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

    /// Who answered on the present connection, of several lanes on the first; `None` while there is
    /// none.
    #[must_use]
    pub fn server(&self) -> Option<ServerInfo> {
        self.lane.shared.lock().session.server().cloned()
    }

    /// Where the client is in its life, of several lanes the first.
    #[must_use]
    pub fn status(&self) -> Status {
        let state = self.lane.shared.lock();
        state.life.status(&state.session)
    }

    /// What all connections together have done so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let mut all = Stats::default();
        self.all_lanes().for_each(|lane| all += lane.shared.lock().stats());
        all
    }

    /// How many requests are queued or written and not answered.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.all_lanes().map(|lane| lane.shared.lock().session.in_flight()).sum()
    }

    /// How many bytes of requests are queued and not handed out to be written; those that wait for a
    /// place or a connection are not among them.
    #[must_use]
    pub fn queued_bytes(&self) -> usize {
        self.all_lanes().map(|lane| lane.shared.lock().session.queued_bytes()).sum()
    }

    /// Accepts no more requests from any clone. Those accepted are still answered, within the
    /// [close timeout](Config::close_timeout). Of a view that stays on one lane: on that lane.
    ///
    /// Does not wait for that: [`closed`](Self::closed) does. On threads nothing happens until one
    /// waits, for that or for a reply, or the last handle is dropped.
    pub fn close(&self) {
        self.all_lanes().for_each(|lane| lane.shared.close(lane.close_timeout));
    }

    /// Why the client is over, once it is: it was closed and all that it had accepted has an answer,
    /// or there are no more connections.
    #[must_use]
    pub fn failure(&self) -> Option<Error> {
        let failures: Option<Vec<Error>> =
            self.all_lanes().map(|lane| lane.shared.failure()).collect();
        failures?.into_iter().next()
    }
}

impl<M: Mode> Lane<M> {
    /// Queues a request, and does `at_once` before anyone can write it.
    #[inline]
    pub(crate) fn submit<R: Request>(
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
}

impl Client<Async> {
    /// Waits until there is a connection, on every lane.
    ///
    /// # Errors
    /// The client was over before.
    pub async fn ready(&self) -> Result<(), Error> {
        for lane in self.all_lanes() {
            let waiting = StatusWaiter::new(&lane.shared);
            poll_fn(|cx| lane.shared.poll_ready(waiting.number, cx)).await?;
        }
        Ok(())
    }

    /// Waits until the client is over, on every lane of this view, and its connections are closed;
    /// [`failure`](Self::failure) says why.
    ///
    /// ```no_run
    /// # async fn example(client: tarantool_client::Client) {
    /// // What was accepted is answered, and the connection closed.
    /// client.close();
    /// client.closed().await;
    /// # }
    /// ```
    pub async fn closed(&self) {
        for lane in self.all_lanes() {
            let waiting = StatusWaiter::new(&lane.shared);
            poll_fn(|cx| lane.shared.poll_closed(waiting.number, cx)).await;
        }
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
        let waiting = StatusWaiter::new(&self.lane.shared);
        poll_fn(|cx| {
            let mut state = self.lane.shared.lock();
            let status = state.life.status(&state.session);
            if status != *seen {
                return Poll::Ready(status);
            }
            let replaced = state.life.wait(waiting.number, cx.waker());
            drop(state);
            drop(replaced);
            Poll::Pending
        })
        .await
    }
}

impl<M: Mode> fmt::Debug for Client<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("addresses", &self.lane.shared.addresses_as_text())
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
