//! Leader and followers: threads that share one socket without a thread of its own.
//!
//! There are two leases under the one mutex, `writing` and `reading`, each held by at most one
//! thread, so that "nothing is left to do" and "I no longer do it" are one step:
//!
//! 1. A call queues its request. If nobody writes, it writes what is queued, its own and others';
//!    else whoever writes takes its bytes along.
//! 2. It waits for its answer, or for a new value of a watched key. If nobody reads, it leads: it reads for all and wakes those whose
//!    answers came. Else it follows: it sleeps until its answer is there, or it is woken to lead.
//! 3. Whoever stops reading with others still waiting wakes one of them to lead, for whatever
//!    reason it stops: its answer came, its deadline passed, it panicked ([`Lease`]).
//! 4. Writing never blocks without reading: a server whose own output is stuck stops reading.
//! 5. Nobody writes beyond its own deadline: what is left of a write stays in [`Leases`], to be
//!    completed before anything else is written.
//!
//! A call alone costs one write and one read, and no other system call.

use std::fmt;
use std::io;
use std::sync::{Arc, MutexGuard};
use std::task::{Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use tarantool_proto::{ConnectionError, Decision, RequestId, WatchId};

use crate::blocking::{Interest, Socket};
use crate::error::Error;
use crate::pending::Pending;
use crate::shared::{Shared, State, wake_all};

pub(crate) struct Lead {
    shared: Arc<Shared>,
    socket: Box<dyn Socket>,
}

/// Who drives the socket, and the buffers for it, which the holder of a lease takes out meanwhile.
#[derive(Default)]
pub(crate) struct Leases {
    reading: bool,
    writing: bool,
    input: BytesMut,
    output: Vec<u8>,
    /// How much of `output` is written.
    written: usize,
    woken: Vec<Waker>,
}

impl State {
    /// Whether there is something to write, and nobody who writes.
    fn wants_writer(&self) -> bool {
        let waits = self.conn.queued_bytes() > 0 || !self.leases.output.is_empty();
        waits && !self.leases.writing && self.conn.failure().is_none()
    }
}

/// What a thread waits for, and so who wakes it.
#[derive(Clone, Copy)]
pub(crate) enum Waits {
    /// For the reply to this request, or a message of its call.
    Reply(RequestId),
    /// For a value of this key, as this watcher, perhaps not beyond a time.
    Change { id: WatchId, number: u64, until: Option<Instant> },
    /// For something that nobody is woken for: it looks again soon.
    Briefly,
}

impl Waits {
    /// Until when. Of requests the connection knows.
    fn until(self) -> Option<Instant> {
        match self {
            Self::Change { until, .. } => until,
            _ => None,
        }
    }
}

type Guard<'a> = MutexGuard<'a, State>;

impl Lead {
    pub(crate) fn new(shared: Arc<Shared>, socket: Box<dyn Socket>) -> Self {
        Self { shared, socket }
    }

    /// Drives the handshake.
    pub(crate) fn open(&self) -> Result<(), ConnectionError> {
        self.drive_until(Waits::Briefly, |state| match state.conn.failure() {
            Some(error) => Some(Err(error.clone())),
            None => state.is_ready.then_some(Ok(())),
        })
    }

    /// Waits for a reply.
    #[inline]
    pub(crate) fn reply<T>(&self, mut pending: Pending<T>) -> Result<T, Error> {
        match pending.id() {
            Some(id) => {
                let answer = self.drive_until(Waits::Reply(id), |state| state.conn.take(id));
                pending.finish(answer)
            }
            None => Err(pending.into_refused()),
        }
    }

    /// Writes if that is due after a request was queued: if it is the first on an idle connection,
    /// or there is enough for a full write. If it found no place, drives until it has one.
    ///
    /// It writes no longer than `until`; places come at the latest when deadlines pass.
    pub(crate) fn after_submit(&self, until: Option<Instant>) {
        let state = self.shared.lock();
        let alone = state.conn.in_flight() <= 1;
        if alone || state.conn.queued_bytes() >= state.conn.batching().write_bytes() {
            drop(state);
            self.write_queued(until);
        } else if state.conn.is_saturated() {
            drop(state);
            self.drive_until(Waits::Briefly, |state| {
                let over = !state.conn.is_saturated() || state.conn.failure().is_some();
                over.then_some(())
            });
        }
    }

    /// Writes what is queued, but no longer than `until`.
    pub(crate) fn write_queued(&self, until: Option<Instant>) {
        let mut state = self.shared.lock();
        while state.wants_writer() {
            state = self.flush(state, until);
            if until.is_some_and(|until| until <= Instant::now()) {
                break;
            }
        }
        pass_on(state);
    }

    /// Drives the connection, leading or following, until `done` gives a result, which is what
    /// the thread waits for.
    pub(crate) fn drive_until<T>(
        &self,
        waits: Waits,
        mut done: impl FnMut(&mut State) -> Option<T>,
    ) -> T {
        let mut sleeper = None;
        let mut state = self.shared.lock();
        loop {
            if let Some(result) = done(&mut state) {
                pass_on(state);
                return result;
            }
            if state.wants_writer() {
                state = self.flush(state, waits.until());
            } else if !state.leases.reading {
                state = self.read(state, waits.until());
            } else {
                match waits {
                    Waits::Reply(id) => {
                        // A waker of a thread: dropping it runs no code of users.
                        drop(state.wait(id, sleeper.get_or_insert_with(sleeper_of_this_thread)));
                    }
                    Waits::Change { id, number, .. } => {
                        let waker = sleeper.get_or_insert_with(sleeper_of_this_thread);
                        // A waker of a thread: dropping it runs no code of users.
                        drop(state.wait_changed(id, number, waker));
                    }
                    Waits::Briefly => {}
                }
                state = self.sleep(state, waits);
            }
        }
    }

    /// Writes what is left of the last write, and what is queued. If nothing can be written now,
    /// waits until something can, or until a deadline or `until`, and returns.
    fn flush<'a>(&'a self, mut state: Guard<'a>, until: Option<Instant>) -> Guard<'a> {
        while state.wants_writer() {
            let mut output = std::mem::take(&mut state.leases.output);
            if output.is_empty() {
                if state.conn.poll_decision() == Decision::Yield {
                    state = self.yield_turn(state);
                }
                if !state.conn.poll_transmit(&mut output) {
                    state.leases.output = output;
                    break;
                }
            }
            let written = state.leases.written;
            state.leases.writing = true;
            drop(state);

            let lease = Lease { lead: self, of: |leases| &mut leases.writing };
            let sent = self.send(output.get(written..).unwrap_or_default(), until);
            state = lease.end();

            match sent {
                Ok(count) => {
                    state.conn.count_writes(usize::from(count > 0), count);
                    state.leases.written = written + count;
                }
                Err(ref error) => {
                    state.conn.handle_unwritten(output.len() - written);
                    state = self.fail(state, error);
                    state.leases.written = output.len();
                }
            }
            if state.leases.written >= output.len() {
                output.clear();
                state.leases.written = 0;
            }
            state.leases.output = output;
            if matches!(sent, Ok(0)) {
                break;
            }
        }
        state
    }

    /// Lets other threads run. Those that were just answered queue their next requests meanwhile,
    /// and leave the writing to this one, since it holds the lease.
    fn yield_turn<'a>(&'a self, mut state: Guard<'a>) -> Guard<'a> {
        state.leases.writing = true;
        drop(state);
        thread::yield_now();
        state = self.shared.lock();
        state.leases.writing = false;
        state
    }

    /// Writes once and returns how much. 0: nothing could be written, and the wait for it is over.
    fn send(&self, output: &[u8], until: Option<Instant>) -> io::Result<usize> {
        match self.socket.send(output) {
            Ok(0) => Err(io::ErrorKind::WriteZero.into()),
            Err(error) if is_timeout(&error) => self.wait_writable(until).map(|()| 0),
            sent => sent,
        }
    }

    /// Waits until something can be written, and leads meanwhile if nobody does.
    ///
    /// # Errors
    /// Waiting failed, or the connection has ended.
    fn wait_writable(&self, until: Option<Instant>) -> io::Result<()> {
        let mut state = self.shared.lock();
        if state.conn.failure().is_some() {
            return Err(io::ErrorKind::NotConnected.into());
        }
        let leads = !std::mem::replace(&mut state.leases.reading, true);
        let mut timeout = left(state.conn.poll_timeout().into_iter().chain(until).min());
        if !leads {
            // The answer that this thread waits for may be read by another one.
            timeout = Some(timeout.map_or(BRIEFLY, |timeout| timeout.min(BRIEFLY)));
        }
        drop(state);

        let lease = leads.then(|| Lease { lead: self, of: |leases| &mut leases.reading });
        let ready = self.socket.wait(Interest { read: leads, write: true }, timeout)?;
        let state = match lease {
            Some(lease) => {
                let state = lease.end();
                if ready.read { self.read(state, until) } else { state }
            }
            None => self.shared.lock(),
        };
        drop(self.pass_time(state));
        Ok(())
    }

    /// Reads once, for all, and wakes those whose answers came. Waits for it no longer than `until`.
    fn read<'a>(&'a self, mut state: Guard<'a>, until: Option<Instant>) -> Guard<'a> {
        state.leases.reading = true;
        let mut input = std::mem::take(&mut state.leases.input);
        let deadline = state.conn.poll_timeout().into_iter().chain(until).min();
        drop(state);

        let lease = Lease { lead: self, of: |leases| &mut leases.reading };
        let read = self.wait_readable(deadline).and_then(|()| self.socket.recv(&mut input));
        state = lease.end();

        let mut woken = std::mem::take(&mut state.leases.woken);
        match read {
            Ok(0) => state.conn.handle_eof(),
            Ok(count) => state.conn.count_read(count),
            Err(error) if is_timeout(&error) => state.conn.handle_timeout(Instant::now()),
            Err(error) => state.conn.handle_failure(transport_error(&error)),
        }
        // If this ends the connection, everyone has an answer that says so.
        let _ = state.process(&mut input, &mut woken);
        state.leases.input = input;
        state = self.wake(state, &mut woken);
        state.leases.woken = woken;
        state
    }

    /// If a deadline comes sooner than a read returns by itself, waits until then at most.
    fn wait_readable(&self, deadline: Option<Instant>) -> io::Result<()> {
        match left(deadline) {
            Some(time) if time < self.socket.tick() => {
                let ready = self.socket.wait(Interest { read: true, write: false }, Some(time))?;
                if ready.read { Ok(()) } else { Err(io::ErrorKind::TimedOut.into()) }
            }
            _ => Ok(()),
        }
    }

    /// Sleeps until woken, or until a deadline may have passed.
    fn sleep<'a>(&'a self, state: Guard<'a>, waits: Waits) -> Guard<'a> {
        let briefly = matches!(waits, Waits::Briefly);
        let deadline = state.conn.poll_timeout().into_iter().chain(waits.until()).min();
        let timeout = match left(deadline) {
            Some(timeout) if briefly => Some(timeout.min(BRIEFLY)),
            None if briefly => Some(BRIEFLY),
            timeout => timeout,
        };
        drop(state);
        match timeout {
            Some(timeout) => thread::park_timeout(timeout),
            None => thread::park(),
        }
        self.pass_time(self.shared.lock())
    }

    /// If a deadline has passed, tells the connection and wakes those whom it concerns.
    fn pass_time<'a>(&'a self, mut state: Guard<'a>) -> Guard<'a> {
        if state.conn.poll_timeout().is_none_or(|deadline| deadline > Instant::now()) {
            return state;
        }
        let mut woken = Vec::new();
        state.conn.handle_timeout(Instant::now());
        // If this ends the connection, everyone has an answer that says so.
        let _ = state.process(&mut BytesMut::new(), &mut woken);
        self.wake(state, &mut woken)
    }

    /// Ends the connection before anyone else can write.
    fn fail<'a>(&'a self, mut state: Guard<'a>, error: &io::Error) -> Guard<'a> {
        let mut woken = Vec::new();
        state.conn.handle_failure(transport_error(error));
        // Everyone has an answer that says so.
        let _ = state.process(&mut BytesMut::new(), &mut woken);
        self.wake(state, &mut woken)
    }

    /// Wakes outside the lock.
    fn wake<'a>(&'a self, state: Guard<'a>, woken: &mut Vec<Waker>) -> Guard<'a> {
        if woken.is_empty() {
            return state;
        }
        drop(state);
        wake_all(woken);
        self.shared.lock()
    }
}

impl Drop for Lead {
    /// Waits until the server has read everything; see [`Shared::close`].
    fn drop(&mut self) {
        let last = self.shared.lock().last;
        if let Some(id) = last {
            let _ = self.drive_until(Waits::Reply(id), |state| state.conn.take(id));
        }
    }
}

/// If nobody reads, or a write was left half-done, and someone waits, wakes one to go on.
fn pass_on(mut state: Guard<'_>) {
    let next = if state.leases.reading && state.leases.output.is_empty() {
        None
    } else {
        state.take_any_waiter()
    };
    drop(state);
    if let Some(next) = next {
        next.wake();
    }
}

/// A lease that this thread has taken, given up however the thread leaves.
struct Lease<'a> {
    lead: &'a Lead,
    of: fn(&mut Leases) -> &mut bool,
}

