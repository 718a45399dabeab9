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
//! 6. Nobody writes beyond its own deadline, and who submits no longer than the server takes more:
//!    what is left of a write stays in [`Leases`], to be completed before anything else is written:
//!    by one who is woken for it, or by who reads, once its read returns, which is a
//!    [tick](crate::Socket::tick) later at the latest.
//! 7. Who yields before it writes leaves that to whoever queues half of what is to come.
//! 8. Who wakes others often loses the processor to them: whoever comes by goes on with the waking.
//! 9. Nobody writes for others once its own answer is there, if one of them can.
//! 10. Who reads sees to the deadlines of all who sleep, but for those that come before it looks again.
//!
//! A call alone costs one write and one read, and no other system call.

mod leases;
mod reading;
mod waiting;
mod writing;

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use tarantool_proto::ConnectionError;
use tarantool_proto::session::{Action, Session};

use crate::blocking::Connector;
use crate::error::Error;
use crate::life::Told;
use crate::pending::Pending;
use crate::shared::{Shared, State};
use crate::sync::{MutexGuard, now};
pub(crate) use leases::Leases;
use leases::{Link, hand_over, pass_on};
use waiting::sleeper_of_this_thread;
pub(crate) use waiting::{Waits, after, left};

pub(crate) struct Lead {
    shared: Arc<Shared>,
    connector: Arc<dyn Connector>,
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

    /// Drives until the client is over, that is told, and its socket closed, or else for `timeout`.
    /// Whether it is.
    pub(crate) fn closed(&self, timeout: Option<Duration>) -> bool {
        let until = after(timeout);
        self.drive_until(Waits::Briefly { until }, |state| {
            let is_closed = state.life.is_over() && matches!(state.leases.link, Link::Closed);
            let is_late = until.is_some_and(|until| until <= now());
            (is_closed || is_late).then_some(is_closed)
        })
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

    /// Writes if that is due after a request was queued, as much as the socket takes by and by: if
    /// the server has nothing to do meanwhile, or there is enough for a write. Then, if requests
    /// wait for a place, drives until none does, but no longer than `timeout`.
    pub(crate) fn after_submit(&self, timeout: Option<Duration>) {
        let mut state = self.shared.lock();
        let full = state.session.batching().write_bytes();
        let session = &state.session;
        let is_enough = session.has_part_queued() || session.queued_bytes() >= full;
        if is_enough || session.wants_head_start() {
            drop(state);
            self.write_now();
            state = self.shared.lock();
        }
        if state.session.is_saturated() {
            drop(state);
            let until = after(timeout);
            self.drive_until(Waits::Briefly { until }, |state| {
                let is_late = until.is_some_and(|until| until <= now());
                let failed = state.session.failure().is_some();
                (is_late || failed || !state.session.is_saturated()).then_some(())
            });
        }
    }

    /// Drives the connection, leading or following, until `done` gives a result, which is what
    /// the thread waits for.
    pub(crate) fn drive_until<T>(
        &self,
        waits: Waits,
        mut done: impl FnMut(&mut State) -> Option<T>,
    ) -> T {
        let mut sleeper = None;
        let mut others_queued = false;
        let mut state = self.shared.lock();
        loop {
            if let Some(result) = done(&mut state) {
                if others_queued {
                    self.leave_writing(state);
                } else {
                    pass_on(state);
                }
                return result;
            }
            if state.session.is_due() {
                state = self.pass_time(state);
            } else if let Some(action) = state.session.poll_action() {
                state = self.obey(state, action);
            } else if state.session.failure().is_some() && !state.life.is_over() {
                // Ended by being asked what to do: it is told now.
                state = self.step(state, |_| {});
            } else if state.session.is_drained() {
                state = self.step(state, |session| {
                    session.handle_failure(ConnectionError::Shutdown);
                });
            } else if let Some(waker) = state.leases.to_wake.pop_front() {
                drop(state);
                waker.wake();
                state = self.shared.lock();
            } else if state.wants_writer() {
                state = self.flush(state, waits.until());
                others_queued = state.wants_writer();
            } else if !state.leases.reading {
                state = self.lead(state, waits.until());
            } else {
                let waker = sleeper.get_or_insert_with(sleeper_of_this_thread);
                // A waker of a thread: dropping it runs no code of users.
                drop(state.begin_waiting(waits, waker));
                state = self.sleep(state, waits);
                // Who is awake is not to be woken in the place of one who sleeps.
                drop(state.stop_waiting(waits));
                // Perhaps it was woken for this.
                others_queued = state.wants_writer();
            }
        }
    }

    /// Leaves what others queued while this thread wrote to one of them, unless none waits but the one
    /// who reads, who cannot write meanwhile.
    fn leave_writing<'a>(&'a self, mut state: Guard<'a>) {
        while state.wants_writer() {
            state = match hand_over(state) {
                Ok(()) => return,
                Err(state) => state,
            };
            let progress = state.leases.progress();
            state = self.flush(state, Some(now()));
            if state.leases.progress() == progress {
                break;
            }
        }
        pass_on(state);
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
                leases.is_stuck = false;
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

    /// If something is due, tells the session and those whom it concerns.
    fn pass_time<'a>(&'a self, state: Guard<'a>) -> Guard<'a> {
        let now = now();
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

    /// Tells outside the lock. Those whose answers came are woken together with all threads that come
    /// by.
    fn tell<'a>(&'a self, mut state: Guard<'a>, told: &mut Told) -> Guard<'a> {
        state.leases.to_wake.extend(told.wakers.drain(..));
        while let Some(waker) = state.leases.to_wake.pop_front() {
            drop(state);
            waker.wake();
            state = self.shared.lock();
        }
        if told.is_empty() {
            return state;
        }
        drop(state);
        let guard = PassOn(self);
        self.shared.tell(told);
        drop(guard);
        self.shared.lock()
    }
}

/// A hook of users may panic: somebody else goes on then.
struct PassOn<'a>(&'a Lead);

impl Drop for PassOn<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            pass_on(self.0.shared.lock());
        }
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
