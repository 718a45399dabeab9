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
//! 4. Who leads also opens the socket, and lets the time pass until it may be tried again.
//! 5. Writing never blocks without reading: a server whose own output is stuck stops reading.
//! 6. Nobody writes beyond its own deadline: what is left of a write stays in [`Leases`], to be
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
use tarantool_proto::session::{Action, Session};
use tarantool_proto::{ConnectionError, Decision, RequestId, WatchId};

use crate::blocking::{Connecting, Connector, Interest, Socket};
use crate::error::Error;
use crate::life::Told;
use crate::pending::Pending;
use crate::shared::{Shared, State};

pub(crate) struct Lead {
    shared: Arc<Shared>,
    connector: Arc<dyn Connector>,
}

/// Who drives the socket, and what is needed for it, which the holder of a lease takes out meanwhile.
#[derive(Default)]
pub(crate) struct Leases {
    reading: bool,
    writing: bool,
    link: Link,
    /// How many links there were: whoever comes back from a former one leaves the present one alone.
    links: u64,
    input: BytesMut,
    output: Vec<u8>,
    /// How much of `output` is written.
    written: usize,
    told: Told,
}

/// The socket, as far as it has come.
#[derive(Default)]
enum Link {
    #[default]
    Closed,
    /// To be opened, by whoever reads.
    Wanted {
        address: usize,
        attempt: u64,
    },
    /// Being opened; not here while somebody waits for it.
    Opening {
        attempt: u64,
        connecting: Option<Box<dyn Connecting>>,
    },
    Open(Arc<dyn Socket>),
}

impl Leases {
    fn socket(&self) -> Option<Arc<dyn Socket>> {
        match &self.link {
            Link::Open(socket) => Some(Arc::clone(socket)),
            _ => None,
        }
    }
}

impl State {
    /// Whether there is something to write, and nobody who writes.
    fn wants_writer(&self) -> bool {
        let waits = self.session.queued_bytes() > 0 || !self.leases.output.is_empty();
        waits && !self.leases.writing && self.session.is_connected()
    }

    /// Whether all that was accepted is written.
    fn is_all_written(&self) -> bool {
        let waits = self.session.queued_bytes() > 0 || self.session.is_saturated();
        !waits && self.leases.output.is_empty() && !self.leases.writing
    }
}

/// What a thread waits for, and so who wakes it.
#[derive(Clone, Copy)]
pub(crate) enum Waits {
    /// For the reply to this request, or a message of its call.
    Reply(RequestId),
    /// For a value of this key, as this watcher, perhaps not beyond a time.
    Change { id: WatchId, number: u64, until: Option<Instant> },
    /// For something that nobody is woken for, perhaps not beyond a time: it looks again soon.
    Briefly { until: Option<Instant> },
}

impl Waits {
    /// Until when. Of requests the connection knows.
    fn until(self) -> Option<Instant> {
        match self {
            Self::Change { until, .. } | Self::Briefly { until } => until,
            _ => None,
        }
    }
}

/// Until when, in this time from now; `None`: for good.
pub(crate) fn after(timeout: Option<Duration>) -> Option<Instant> {
    timeout.and_then(|timeout| Instant::now().checked_add(timeout))
}

type Guard<'a> = MutexGuard<'a, State>;

impl Lead {
    pub(crate) fn new(shared: Arc<Shared>, connector: Arc<dyn Connector>) -> Self {
        Self { shared, connector }
    }