impl<'a> Lease<'a> {
    /// Gives the lease up.
    fn end(self) -> Guard<'a> {
        let (lead, of) = (self.lead, self.of);
        std::mem::forget(self);
        let mut state = lead.shared.lock();
        *of(&mut state.leases) = false;
        state
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        let mut state = self.lead.shared.lock();
        *(self.of)(&mut state.leases) = false;
        pass_on(state);
    }
}

/// Wakes a sleeping thread.
struct Sleeper(Thread);

impl Wake for Sleeper {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.unpark();
    }
}

fn sleeper_of_this_thread() -> Waker {
    Waker::from(Arc::new(Sleeper(thread::current())))
}

pub(crate) fn left(deadline: Option<Instant>) -> Option<Duration> {
    deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()))
}

pub(crate) fn is_timeout(error: &io::Error) -> bool {
    use io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
    matches!(error.kind(), Interrupted | TimedOut | WouldBlock)
}

fn transport_error(error: &io::Error) -> ConnectionError {
    ConnectionError::Transport(error.to_string().into())
}

impl fmt::Debug for Lead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lead").field("address", &self.shared.address()).finish_non_exhaustive()
    }
}

/// How long a thread sleeps that waits for something else than an answer of its own.
const BRIEFLY: Duration = Duration::from_millis(1);
