//! What a paused server's threads wait at.

use std::sync::{Condvar, Mutex, PoisonError};

use super::core::lock;

/// Open at first.
#[derive(Debug, Default)]
pub(super) struct Gate {
    is_closed: Mutex<bool>,
    changed: Condvar,
}

impl Gate {
    pub(super) fn close(&self) {
        *lock(&self.is_closed) = true;
    }

    pub(super) fn open(&self) {
        *lock(&self.is_closed) = false;
        self.changed.notify_all();
    }

    /// Waits until it is open.
    pub(super) fn pass(&self) {
        self.pass_unless(|| false);
    }

    /// Waits until it is open, or `is_over`, which is asked again after [`look_up`](Self::look_up).
    pub(super) fn pass_unless(&self, is_over: impl Fn() -> bool) {
        let closed = lock(&self.is_closed);
        let passed = self.changed.wait_while(closed, |closed| *closed && !is_over());
        drop(passed.unwrap_or_else(PoisonError::into_inner));
    }

    pub(super) fn look_up(&self) {
        // Those who have just asked are waiting once the lock is to be had.
        drop(lock(&self.is_closed));
        self.changed.notify_all();
    }
}
