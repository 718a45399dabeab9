//! Leader and followers: threads that share one socket without a thread of its own.
//!
//! There are two leases under the one mutex, `writing` and `reading`, each held by at most one
//! thread, so that "nothing is left to do" and "I no longer do it" are one step:
//!
//! 1. A call queues its request. If nobody writes, it writes what is queued, its own and others';
//!    else whoever writes takes its bytes along.
//! 2. It waits for its answer. If nobody reads, it leads: it reads for all and wakes those whose
//!    answers came. Else it follows: it sleeps until its answer is there, or it is woken to lead.
//! 3. Whoever stops reading with others still waiting wakes one of them to lead, for whatever
//!    reason it stops: its answer came, its deadline passed, it panicked ([`Lease`]).
//! 4. Writing never blocks without reading: a server whose own output is stuck stops reading.
//!
//! A call alone costs one write and one read, and no other system call.

use std::fmt;
use std::io;
use std::sync::{Arc, MutexGuard};
use std::task::{Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use tarantool_proto::{ConnectionError, Decision, RequestId};

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
    woken: Vec<Waker>,
}

type Guard<'a> = MutexGuard<'a, State>;

impl Lead {
    pub(crate) fn new(shared: Arc<Shared>, socket: Box<dyn Socket>) -> Self {
        Self { shared, socket }
    }

    /// Drives the handshake.
    pub(crate) fn open(&self) -> Result<(), ConnectionError> {
        self.drive_until(None, |state| match state.conn.failure() {
            Some(error) => Some(Err(error.clone())),
            None => state.is_ready.then_some(Ok(())),
        })
    }

    /// Waits for a reply.
    #[inline]
    pub(crate) fn reply<T>(&self, mut pending: Pending<T>) -> Result<T, Error> {
        match pending.id() {
            Some(id) => {
                let answer = self.drive_until(Some(id), |state| state.conn.take(id));
                pending.finish(answer)
            }
            None => Err(pending.into_refused()),
        }
    }

    /// Writes if that is due after a request was queued: if it is the first on an idle connection,
    /// or there is enough for a full write. If it found no place, drives until it has one.
    pub(crate) fn after_submit(&self) {
        let state = self.shared.lock();
        let alone = state.conn.in_flight() <= 1;
        if alone || state.conn.queued_bytes() >= state.conn.batching().write_bytes() {
            drop(self.flush(state));
        } else if state.conn.is_saturated() {
            drop(state);
            self.drive_until(None, |state| {
                let over = !state.conn.is_saturated() || state.conn.failure().is_some();
                over.then_some(())
            });
        }
    }

    pub(crate) fn write_queued(&self) {
        drop(self.flush(self.shared.lock()));
    }

    /// Drives the connection, leading or following, until `done` gives a result. `id`: the request
    /// whose answer that is, if it is one's.
    fn drive_until<T>(
        &self,
        id: Option<RequestId>,
        mut done: impl FnMut(&mut State) -> Option<T>,
    ) -> T {
        let mut sleeper = None;
        let mut state = self.shared.lock();
        loop {
            if let Some(result) = done(&mut state) {
                pass_on(state);
                return result;
            }
            if !state.leases.writing && state.conn.queued_bytes() > 0 {
                state = self.flush(state);
            } else if !state.leases.reading {
                state = self.read(state);
            } else {
                if let Some(id) = id {
                    state.wait(id, sleeper.get_or_insert_with(sleeper_of_this_thread));
                }
                state = self.sleep(state, id.is_none());
            }
        }
    }