    /// Drives until there is a connection.
    pub(crate) fn open(&self) -> Result<(), Error> {
        self.drive_until(Waits::Briefly { until: None }, |state| {
            let is_over = state.session.failure().is_some();
            (is_over || state.session.generation().is_some()).then_some(is_over)
        });
        match self.shared.failure() {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    /// Waits for a reply.
    #[inline]
    pub(crate) fn reply<T>(&self, mut pending: Pending<T>) -> Result<T, Error> {
        match pending.id() {
            Some(id) => {
                let answer = self.drive_until(Waits::Reply(id), |state| state.session.take(id));
                pending.finish(answer)
            }
            None => Err(pending.into_refused()),
        }
    }

    /// Writes if that is due after a request was queued, as much as the socket takes at once: if the
    /// server has nothing to do meanwhile, or there is enough for a full write. Then, if requests
    /// wait for a place, drives until none does, but no longer than `timeout`.
    pub(crate) fn after_submit(&self, timeout: Option<Duration>) {
        let mut state = self.shared.lock();
        let full = state.session.batching().write_bytes();
        if state.session.wants_head_start() || state.session.queued_bytes() >= full {
            drop(state);
            self.write_queued(Some(Instant::now()));
            state = self.shared.lock();
        }
        if state.session.is_saturated() {
            drop(state);
            let until = after(timeout);
            self.drive_until(Waits::Briefly { until }, |state| {
                let is_late = until.is_some_and(|until| until <= Instant::now());
                let failed = state.session.failure().is_some();
                (is_late || failed || !state.session.is_saturated()).then_some(())
            });
        }
    }

    /// Writes all that was accepted, but no longer than `until`: what waits for a place or for a
    /// connection too.
    pub(crate) fn write_all(&self, until: Option<Instant>) {
        self.drive_until(Waits::Briefly { until }, |state| {
            let is_late = until.is_some_and(|until| until <= Instant::now());
            let over = is_late || state.is_all_written() || state.session.failure().is_some();
            over.then_some(())
        });
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
            if state.session.is_due() {
                state = self.pass_time(state);
            } else if let Some(action) = state.session.poll_action() {
                state = self.obey(state, action);
            } else if state.session.is_drained() {
                state = self.step(state, |session| {
                    session.handle_failure(ConnectionError::Shutdown);
                });
            } else if state.wants_writer() {
                state = self.flush(state, waits.until());
            } else if !state.leases.reading {
                state = self.lead(state, waits.until());
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
                    Waits::Briefly { .. } => {}
                }
                state = self.sleep(state, waits);
            }
        }
    }

