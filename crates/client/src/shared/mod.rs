//! What all handles of a client share: the state machine under one mutex, and wakers.
//!
//! Lock rules:
//!
//! 1. There is one lock, [`Shared::state`]. Nothing else is locked while it is held.
//! 2. No user code under it: requests are encoded before and replies decoded after; wakers and
//!    events are collected inside and told outside ([`Told`]); no system call.
//! 3. It is held for one request on the way in, and for many replies of a read on the way out.

mod detached;
mod failures;
mod scratch;
mod waiters;

use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::BytesMut;
use tarantool_proto::request::{Ping, Request, Subject};
use tarantool_proto::session::{Session, SessionEvent};
use tarantool_proto::{ConnectionError, Credentials, Frame, RequestId, Stats, WatchId};

use crate::address::Address;
use crate::config::Config;
use crate::error::{Error, ErrorKind};
use crate::lead::Leases;
use crate::life::{Hook, Life, Told};
use crate::round_trips::RoundTrips;
use crate::stream::InStream;
use crate::sync::{Mutex, MutexGuard, now};
use detached::Detached;
use scratch::with_scratch;
pub(crate) use waiters::StatusWaiter;
use waiters::Waiter;

pub(crate) struct Shared {
    state: Mutex<State>,
    addresses: Arc<[Address]>,
    hook: Option<Hook>,
    /// Whether a connection is in use, as of the last event.
    is_ready: Arc<AtomicBool>,
    /// How many streams there were: none has the number of another.
    streams: AtomicU64,
}

pub(crate) struct State {
    pub(crate) session: Session,
    pub(crate) life: Life,
    /// Who waits for the answer in each slot, and how many do.
    waiters: Vec<Option<Waiter>>,
    waiting: usize,
    /// Where the search for a waiter began last.
    cursor: usize,
    /// Who waits for a new value of a watched key; each watcher has a number.
    watchers: BTreeMap<(WatchId, u64), Waker>,
    /// The number of the last watcher.
    last_watcher: u64,
    /// The driver, while it has nothing to do.
    driver: Option<Waker>,
    pub(crate) leases: Leases,
    pub(crate) is_closing: bool,
    /// The connection's last request; see [`Shared::close`].
    pub(crate) last: Option<RequestId>,
    /// Requests that are sent in any case and whose answers nobody takes.
    detached: Vec<Detached>,
    /// If it is to be measured.
    round_trips: Option<Box<RoundTrips>>,
}

/// A stream, and the number of the connection that it belongs to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StreamId {
    pub(crate) id: NonZeroU64,
    pub(crate) generation: u64,
}

/// How a request is sent.
#[derive(Clone, Copy, Default)]
pub(crate) struct Sending<'a> {
    pub(crate) timeout: Option<Duration>,
    pub(crate) stream: Option<&'a InStream>,
    /// The only connection that it may be sent on.
    pub(crate) bound_to: Option<u64>,
    /// It may be executed twice.
    pub(crate) is_idempotent: bool,
    /// Rather an error than a wait for a place.
    pub(crate) is_impatient: bool,
}

impl Shared {
    pub(crate) fn new(config: &Config, seed: u64) -> Arc<Self> {
        let addresses: Arc<[Address]> = config.addresses.as_slice().into();
        let mut settings = config.session.clone();
        settings.addresses = addresses.len();
        let life = Life::new(Arc::clone(&addresses), config.hook.is_some());
        let is_ready = life.is_ready();
        let state = Mutex::new(State {
            session: Session::new(settings, seed, now()),
            life,
            waiters: Vec::new(),
            waiting: 0,
            cursor: 0,
            watchers: BTreeMap::new(),
            last_watcher: 0,
            driver: None,
            leases: Leases::default(),
            is_closing: false,
            last: None,
            detached: Vec::new(),
            round_trips: config.round_trips.then(Box::default),
        });
        let hook = config.hook.clone();
        Arc::new(Self { state, addresses, hook, is_ready, streams: AtomicU64::new(0) })
    }

    /// The state stays consistent whatever panics: no step leaves it half-changed.
    #[inline]
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn address(&self, index: usize) -> Address {
        self.addresses.get(index).or_else(|| self.addresses.first()).cloned().unwrap_or_default()
    }

    /// For messages.
    pub(crate) fn addresses_as_text(&self) -> String {
        let texts: Vec<String> = self.addresses.iter().map(Address::to_string).collect();
        texts.join(",")
    }