    /// Writes what is queued, unless another thread writes.
    fn flush<'a>(&'a self, mut state: Guard<'a>) -> Guard<'a> {
        while !state.leases.writing {
            if state.conn.poll_decision() == Decision::Yield {
                state = self.yield_turn(state);
            }
            let mut output = std::mem::take(&mut state.leases.output);
            if !state.conn.poll_transmit(&mut output) {
                state.leases.output = output;
                break;
            }
            state.leases.writing = true;
            drop(state);

            let lease = Lease {
                lead: self,
                of: |leases| &mut leases.writing,
            };
            let (calls, written, result) = self.write_all(&output);
            state = lease.end();

            state.conn.count_writes(calls, written);
            if let Err(error) = result {
                state.conn.handle_unwritten(output.len() - written);
                state = self.fail(state, &error);
            }
            output.clear();
            state.leases.output = output;
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

    /// Writes all of `output` and returns in how many calls, and how much was written. While
    /// nothing can be written, reads if nobody else does.
    fn write_all(&self, output: &[u8]) -> (usize, usize, io::Result<()>) {
        let (mut calls, mut written) = (0, 0);
        while let Some(rest) = output.get(written..).filter(|rest| !rest.is_empty()) {
            match self.socket.send(rest) {
                Ok(0) => return (calls, written, Err(io::ErrorKind::WriteZero.into())),
                Ok(count) => {
                    calls += 1;
                    written += count;
                }
                Err(error) if is_timeout(&error) => {
                    if let Err(error) = self.wait_writable() {
                        return (calls, written, Err(error));
                    }
                }
                Err(error) => return (calls, written, Err(error)),
            }
        }
        (calls, written, Ok(()))
    }

    /// Waits until something can be written, and leads meanwhile if nobody does.
    ///
    /// # Errors
    /// Waiting failed, or the connection has ended.
    fn wait_writable(&self) -> io::Result<()> {
        let mut state = self.shared.lock();
        if state.conn.failure().is_some() {
            return Err(io::ErrorKind::NotConnected.into());
        }
        let leads = !std::mem::replace(&mut state.leases.reading, true);
        let timeout = until(state.conn.poll_timeout());
        drop(state);

        let lease = leads.then(|| Lease {
            lead: self,
            of: |leases| &mut leases.reading,
        });
        let ready = self.socket.wait(
            Interest {
                read: leads,
                write: true,
            },
            timeout,
        )?;
        let state = match lease {
            Some(lease) => {
                let state = lease.end();
                if ready.read { self.read(state) } else { state }
            }
            None => self.shared.lock(),
        };
        drop(self.pass_time(state));
        Ok(())
    }

    /// Reads once, for all, and wakes those whose answers came.
    fn read<'a>(&'a self, mut state: Guard<'a>) -> Guard<'a> {
        state.leases.reading = true;
        let mut input = std::mem::take(&mut state.leases.input);
        let deadline = state.conn.poll_timeout();
        drop(state);

        let lease = Lease {
            lead: self,
            of: |leases| &mut leases.reading,
        };
        let read = self
            .wait_readable(deadline)
            .and_then(|()| self.socket.recv(&mut input));
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
        match until(deadline) {
            Some(left) if left < self.socket.tick() => {
                let ready = self.socket.wait(
                    Interest {
                        read: true,
                        write: false,
                    },
                    Some(left),
                )?;
                if ready.read {
                    Ok(())
                } else {
                    Err(io::ErrorKind::TimedOut.into())
                }
            }
            _ => Ok(()),
        }
    }

    /// Sleeps until woken, or until a deadline may have passed.
    fn sleep<'a>(&'a self, state: Guard<'a>, briefly: bool) -> Guard<'a> {
        let timeout = match until(state.conn.poll_timeout()) {
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
        if state
            .conn
            .poll_timeout()
            .is_none_or(|deadline| deadline > Instant::now())
        {
            return state;
        }
        let mut woken = Vec::new();
        state.conn.handle_timeout(Instant::now());
        // If this ends the connection, everyone has an answer that says so.
        let _ = state.process(&mut BytesMut::new(), &mut woken);
        self.wake(state, &mut woken)
    }

    fn fail<'a>(&'a self, state: Guard<'a>, error: &io::Error) -> Guard<'a> {
        drop(state);
        self.shared.fail(transport_error(error));
        self.shared.lock()
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

/// If nobody reads and someone waits, wakes one to lead.
fn pass_on(mut state: Guard<'_>) {
    let next = if state.leases.reading {
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

fn until(deadline: Option<Instant>) -> Option<Duration> {
    deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()))
}

fn is_timeout(error: &io::Error) -> bool {
    use io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
    matches!(error.kind(), Interrupted | TimedOut | WouldBlock)
}

fn transport_error(error: &io::Error) -> ConnectionError {
    ConnectionError::Transport(error.to_string().into())
}

impl fmt::Debug for Lead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lead")
            .field("address", &self.shared.address())
            .finish_non_exhaustive()
    }
}

/// How long a thread sleeps that waits for something else than an answer of its own.
const BRIEFLY: Duration = Duration::from_millis(1);
