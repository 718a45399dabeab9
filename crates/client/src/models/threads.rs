//! Threads and time as models have them.

use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use loom::sync::Condvar;
pub(crate) use loom::sync::{Mutex, MutexGuard};
pub(crate) use loom::thread::yield_now;

/// Whom to unpark. Loom's own parking loses what comes while the thread waits for a lock.
#[derive(Clone, Default)]
pub(crate) struct Thread(Arc<Parker>);

#[derive(Default)]
struct Parker {
    is_unparked: Mutex<bool>,
    unparked: Condvar,
}

loom::thread_local! {
    static CURRENT: Thread = Thread::default();
}

pub(crate) fn current() -> Thread {
    CURRENT.with(Thread::clone)
}

impl Thread {
    pub(crate) fn unpark(&self) {
        *self.0.is_unparked.lock().unwrap() = true;
        self.0.unparked.notify_one();
    }
}

pub(crate) fn park() {
    let Thread(parker) = current();
    let mut is_unparked = parker.is_unparked.lock().unwrap();
    while !*is_unparked {
        is_unparked = parker.unparked.wait(is_unparked).unwrap();
    }
    *is_unparked = false;
}

/// Nobody knows how much the others do in that time: as much as they can if it is but a look at
/// what they did, else whatever loom tries.
pub(crate) fn park_timeout(timeout: Duration) {
    let until = now() + timeout;
    if timeout <= GLANCE {
        yield_now();
    }
    let Thread(parker) = current();
    let is_unparked = std::mem::take(&mut *parker.is_unparked.lock().unwrap());
    if !is_unparked {
        pass_until(until);
    }
}

/// Whoever waits no longer looks again and again.
pub(super) const GLANCE: Duration = Duration::from_millis(1);

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

loom::lazy_static! {
    /// How much time has passed in this execution.
    static ref PASSED: std::sync::Mutex<Duration> = std::sync::Mutex::default();
}

/// Time passes by waits alone.
pub(crate) fn now() -> Instant {
    *START + *PASSED.lock().unwrap()
}

pub(super) fn pass_until(until: Instant) {
    let mut passed = PASSED.lock().unwrap();
    *passed = (*passed).max(until.saturating_duration_since(*START));
}