    /// Whether a connection is in use, as of the last event.
    pub(crate) fn is_ready(&self) -> bool {
        self.is_ready.load(Ordering::Relaxed)
    }

    /// Ready while there is a connection.
    pub(crate) fn poll_ready(&self, number: u64, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        // Dropped after the lock.
        let _replaced;
        {
            let mut state = self.lock();
            if state.session.failure().is_none() {
                if state.session.generation().is_some() {
                    return Poll::Ready(Ok(()));
                }
                _replaced = state.life.wait(number, cx.waker());
                return Poll::Pending;
            }
        }
        Poll::Ready(self.failure().map_or(Ok(()), Err))
    }

    pub(crate) fn poll_closed(&self, number: u64, cx: &mut Context<'_>) -> Poll<()> {
        // Dropped after the lock.
        let _replaced;
        let mut state = self.lock();
        if state.life.is_released {
            return Poll::Ready(());
        }
        _replaced = state.life.wait(number, cx.waker());
        Poll::Pending
    }

    /// Tells everyone, outside of the lock.
    #[inline]
    pub(crate) fn tell(&self, told: &mut Told) {
        told.deliver(self.hook.as_ref());
    }

    /// A new stream.
    pub(crate) fn next_stream(&self) -> StreamId {
        let before = self.streams.fetch_add(1, Ordering::Relaxed);
        let generation = self.lock().session.binding();
        StreamId { id: NonZeroU64::MIN.saturating_add(before), generation }
    }

    /// Encodes and queues a request, does `at_once` before anyone can write it, and wakes the driver if
    /// it sleeps.
    #[inline]
    pub(crate) fn submit<R: Request + ?Sized>(
        &self,
        request: &R,
        subject: Subject,
        sending: Sending<'_>,
        at_once: impl FnOnce(&mut Session, RequestId),
    ) -> Result<RequestId, Error> {
        let Sending { timeout, stream, bound_to, is_idempotent, is_impatient } = sending;
        let deadline = timeout.and_then(|timeout| now().checked_add(timeout));
        with_scratch(|frame| {
            let encoded = match stream {
                None => frame.encode(request),
                Some(stream) => frame.encode_in_stream(stream.id.id, request),
            };
            if let Err(error) = encoded {
                return Err(Error::of(subject, ErrorKind::Encode(error)));
            }
            if let Some(generation) = stream.map(|stream| stream.id.generation).or(bound_to) {
                frame.bind_to(generation);
            }
            if is_idempotent {
                frame.mark_idempotent();
            }
            let mut state = self.lock();
            if stream.is_some_and(|stream| !stream.admits(request.request_type())) {
                return Err(Error::of(subject, ErrorKind::TransactionOver));
            }
            let sent = match is_impatient {
                false => state.session.send(frame, deadline),
                true => state.session.try_send(frame, deadline),
            };
            match sent {
                Ok(id) => {
                    at_once(&mut state.session, id);
                    if let Some(round_trips) = &mut state.round_trips {
                        round_trips.begin(id, now());
                    }
                    let driver = state.driver.take();
                    drop(state);
                    if let Some(driver) = driver {
                        driver.wake();
                    }
                    Ok(id)
                }
                Err(error) => {
                    let loss = state.loss_behind(error);
                    drop(state);
                    Err(self.refused(subject, error, loss))
                }
            }
        })
    }

    /// Watches a key for one more watcher, and gives that a number.
    pub(crate) fn watch(&self, subject: Subject, key: &str) -> (Result<WatchId, Error>, u64) {
        let mut told = Told::default();
        let mut state = self.lock();
        let watch = state.session.watch(key);
        state.last_watcher += 1;
        let number = state.last_watcher;
        // A server that lacks watched keys is told of at once.
        let _ = state.process(&mut BytesMut::new(), &mut told);
        told.wakers.extend(state.driver.take());
        let watch = watch.map_err(|error| (error, state.loss_behind(error)));
        drop(state);
        self.tell(&mut told);
        (watch.map_err(|(error, loss)| self.refused(subject, error, loss)), number)
    }

    /// One watcher less.
    pub(crate) fn unwatch(&self, id: WatchId, number: u64) {
        let mut state = self.lock();
        let waker = state.forget_watcher(id, number);
        state.session.unwatch(id);
        let driver = state.driver.take();
        drop(state);
        drop(waker);
        if let Some(driver) = driver {
            driver.wake();
        }
    }

