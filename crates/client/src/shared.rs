//! What all handles of a connection share: the state machine under one mutex, and wakers.
//!
//! Lock rules:
//!
//! 1. There is one lock, [`Shared::state`]. Nothing else is locked while it is held.
//! 2. No user code under it: requests are encoded before and replies decoded after; wakers are
//!    collected inside and woken outside; no system call.
//! 3. It is held for one request on the way in, and for all replies of a read on the way out.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use tarantool_proto::request::{Ping, Request, Rollback, Subject};
use tarantool_proto::{
    Answer, Connection, ConnectionError, Event, Frame, Outcome, RequestId, SendError, Unanswered,
    WatchId,
};

use crate::error::{Error, ErrorKind};
use crate::lead::Leases;
use crate::stream::InStream;

pub(crate) struct Shared {
    state: Mutex<State>,
    address: Box<str>,
    /// How many streams there were: none has the number of another.
    streams: AtomicU64,
}

pub(crate) struct State {
    pub(crate) conn: Connection,
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
    /// Who waits for the handshake.
    ready: Vec<Waker>,
    pub(crate) is_ready: bool,
    pub(crate) leases: Leases,
    pub(crate) is_closing: bool,
    /// The connection's last request; see [`Shared::close`].
    pub(crate) last: Option<RequestId>,
    /// Requests that are sent in any case and whose answers nobody takes.
    detached: Vec<Detached>,
}

/// A rollback that nobody waits for.
struct Detached {
    id: RequestId,
    stream: NonZeroU64,
    /// How long it may take before it is tried again.
    timeout: Duration,
}

struct Waiter {
    id: RequestId,
    waker: Waker,
}

impl Shared {
    pub(crate) fn new(conn: Connection, address: String) -> Arc<Self> {
        let state = Mutex::new(State {
            conn,
            waiters: Vec::new(),
            waiting: 0,
            cursor: 0,
            watchers: BTreeMap::new(),
            last_watcher: 0,
            driver: None,
            ready: Vec::new(),
            is_ready: false,
            leases: Leases::default(),
            is_closing: false,
            last: None,
            detached: Vec::new(),
        });
        Arc::new(Self { state, address: address.into(), streams: AtomicU64::new(0) })
    }

    /// The state stays consistent whatever panics: no step leaves it half-changed.
    #[inline]
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// The number of a new stream.
    pub(crate) fn next_stream(&self) -> NonZeroU64 {
        let before = self.streams.fetch_add(1, Ordering::Relaxed);
        NonZeroU64::MIN.saturating_add(before)
    }

    /// Encodes and queues a request, does `at_once` before anyone can write it, and wakes the driver if
    /// it sleeps.
    #[inline]
    pub(crate) fn submit<R: Request + ?Sized>(
        &self,
        request: &R,
        subject: Subject,
        timeout: Option<Duration>,
        stream: Option<&InStream>,
        at_once: impl FnOnce(&mut Connection, RequestId),
    ) -> Result<RequestId, Error> {
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        with_scratch(|frame| {
            let encoded = match stream {
                None => frame.encode(request),
                Some(stream) => frame.encode_in_stream(stream.id, request),
            };
            if let Err(error) = encoded {
                return Err(Error::of(subject, ErrorKind::Encode(error)));
            }
            let mut state = self.lock();
            if stream.is_some_and(|stream| !stream.admits(request.request_type())) {
                return Err(Error::of(subject, ErrorKind::TransactionOver));
            }
            match state.conn.send(frame, deadline) {
                Ok(id) => {
                    at_once(&mut state.conn, id);
                    let driver = state.driver.take();
                    drop(state);
                    if let Some(driver) = driver {
                        driver.wake();
                    }
                    Ok(id)
                }
                Err(error) => {
                    let cause = state.conn.failure().cloned();
                    drop(state);
                    Err(self.refused(subject, error, cause))
                }
            }
        })
    }

