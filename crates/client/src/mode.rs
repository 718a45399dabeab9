//! How a handle waits: the one difference between the asynchronous and the blocking client.

use std::time::{Duration, Instant};

use crate::pending::Pending;

/// How a handle waits for replies: by being polled ([`Async`]) or by driving the socket itself
/// ([`Blocking`](crate::Blocking)).
///
/// It decides what a verb returns, and nothing else; verbs are written once for both.
pub trait Mode: Clone + Send + Sync + sealed::Sealed + 'static {
    /// What a verb returns: [`Pending<T>`], a future, or `Result<T, Error>`.
    type Reply<T>;

    /// Waits for a reply, or returns what can be awaited.
    fn reply<T>(&self, pending: Pending<T>) -> Self::Reply<T>;

    /// Writes what is queued and waited for by nobody now, unless somebody else does so anyway. It
    /// must be over at `until`; a time that has come: without waiting for anything.
    fn flush(&self, until: Option<Instant>);

    /// The last handle was dropped. What this does must be over within `timeout`.
    fn close(&self, timeout: Duration);
}

/// Replies are awaited: every verb returns a [`Pending`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Async;

impl Mode for Async {
    type Reply<T> = Pending<T>;

    #[inline]
    fn reply<T>(&self, pending: Pending<T>) -> Pending<T> {
        pending
    }

    fn flush(&self, _until: Option<Instant>) {}

    fn close(&self, _timeout: Duration) {}
}

impl sealed::Sealed for Async {}

pub(crate) mod sealed {
    pub trait Sealed {}
}
