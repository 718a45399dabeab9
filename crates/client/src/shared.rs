//! What all handles of a client share: the state machine under one mutex, and wakers.
//!
//! Lock rules:
//!
//! 1. There is one lock, [`Shared::state`]. Nothing else is locked while it is held.
//! 2. No user code under it: requests are encoded before and replies decoded after; wakers and
//!    events are collected inside and told outside ([`Told`]); no system call.
//! 3. It is held for one request on the way in, and for all replies of a read on the way out.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use tarantool_proto::request::{Ping, Request, Rollback, Subject};
use tarantool_proto::session::{Session, SessionEvent};
use tarantool_proto::{
    Answer, ConnectionError, Credentials, Frame, Outcome, RequestId, SendError, Stats, Unanswered,
    WatchId,
};

use crate::config::{Address, Config};
use crate::error::{Error, ErrorKind};
use crate::lead::Leases;
use crate::life::{Hook, Life, Told};
use crate::round_trips::RoundTrips;
use crate::stream::InStream;

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

/// A request that nobody waits for.
struct Detached {
    id: RequestId,
    /// If it is the rollback of this stream: how long it may take before it is tried again.
    rollback: Option<(StreamId, Duration)>,
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

struct Waiter {
    id: RequestId,
    waker: Waker,
}

impl Shared {
    pub(crate) fn new(config: &Config, seed: u64) -> Arc<Self> {
        let addresses: Arc<[Address]> = config.addresses.as_slice().into();
        let mut settings = config.session.clone();
        settings.addresses = addresses.len();
        let life = Life::new(Arc::clone(&addresses), config.hook.is_some());
        let is_ready = life.is_ready();
        let state = Mutex::new(State {
            session: Session::new(settings, seed, Instant::now()),
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
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
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
                        round_trips.begin(id, Instant::now());
                    }
                    let driver = state.driver.take();
                    drop(state);
                    if let Some(driver) = driver {
                        driver.wake();
                    }
                    Ok(id)
                }
                Err(error) => {
                    let of_connection =
                        state.lost_connection().filter(|_| error == SendError::ConnectionGone);
                    let loss = of_connection.or_else(|| state.loss());
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
        let loss = state.loss();
        drop(state);
        self.tell(&mut told);
        (watch.map_err(|error| self.refused(subject, error, loss)), number)
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

    #[cold]
    fn refused(&self, subject: Subject, error: SendError, loss: Option<Loss>) -> Error {
        use SendError::{Closed, ConnectionGone, NotConnected};
        let loss = loss.filter(|_| matches!(error, Closed | NotConnected | ConnectionGone));
        let present = || self.lock().session.address();
        let address = loss.as_ref().map_or_else(present, |loss| loss.address);
        let cause = loss.map(|loss| loss.reason);
        let kind = match error {
            ConnectionGone => ErrorKind::ConnectionGone { cause },
            error => ErrorKind::NotAccepted { error, cause },
        };
        Error::of(subject, kind).with_address(&self.address(address))
    }

    /// The error for a request that needs the present connection, of which there is none.
    #[cold]
    pub(crate) fn not_connected(&self, subject: Subject) -> Error {
        let loss = self.lock().loss();
        self.refused(subject, SendError::NotConnected, loss)
    }

    /// Why the client is over, if it is.
    pub(crate) fn failure(&self) -> Option<Error> {
        let (reason, address) = {
            let state = self.lock();
            (state.session.failure()?.clone(), state.session.last_address())
        };
        Some(Error::connect(&self.address(address), reason))
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

    /// Queues a rollback for which nobody waits, in any case behind what the stream has under way.
    pub(crate) fn roll_back(&self, stream: StreamId, timeout: Duration) {
        let driver = {
            let mut state = self.lock();
            state.send_rollback(stream, timeout);
            state.driver.take()
        };
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
        let deadline = Instant::now().checked_add(timeout);
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

/// Somebody who waits for another status, forgotten with the wait.
pub(crate) struct StatusWaiter<'a> {
    shared: &'a Shared,
    pub(crate) number: u64,
}

impl<'a> StatusWaiter<'a> {
    pub(crate) fn new(shared: &'a Shared) -> Self {
        Self { shared, number: shared.lock().life.next_waiter() }
    }
}

impl Drop for StatusWaiter<'_> {
    fn drop(&mut self) {
        let waker = self.shared.lock().life.forget(self.number);
        drop(waker);
    }
}

/// The end of the last connection or attempt.
pub(crate) struct Loss {
    pub(crate) address: usize,
    pub(crate) reason: ConnectionError,
}

impl State {
    /// Takes the answer of a request, or leaves `waker` to be woken when it is there, and returns the
    /// one that it replaces: see [`wait`](Self::wait).
    #[inline]
    pub(crate) fn take_or_wait(
        &mut self,
        id: RequestId,
        waker: &Waker,
    ) -> Result<Answer, Option<Waker>> {
        self.session.take(id).ok_or_else(|| self.wait(id, waker))
    }

    /// Leaves `waker` to be woken for a request. Returns the one that it replaces, to be dropped
    /// outside of the lock: with it a task may go, and with the task a handle of this connection.
    #[must_use = "a waker must be dropped outside of the lock"]
    pub(crate) fn wait(&mut self, id: RequestId, waker: &Waker) -> Option<Waker> {
        let slot = id.slot();
        if self.waiters.len() <= slot {
            self.waiters.resize_with(slot + 1, || None);
        }
        let place = self.waiters.get_mut(slot)?;
        match place {
            Some(waiter) if waiter.id == id && waiter.waker.will_wake(waker) => None,
            _ => {
                self.waiting += usize::from(place.is_none());
                let replaced = place.replace(Waiter { id, waker: waker.clone() });
                replaced.map(|waiter| waiter.waker)
            }
        }
    }

    /// Takes the waker of a request's waiter.
    #[inline]
    pub(crate) fn take_waiter(&mut self, id: RequestId) -> Option<Waker> {
        let place = self.waiters.get_mut(id.slot())?;
        let waiter = place.take_if(|waiter| waiter.id == id)?;
        self.waiting -= 1;
        Some(waiter.waker)
    }

    /// Takes the waker of any waiter, each in turn.
    pub(crate) fn take_any_waiter(&mut self) -> Option<Waker> {
        if self.waiting == 0 {
            return self.watchers.pop_first().map(|(_, waker)| waker);
        }
        let slots = self.waiters.len();
        for slot in (self.cursor..slots).chain(0..self.cursor.min(slots)) {
            if let Some(waiter) = self.waiters.get_mut(slot).and_then(Option::take) {
                self.waiting -= 1;
                self.cursor = slot + 1;
                return Some(waiter.waker);
            }
        }
        None
    }

    /// Leaves `waker` to be woken when a watched key has a new value, and returns the former one.
    pub(crate) fn wait_changed(
        &mut self,
        id: WatchId,
        number: u64,
        waker: &Waker,
    ) -> Option<Waker> {
        self.watchers.insert((id, number), waker.clone())
    }

    /// Takes the waker of a watcher, if it has left one.
    pub(crate) fn forget_watcher(&mut self, id: WatchId, number: u64) -> Option<Waker> {
        self.watchers.remove(&(id, number))
    }

    fn take_watchers(&mut self) -> Vec<Waker> {
        std::mem::take(&mut self.watchers).into_values().collect()
    }

    /// Stops the wait for a request. Returns the waker of its waiter, to be dropped, and the driver's,
    /// to be woken, if others are waiting for the place or for the end; both outside of the lock.
    #[must_use = "wakers are for outside of the lock"]
    pub(crate) fn cancel(&mut self, id: RequestId) -> (Option<Waker>, Option<Waker>) {
        self.session.cancel(id);
        let concerns_others = self.session.is_saturated() || self.is_closing;
        let driver = if concerns_others { self.driver.take() } else { None };
        (self.take_waiter(id), driver)
    }

    pub(crate) fn stats(&self) -> Stats {
        let mut stats = *self.session.stats();
        if let Some(round_trips) = &self.round_trips {
            stats.round_trips = round_trips.micros();
        }
        stats
    }

    /// Why the client is over, or else why the last connection or attempt ended.
    pub(crate) fn loss(&self) -> Option<Loss> {
        let reason = self.session.failure().or_else(|| self.session.last_loss())?.clone();
        Some(Loss { address: self.session.last_address(), reason })
    }

    /// Why the last connection that was in use has ended.
    fn lost_connection(&self) -> Option<Loss> {
        let (address, reason) = self.session.lost_connection()?;
        Some(Loss { address, reason: reason.clone() })
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
        let mut now = None;
        loop {
            match self.session.poll_event(input) {
                Ok(Some(SessionEvent::Answered(id))) => {
                    if let Some(round_trips) = &mut self.round_trips {
                        round_trips.end(id, *now.get_or_insert_with(Instant::now));
                    }
                    match self.take_waiter(id) {
                        Some(waker) => told.wakers.push(waker),
                        None => self.forget_detached(id),
                    }
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
        Ok(())
    }

    fn send_rollback(&mut self, stream: StreamId, timeout: Duration) {
        let mut frame = Frame::new();
        let timeout = timeout.max(ROLLBACK_MIN);
        let deadline = Instant::now().checked_add(timeout);
        if frame.encode_in_stream(stream.id, &Rollback).is_err() {
            return;
        }
        frame.bind_to(stream.generation);
        // An end of the connection rolls back too.
        let Ok(id) = self.session.send(&mut frame, deadline) else {
            return;
        };
        if self.session.is_answered(id) {
            // Refused: nobody would be told of it.
            self.session.take(id);
        } else {
            self.detached.push(Detached { id, rollback: Some((stream, timeout)) });
        }
    }

    fn forget_detached(&mut self, id: RequestId) {
        let Some(at) = self.detached.iter().position(|detached| detached.id == id) else {
            return;
        };
        let Detached { rollback, .. } = self.detached.swap_remove(at);
        let was_sent = self.session.take(id) != Some(Err(Unanswered::TimedOut(Outcome::NotSent)));
        if let (false, false, Some((stream, timeout))) = (was_sent, self.is_closing, rollback) {
            // The server still has the transaction open.
            self.send_rollback(stream, timeout);
        }
    }

    /// The request is executed in any case, and its answer forgotten.
    pub(crate) fn detach(&mut self, id: RequestId) {
        if self.session.is_answered(id) {
            self.session.take(id);
        } else {
            self.detached.push(Detached { id, rollback: None });
        }
    }

    pub(crate) fn take_driver(&mut self) -> Option<Waker> {
        self.driver.take()
    }

    /// Leaves `waker` to be woken for the driver. Returns the one that it replaces, to be dropped
    /// outside of the lock.
    #[must_use = "a waker must be dropped outside of the lock"]
    pub(crate) fn park_driver(&mut self, waker: &Waker) -> Option<Waker> {
        if self.driver.as_ref().is_some_and(|driver| driver.will_wake(waker)) {
            return None;
        }
        self.driver.replace(waker.clone())
    }
}

/// A rollback that finds no place is not tried again more often than so.
const ROLLBACK_MIN: Duration = Duration::from_millis(10);

/// Runs `encode` with a frame whose memory is used again for the next request of this thread.
///
/// The frame is out of its place meanwhile, so that a `Serialize` that itself sends a request finds
/// a fresh one.
fn with_scratch<T>(encode: impl FnOnce(&mut Frame) -> T) -> T {
    thread_local! {
        // In a box, which is moved more cheaply.
        static SCRATCH: Cell<Option<Box<Frame>>> = const { Cell::new(None) };
    }
    let mut frame = SCRATCH.try_with(Cell::take).ok().flatten().unwrap_or_default();
    let result = encode(&mut frame);
    if frame.capacity() <= SCRATCH_MAX {
        frame.clear();
        // At the end of a thread there is no next request.
        let _ = SCRATCH.try_with(|scratch| scratch.set(Some(frame)));
    }
    result
}

/// A larger frame is not kept: one big row should not hold its memory for ever.
const SCRATCH_MAX: usize = 64 << 10;