    /// Watches a key for one more watcher, and gives that a number.
    pub(crate) fn watch(&self, subject: Subject, key: &str) -> (Result<WatchId, Error>, u64) {
        let mut woken = Vec::new();
        let mut state = self.lock();
        let watch = state.conn.watch(key);
        state.last_watcher += 1;
        let number = state.last_watcher;
        // A server that lacks watched keys is told of at once.
        let _ = state.process(&mut BytesMut::new(), &mut woken);
        woken.extend(state.driver.take());
        let cause = state.conn.failure().cloned();
        drop(state);
        wake_all(&mut woken);
        (watch.map_err(|error| self.refused(subject, error, cause)), number)
    }

    /// One watcher less.
    pub(crate) fn unwatch(&self, id: WatchId, number: u64) {
        let mut state = self.lock();
        let waker = state.forget_watcher(id, number);
        state.conn.unwatch(id);
        let driver = state.driver.take();
        drop(state);
        drop(waker);
        if let Some(driver) = driver {
            driver.wake();
        }
    }

    #[cold]
    fn refused(&self, subject: Subject, error: SendError, cause: Option<ConnectionError>) -> Error {
        let cause = cause.filter(|_| error == SendError::Closed);
        Error::of(subject, ErrorKind::NotAccepted { error, cause }).with_address(&self.address)
    }

    /// The error for a request that got no answer.
    #[cold]
    pub(crate) fn unanswered(
        &self,
        subject: Subject,
        why: Unanswered,
        cause: Option<ConnectionError>,
    ) -> Error {
        let kind = match why {
            Unanswered::TimedOut(outcome) => ErrorKind::TimedOut { outcome },
            Unanswered::UnknownName(name) => ErrorKind::UnknownName(name),
            Unanswered::SchemaUnavailable(why) => ErrorKind::SchemaUnavailable(why),
            Unanswered::Unsupported(what) => ErrorKind::Unsupported(what),
            other => ErrorKind::Lost {
                outcome: other.outcome(),
                cause: cause.unwrap_or(ConnectionError::Shutdown),
            },
        };
        Error::of(subject, kind).with_address(&self.address)
    }

    /// Queues a rollback for which nobody waits, in any case behind what the stream has under way.
    pub(crate) fn roll_back(&self, stream: NonZeroU64, timeout: Duration) {
        let deadline = Instant::now().checked_add(timeout);
        let driver = with_scratch(|frame| {
            frame.encode_in_stream(stream, &Rollback).ok()?;
            let mut state = self.lock();
            // An end of the connection rolls back too.
            let id = state.conn.send(frame, deadline).ok()?;
            if state.conn.is_answered(id) {
                // Refused: nobody would be told of it.
                state.conn.take(id);
            } else {
                state.detached.push(Detached { id, stream, timeout });
            }
            state.driver.take()
        });
        if let Some(driver) = driver {
            driver.wake();
        }
    }

    /// Accepts no more requests: what was accepted is still sent and executed.
    ///
    /// A socket that is closed with replies unread is reset, and the server then loses what it has
    /// not read yet. So while replies are missing, for which perhaps nobody waits, a last ping, to
    /// be answered within `timeout`, shows that the server has read everything before it.
    pub(crate) fn close(&self, timeout: Duration) {
        let mut ping = Frame::new();
        let encoded = ping.encode(&Ping);
        let mut woken = {
            let mut state = self.lock();
            let stats = state.conn.stats();
            let missing = stats.requests > stats.answered + stats.late_replies;
            if missing && encoded.is_ok() && !state.is_closing {
                let deadline = Instant::now().checked_add(timeout);
                // An end of the connection means that there is nothing to wait for.
                state.last = state.conn.send(&mut ping, deadline).ok();
            }
            state.conn.close();
            state.is_closing = true;
            let mut woken = state.take_watchers();
            woken.extend(state.driver.take());
            woken
        };
        wake_all(&mut woken);
    }

