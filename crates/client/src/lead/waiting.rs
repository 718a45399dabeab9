//! Threads that sleep until they are woken, or until a time.

use std::sync::Arc;
use std::task::{Wake, Waker};
use std::time::{Duration, Instant};

use tarantool_proto::{RequestId, WatchId};

use super::{Guard, Lead};
use crate::shared::State;
use crate::sync::{self, Thread, now};

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
    pub(super) fn until(self) -> Option<Instant> {
        match self {
            Self::Change { until, .. } | Self::Briefly { until } => until,
            _ => None,
        }
    }
}

/// Until when, in this time from now; `None`: for good.
pub(crate) fn after(timeout: Option<Duration>) -> Option<Instant> {
    timeout.and_then(|timeout| now().checked_add(timeout))
}

pub(crate) fn left(deadline: Option<Instant>) -> Option<Duration> {
    deadline.map(|deadline| deadline.saturating_duration_since(now()))
}

impl State {
    /// Leaves `waker` for what is waited for. Returns the one that it replaces.
    pub(super) fn begin_waiting(&mut self, waits: Waits, waker: &Waker) -> Option<Waker> {
        match waits {
            Waits::Reply(id) => self.wait(id, waker),
            Waits::Change { id, number, .. } => self.wait_changed(id, number, waker),
            Waits::Briefly { .. } => None,
        }
    }

    /// Takes it back.
    pub(super) fn stop_waiting(&mut self, waits: Waits) -> Option<Waker> {
        match waits {
            Waits::Reply(id) => self.take_waiter(id),
            Waits::Change { id, number, .. } => self.forget_watcher(id, number),
            Waits::Briefly { .. } => None,
        }
    }
}

impl Lead {
    /// Sleeps until woken, or until a deadline may have passed that the one who reads does not see to:
    /// a sleep without a time costs less.
    pub(super) fn sleep<'a>(&'a self, state: Guard<'a>, waits: Waits) -> Guard<'a> {
        let briefly = matches!(waits, Waits::Briefly { .. });
        let deadline = state.session.poll_timeout();
        let is_seen_to = state.leases.looks_again.is_some_and(|at| Some(at) <= deadline);
        let deadline = deadline.filter(|_| !is_seen_to).into_iter().chain(waits.until()).min();
        let timeout = match left(deadline) {
            Some(timeout) if briefly => Some(timeout.min(BRIEFLY)),
            None if briefly => Some(BRIEFLY),
            timeout => timeout,
        };
        drop(state);
        park(timeout);
        let state = self.shared.lock();
        if timeout.is_some() { self.pass_time(state) } else { state }
    }
}

/// Sleeps until woken.
pub(super) fn park(timeout: Option<Duration>) {
    match timeout {
        Some(timeout) => sync::park_timeout(timeout),
        None => sync::park(),
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

sync::thread_local! {
    static SLEEPER: Waker = new_sleeper();
}

fn new_sleeper() -> Waker {
    Waker::from(Arc::new(Sleeper(sync::current())))
}

pub(super) fn sleeper_of_this_thread() -> Waker {
    SLEEPER.try_with(Waker::clone).unwrap_or_else(|_| new_sleeper())
}

/// How long a thread sleeps that waits for something else than an answer of its own.
pub(super) const BRIEFLY: Duration = Duration::from_millis(1);
