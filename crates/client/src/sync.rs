//! What threads share and wait with, and the time that they see: those of the system; in model checks
//! loom's, which tries the orders in which things may happen, and a clock that only waits move.

#[cfg(not(all(test, loom)))]
pub(crate) use std::sync::{Mutex, MutexGuard};
#[cfg(not(all(test, loom)))]
pub(crate) use std::thread::{Thread, current, park, park_timeout, yield_now};
#[cfg(not(all(test, loom)))]
pub(crate) use std::thread_local;

#[cfg(all(test, loom))]
pub(crate) use loom::thread_local;

#[cfg(all(test, loom))]
pub(crate) use crate::models::{
    Mutex, MutexGuard, Thread, current, now, park, park_timeout, yield_now,
};

/// The present time.
#[cfg(not(all(test, loom)))]
#[inline]
pub(crate) fn now() -> std::time::Instant {
    std::time::Instant::now()
}