    /// Ends the connection for everyone.
    pub(crate) fn fail(&self, error: ConnectionError) {
        let mut woken = Vec::new();
        {
            let mut state = self.lock();
            state.conn.handle_failure(error);
            // The error is the same for all from now on; each waiter finds it by itself.
            let _ = state.process(&mut BytesMut::new(), &mut woken);
            woken.extend(state.driver.take());
        }
        wake_all(&mut woken);
    }
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
        self.conn.take(id).ok_or_else(|| self.wait(id, waker))
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

    pub(crate) fn cancel(&mut self, id: RequestId) -> Option<Waker> {
        self.conn.cancel(id);
        self.take_waiter(id)
    }

    /// Feeds input to the connection and collects the wakers of those it answers.
    #[inline]
    pub(crate) fn process(
        &mut self,
        input: &mut BytesMut,
        woken: &mut Vec<Waker>,
    ) -> Result<(), ConnectionError> {
        loop {
            match self.conn.poll_event(input) {
                Ok(Some(Event::Answered(id))) => match self.take_waiter(id) {
                    Some(waker) => woken.push(waker),
                    None => self.forget_detached(id),
                },
                Ok(Some(Event::Pushed(id))) => woken.extend(self.take_waiter(id)),
                Ok(Some(Event::Changed(id))) => {
                    let of_key = (id, 0)..=(id, u64::MAX);
                    while let Some((watcher, _)) = self.watchers.range(of_key.clone()).next() {
                        let watcher = *watcher;
                        woken.extend(self.watchers.remove(&watcher));
                    }
                }
                Ok(Some(Event::Ready)) => {
                    self.is_ready = true;
                    woken.append(&mut self.ready);
                }
                Ok(Some(_)) => {}
                Ok(None) => return Ok(()),
                Err(error) => {
                    woken.append(&mut self.ready);
                    woken.append(&mut self.take_watchers());
                    return Err(error);
                }
            }
        }
    }

    fn forget_detached(&mut self, id: RequestId) {
        let Some(at) = self.detached.iter().position(|detached| detached.id == id) else {
            return;
        };
        let Detached { stream, timeout, .. } = self.detached.swap_remove(at);
        let was_sent = self.conn.take(id) != Some(Err(Unanswered::TimedOut(Outcome::NotSent)));
        if was_sent || self.is_closing {
            return;
        }
        // The server still has the transaction open.
        let mut frame = Frame::new();
        let deadline = Instant::now().checked_add(timeout);
        if frame.encode_in_stream(stream, &Rollback).is_ok() {
            if let Ok(id) = self.conn.send(&mut frame, deadline) {
                self.detached.push(Detached { id, stream, timeout });
            }
        }
    }

    /// Leaves `waker` to be woken when the handshake is over.
    pub(crate) fn wait_ready(&mut self, waker: &Waker) {
        if !self.ready.iter().any(|other| other.will_wake(waker)) {
            self.ready.push(waker.clone());
        }
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

#[inline]
pub(crate) fn wake_all(woken: &mut Vec<Waker>) {
    for waker in woken.drain(..) {
        waker.wake();
    }
}

/// Runs `encode` with a frame whose memory is used again for the next request of this thread.
///
/// The frame is out of its place meanwhile, so that a `Serialize` that itself sends a request finds
/// a fresh one.
fn with_scratch<T>(encode: impl FnOnce(&mut Frame) -> T) -> T {
    thread_local! {
        static SCRATCH: Cell<Frame> = const { Cell::new(Frame::new()) };
    }
    let mut frame = SCRATCH.try_with(Cell::take).unwrap_or_default();
    let result = encode(&mut frame);
    if frame.capacity() <= SCRATCH_MAX {
        frame.clear();
        // At the end of a thread there is no next request.
        let _ = SCRATCH.try_with(|scratch| scratch.set(frame));
    }
    result
}

/// A larger frame is not kept: one big row should not hold its memory for ever.
const SCRATCH_MAX: usize = 64 << 10;