    /// Accepts no more requests: what was accepted is still sent and executed, within `timeout`.
    ///
    /// A socket that is closed with replies unread is reset, and the server then loses what it has
    /// not read yet. So while replies are missing, for which perhaps nobody waits, a last ping shows
    /// that the server has read everything before it.
    pub(crate) fn close(&self, timeout: Duration) {
        let mut ping = Frame::new();
        let encoded = ping.encode(&Ping);
        let deadline = now().checked_add(timeout);
        let mut told = Told::default();
        {
            let mut state = self.lock();
            let generation = state.session.generation();
            if let (Ok(()), false, Some(generation)) = (encoded, state.is_closing, generation) {
                if state.session.awaits_replies() {
                    ping.bind_to(generation);
                    // An end of the connection means that there is nothing to wait for.
                    state.last = state.session.send(&mut ping, deadline).ok();
                }
            }
            state.session.close(deadline);
            state.is_closing = true;
            told.wakers = state.take_watchers();
            told.wakers.extend(state.driver.take());
        }
        self.tell(&mut told);
    }

    /// The user of later connections; the present one is given up unless it is `logged_in`: the
    /// connection on which the server has accepted the new user.
    pub(crate) fn set_user(&self, credentials: Option<Credentials>, logged_in: Option<u64>) {
        let mut told = Told::default();
        {
            let mut state = self.lock();
            state.session.set_credentials(credentials);
            let is_new_user = logged_in.is_some() && state.session.generation() == logged_in;
            if state.session.is_connected() && !is_new_user {
                let text = "it was logged in as the former user";
                state.session.handle_failure(ConnectionError::Transport(text.into()));
                let _ = state.process(&mut BytesMut::new(), &mut told);
                told.wakers.extend(state.driver.take());
            }
        }
        self.tell(&mut told);
    }

    /// Ends it all for everyone.
    pub(crate) fn abort(&self, error: ConnectionError) {
        let mut told = Told::default();
        {
            let mut state = self.lock();
            state.session.abort(error);
            // The error is the same for all from now on; each waiter finds it by itself.
            let _ = state.process(&mut BytesMut::new(), &mut told);
            told.wakers.extend(state.driver.take());
        }
        self.tell(&mut told);
    }
}

impl State {
    pub(crate) fn stats(&self) -> Stats {
        let mut stats = *self.session.stats();
        if let Some(round_trips) = &self.round_trips {
            stats.round_trips = round_trips.micros();
        }
        stats
    }

    /// Feeds input to the session and collects whom to tell of what.
    ///
    /// # Errors
    /// The client is over.
    #[inline]
    pub(crate) fn process(
        &mut self,
        input: &mut BytesMut,
        told: &mut Told,
    ) -> Result<(), ConnectionError> {
        self.process_some(input, told, usize::MAX).map(drop)
    }

    /// The same, but about `answers_max` answers at most. Whether more than a small rest of the input is
    /// left.
    ///
    /// # Errors
    /// The client is over.
    #[inline]
    pub(crate) fn process_some(
        &mut self,
        input: &mut BytesMut,
        told: &mut Told,
        answers_max: usize,
    ) -> Result<bool, ConnectionError> {
        let before = input.len();
        let mut answers = 0;
        let mut is_left = false;
        let mut read_at = None;
        while !is_left {
            match self.session.poll_event(input) {
                Ok(Some(SessionEvent::Answered(id))) => {
                    if let Some(round_trips) = &mut self.round_trips {
                        round_trips.end(id, *read_at.get_or_insert_with(now));
                    }
                    match self.take_waiter(id) {
                        Some(waker) => told.wakers.push(waker),
                        None => self.forget_detached(id),
                    }
                    answers += 1;
                    // A small rest is not worth a turn of its own.
                    is_left = answers >= answers_max && 3 * input.len() >= before;
                }
                Ok(Some(SessionEvent::Pushed(id))) => told.wakers.extend(self.take_waiter(id)),
                Ok(Some(SessionEvent::Changed(id))) => {
                    let of_key = (id, 0)..=(id, u64::MAX);
                    while let Some((watcher, _)) = self.watchers.range(of_key.clone()).next() {
                        let watcher = *watcher;
                        told.wakers.extend(self.watchers.remove(&watcher));
                    }
                }
                Ok(Some(event)) => self.life.on_event(event, told),
                Ok(None) => break,
                Err(error) => {
                    told.wakers.append(&mut self.take_watchers());
                    self.life.on_end(&error, told);
                    return Err(error);
                }
            }
        }
        self.life.on_late_replies(self.session.stats().late_replies, told);
        Ok(is_left)
    }
}