    /// Writes what is left of the last write, and what is queued. If nothing can be written now,
    /// waits until something can, or until a deadline or `until`, and returns.
    fn flush<'a>(&'a self, mut state: Guard<'a>, until: Option<Instant>) -> Guard<'a> {
        while state.wants_writer() {
            let Some(socket) = state.leases.socket() else {
                break;
            };
            let link = state.leases.links;
            let mut output = std::mem::take(&mut state.leases.output);
            if output.is_empty() {
                if state.session.poll_decision() == Decision::Yield {
                    state = self.yield_turn(state);
                    if state.leases.links != link {
                        break;
                    }
                }
                if !state.session.poll_transmit(&mut output) {
                    state.leases.output = output;
                    break;
                }
            }
            let written = state.leases.written;
            state.leases.writing = true;
            // Another thread may find the connection lost meanwhile: all of this may be written then.
            state.session.handle_unwritten(0);
            drop(state);

            let lease = Lease { lead: self, of: |leases| &mut leases.writing };
            let sent = self.send(&*socket, output.get(written..).unwrap_or_default(), until);
            state = lease.end();

            if state.leases.links != link {
                // What is left of it was for a connection that is lost.
                break;
            }
            let count = *sent.as_ref().unwrap_or(&0);
            state.session.count_writes(usize::from(count > 0), count);
            state.leases.written = written + count;
            let unwritten = output.len().saturating_sub(state.leases.written);
            state.session.handle_unwritten(unwritten);
            if unwritten == 0 {
                output.clear();
                state.leases.written = 0;
            }
            state.leases.output = output;
            if let Err(error) = &sent {
                state = self.step(state, |session| session.handle_failure(lost(error)));
            }
            if count == 0 {
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
    fn send(
        &self,
        socket: &dyn Socket,
        output: &[u8],
        until: Option<Instant>,
    ) -> io::Result<usize> {
        match socket.send(output) {
            Ok(0) => Err(io::ErrorKind::WriteZero.into()),
            Err(error) if is_timeout(&error) => self.wait_writable(socket, until).map(|()| 0),
            sent => sent,
        }
    }

    /// Waits until something can be written, and leads meanwhile if nobody does.
    ///
    /// # Errors
    /// Waiting failed.
    fn wait_writable(&self, socket: &dyn Socket, until: Option<Instant>) -> io::Result<()> {
        let mut state = self.shared.lock();
        let leads = !std::mem::replace(&mut state.leases.reading, true);
        let mut timeout = left(state.session.poll_timeout().into_iter().chain(until).min());
        if !leads {
            // The answer that this thread waits for may be read by another one.
            timeout = Some(timeout.map_or(BRIEFLY, |timeout| timeout.min(BRIEFLY)));
        }
        drop(state);

        let lease = leads.then(|| Lease { lead: self, of: |leases| &mut leases.reading });
        let ready = socket.wait(Interest { read: leads, write: true }, timeout)?;
        let state = match lease {
            Some(lease) => {
                let state = lease.end();
                if ready.read { self.lead(state, until) } else { state }
            }
            None => self.shared.lock(),
        };
        drop(self.pass_time(state));
        Ok(())
    }

    /// Does for all what is to be waited for: reads, opens the socket, or lets time pass. Once, and
    /// no longer than `until`.
    fn lead<'a>(&'a self, mut state: Guard<'a>, until: Option<Instant>) -> Guard<'a> {
        let deadline = state.session.poll_timeout().into_iter().chain(until).min();
        match std::mem::take(&mut state.leases.link) {
            Link::Open(socket) => {
                state.leases.link = Link::Open(Arc::clone(&socket));
                self.read(state, &*socket, deadline)
            }
            Link::Wanted { address, attempt } => {
                state.leases.link = Link::Opening { attempt, connecting: None };
                let address = self.shared.address(address);
                let begin = || self.connector.begin(&address).map(Begun::Opening);
                self.open_link(state, attempt, begin)
            }
            Link::Opening { attempt, connecting: Some(mut connecting) } => {
                state.leases.link = Link::Opening { attempt, connecting: None };
                let wait = || match connecting.wait(left(deadline))? {
                    Some(socket) => Ok(Begun::Open(socket)),
                    None => Ok(Begun::Opening(connecting)),
                };
                self.open_link(state, attempt, wait)
            }
            other => {
                state.leases.link = other;
                self.let_time_pass(state, deadline)
            }
        }
    }

    /// Goes on with the opening of the socket, outside the lock.
    fn open_link<'a>(
        &'a self,
        mut state: Guard<'a>,
        attempt: u64,
        go_on: impl FnOnce() -> io::Result<Begun>,
    ) -> Guard<'a> {
        state.leases.reading = true;
        let link = state.leases.links;
        drop(state);

        let lease = Lease { lead: self, of: |leases| &mut leases.reading };
        let begun = go_on();
        state = lease.end();

        if state.leases.links != link {
            // It took too long; a socket that was opened is closed outside the lock.
            drop(state);
            drop(begun);
            return self.shared.lock();
        }
        match begun {
            Ok(Begun::Opening(connecting)) => {
                state.leases.link = Link::Opening { attempt, connecting: Some(connecting) };
                self.pass_time(state)
            }
            Ok(Begun::Open(socket)) => {
                if state.session.handle_connected(attempt) {
                    state.leases.link = Link::Open(socket);
                } else {
                    state.leases.link = Link::Closed;
                }
                state
            }
            Err(error) => {
                state.leases.link = Link::Closed;
                self.step(state, |session| session.handle_connect_failed(attempt, lost(&error)))
            }
        }
    }

    /// There is nothing to read: waits for the next attempt, or until there is something to do.
    fn let_time_pass<'a>(&'a self, mut state: Guard<'a>, deadline: Option<Instant>) -> Guard<'a> {
        state.leases.reading = true;
        // A waker of a thread: dropping it runs no code of users.
        drop(state.park_driver(&sleeper_of_this_thread()));
        drop(state);

        let lease = Lease { lead: self, of: |leases| &mut leases.reading };
        park(left(deadline));
        let state = lease.end();
        self.pass_time(state)
    }

    /// Reads once, for all, and wakes those whose answers came.
    fn read<'a>(
        &'a self,
        mut state: Guard<'a>,
        socket: &dyn Socket,
        deadline: Option<Instant>,
    ) -> Guard<'a> {
        state.leases.reading = true;
        let link = state.leases.links;
        let mut input = std::mem::take(&mut state.leases.input);
        drop(state);

        let lease = Lease { lead: self, of: |leases| &mut leases.reading };
        let read = wait_readable(socket, deadline).and_then(|()| socket.recv(&mut input));
        state = lease.end();

