//! A timer from a runtime's sleeping futures.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use crate::drive::Timer;

/// A [`Timer`] for runtimes whose sleep is a future that cannot be set anew: it makes another one
/// when the deadline changes, which is rare.
pub struct Sleep<F> {
    until: fn(Instant) -> F,
    armed: Option<(Instant, Pin<Box<F>>)>,
}

impl<F: Future> Sleep<F> {
    /// A timer whose futures `until` makes, each to be ready at the instant that it is given.
    #[must_use]
    pub const fn new(until: fn(Instant) -> F) -> Self {
        Self { until, armed: None }
    }
}

impl<F: Future> Timer for Sleep<F> {
    fn poll_deadline(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        let (_, sleeping) = match &mut self.armed {
            Some(armed) if armed.0 == deadline => armed,
            other => other.insert((deadline, Box::pin((self.until)(deadline)))),
        };
        let slept = sleeping.as_mut().poll(cx).map(drop);
        if slept.is_ready() {
            // A future that was ready must not be polled again.
            self.armed = None;
        }
        slept
    }
}

impl<F> fmt::Debug for Sleep<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sleep").finish_non_exhaustive()
    }
}