        if state.leases.links != link {
            return state;
        }
        let mut told = std::mem::take(&mut state.leases.told);
        match read {
            Ok(0) => state.session.handle_eof(),
            Ok(count) => state.session.count_read(count),
            Err(error) if is_timeout(&error) => state.session.handle_timeout(Instant::now()),
            Err(error) => state.session.handle_failure(lost(&error)),
        }
        // If this ends it all, everyone has an answer that says so.
        let _ = state.process(&mut input, &mut told);
        state.leases.input = input;
        state = self.tell(state, &mut told);
        state.leases.told = told;
        state
    }

    /// Does what the session demands.
    fn obey<'a>(&'a self, mut state: Guard<'a>, action: Action) -> Guard<'a> {
        let leases = &mut state.leases;
        let link = match action {
            Action::Connect { address, attempt, .. } => Link::Wanted { address, attempt },
            // Close: there is no other.
            _ => {
                leases.links += 1;
                leases.input.clear();
                leases.output.clear();
                leases.written = 0;
                Link::Closed
            }
        };
        let former = std::mem::replace(&mut leases.link, link);
        let waiting = state.take_driver();
        drop(state);
        if let Link::Open(socket) = &former {
            // Whoever waits for it is not to wait any longer.
            socket.shutdown();
        }
        drop(former);
        if let Some(waiting) = waiting {
            waiting.wake();
        }
        self.shared.lock()
    }

    /// Sleeps until woken, or until a deadline may have passed.
    fn sleep<'a>(&'a self, state: Guard<'a>, waits: Waits) -> Guard<'a> {
        let briefly = matches!(waits, Waits::Briefly { .. });
        let deadline = state.session.poll_timeout().into_iter().chain(waits.until()).min();
        let timeout = match left(deadline) {
            Some(timeout) if briefly => Some(timeout.min(BRIEFLY)),
            None if briefly => Some(BRIEFLY),
            timeout => timeout,
        };
        drop(state);
        park(timeout);
        self.pass_time(self.shared.lock())
    }

    /// If something is due, tells the session and those whom it concerns.
    fn pass_time<'a>(&'a self, state: Guard<'a>) -> Guard<'a> {
        let now = Instant::now();
        if state.session.poll_timeout().is_none_or(|deadline| deadline > now) {
            return state;
        }
        self.step(state, |session| session.handle_timeout(now))
    }

    /// Does what may end the connection, before anyone else can write.
    fn step<'a>(&'a self, mut state: Guard<'a>, step: impl FnOnce(&mut Session)) -> Guard<'a> {
        let mut told = Told::default();
        step(&mut state.session);
        // If this ends it all, everyone has an answer that says so.
        let _ = state.process(&mut BytesMut::new(), &mut told);
        self.tell(state, &mut told)
    }

    /// Tells outside the lock.
    fn tell<'a>(&'a self, state: Guard<'a>, told: &mut Told) -> Guard<'a> {
        if told.is_empty() {
            return state;
        }
        drop(state);
        self.shared.tell(told);
        self.shared.lock()
    }
}

/// How far the opening of a socket has come.
enum Begun {
    Opening(Box<dyn Connecting>),
    Open(Arc<dyn Socket>),
}

/// If a deadline comes sooner than a read returns by itself, waits until then at most.
fn wait_readable(socket: &dyn Socket, deadline: Option<Instant>) -> io::Result<()> {
    match left(deadline) {
        Some(time) if time < socket.tick() => {
            let ready = socket.wait(Interest { read: true, write: false }, Some(time))?;
            if ready.read { Ok(()) } else { Err(io::ErrorKind::TimedOut.into()) }
        }
        _ => Ok(()),
    }
}

/// Sleeps until woken.
fn park(timeout: Option<Duration>) {
    match timeout {
        Some(timeout) => thread::park_timeout(timeout),
        None => thread::park(),
    }
}

impl Drop for Lead {
    /// Waits until the server has read everything; see [`Shared::close`].
    fn drop(&mut self) {
        let last = self.shared.lock().last;
        if let Some(id) = last {
            let _ = self.drive_until(Waits::Reply(id), |state| state.session.take(id));
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

fn lost(error: &io::Error) -> ConnectionError {
    ConnectionError::Transport(error.to_string().into())
}

impl fmt::Debug for Lead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lead")
            .field("addresses", &self.shared.addresses_as_text())
            .finish_non_exhaustive()
    }
}

/// How long a thread sleeps that waits for something else than an answer of its own.
const BRIEFLY: Duration = Duration::from_millis(1);
