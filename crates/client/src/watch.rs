//! Watched keys.

use std::fmt;
use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use tarantool_proto::request::{Request, Subject, Watch, WatchOnce};
use tarantool_proto::{ConnectionError, WatchError, WatchId, WatchedValue};

use crate::blocking::Blocking;
use crate::client::{Client, returned};
use crate::error::{Error, ErrorKind};
use crate::lead::Waits;
use crate::mode::{Async, Mode};
use crate::shared::State;
use crate::sync::now;

/// The values of a watched key (server 2.10); made by [`Client::watch`].
///
/// It goes on over connections: when one is lost, the key is watched again on the next, whose first
/// value says that others [may have been missed](WatchedValue::after_gap).
///
/// The newest value alone is kept: whoever reads slowly, or never, misses values and delays nobody.
/// Watchers of one key on one connection share what the server sends. Dropping the last tells the
/// server to send no more.
///
/// A watcher keeps its connection open, as a clone of the client does.
///
/// ```
/// # async fn example(client: tarantool_client::Client) -> Result<(), tarantool_client::Error> {
/// let mut status = client.watch("box.status");
/// while let Some(change) = status.changed().await {
///     println!("{:?}", change.decode::<tarantool_client::types::Value>()?);
/// }
/// println!("no more values: {:?}", status.failure());
/// # Ok(()) }
/// ```
#[must_use = "values are seen only by asking for them"]
pub struct Watcher<M: Mode = Async> {
    client: Client<M>,
    subject: Subject,
    watch: Result<WatchId, Error>,
    /// Tells watchers of one key apart.
    number: u64,
    /// The number of the value that was given last.
    seen: u64,
}

impl<M: Mode> Client<M> {
    /// Watches a key (server 2.10), such as one that `box.broadcast` gives values to, or a built-in
    /// one: `box.status`, `box.schema`, `box.election`, `box.shutdown`.
    ///
    /// The first value is the present one, that of a key without a value included; later ones are
    /// given as they come. Whatever is wrong, such as a server that is too old, ends the watcher at
    /// once: see [`Watcher::failure`].
    pub fn watch(&self, key: &str) -> Watcher<M> {
        let subject = Watch::new(key).subject();
        let (watch, number) = self.lane.shared.watch(subject, key);
        self.lane.mode.flush(self.timeout().and_then(|timeout| now().checked_add(timeout)));
        Watcher { client: self.on(&self.lane), subject, watch, number, seen: 0 }
    }

    /// Reads the value of a key that can be [watched](Self::watch), once (server 3.0). A key without
    /// a value is nil: an `Option` takes it as `None`.
    pub fn watch_once<T: DeserializeOwned>(&self, key: &str) -> M::Reply<T> {
        self.request(&WatchOnce::new(key), returned)
    }
}

impl<M: Mode> Watcher<M> {
    /// Why no more values come, if that is so: the connection has ended or was closed, or the server
    /// does not let the key be watched.
    #[must_use]
    pub fn failure(&self) -> Option<Error> {
        let id = match &self.watch {
            Ok(id) => *id,
            Err(error) => return Some(error.clone()),
        };
        let (kind, address) = {
            let state = self.client.lane.shared.lock();
            let kind = match (state.session.watch_error(id), state.session.failure()) {
                (Some(WatchError::Unsupported(what)), _) => ErrorKind::Unsupported(*what),
                (Some(WatchError::Server(error)), _) => ErrorKind::Server(error.clone()),
                (_, Some(cause)) => ErrorKind::Ended { cause: cause.clone() },
                _ if state.is_closing => ErrorKind::Ended { cause: ConnectionError::Shutdown },
                _ => return None,
            };
            (kind, state.session.last_address())
        };
        Some(Error::of(self.subject, kind).with_address(&self.client.lane.shared.address(address)))
    }

    /// What `changed` gives, if it need not wait.
    fn look(&mut self, id: WatchId, state: &State) -> Option<Option<WatchedValue>> {
        if let Some(change) = state.session.changed(id, self.seen) {
            self.seen = change.number();
            return Some(Some(change));
        }
        let is_over = state.is_closing || state.session.failure().is_some();
        (is_over || state.session.watch_error(id).is_some()).then_some(None)
    }
}

impl Watcher<Async> {
    /// Waits for a value that this watcher has not given yet, the newest. `None`: there will be
    /// none, and [`failure`](Self::failure) tells why.
    ///
    /// Dropping the future loses nothing.
    pub async fn changed(&mut self) -> Option<WatchedValue> {
        poll_fn(|cx| self.poll_changed(cx)).await
    }

    /// As [`changed`](Self::changed), for futures and streams written by hand.
    pub fn poll_changed(&mut self, cx: &mut Context<'_>) -> Poll<Option<WatchedValue>> {
        let Ok(id) = self.watch else {
            return Poll::Ready(None);
        };
        let shared = std::sync::Arc::clone(&self.client.lane.shared);
        let mut state = shared.lock();
        if let Some(result) = self.look(id, &state) {
            return Poll::Ready(result);
        }
        let replaced = state.wait_changed(id, self.number, cx.waker());
        drop(state);
        drop(replaced);
        Poll::Pending
    }
}

impl Watcher<Blocking> {
    /// Waits for a value that this watcher has not given yet, the newest. `None`: there will be
    /// none, and [`failure`](Self::failure) tells why.
    ///
    /// Values are received while some thread waits: here, or for a reply.
    pub fn changed(&mut self) -> Option<WatchedValue> {
        self.changed_until(None)
    }

    /// As [`changed`](Self::changed), but waits for `timeout` at most. `None`: no value came in
    /// time, or there will be none, in which case [`failure`](Self::failure) tells why.
    pub fn changed_timeout(&mut self, timeout: Duration) -> Option<WatchedValue> {
        self.changed_until(now().checked_add(timeout))
    }

    fn changed_until(&mut self, until: Option<Instant>) -> Option<WatchedValue> {
        let id = *self.watch.as_ref().ok()?;
        let (client, number) = (self.client.clone(), self.number);
        client
            .lane
            .mode
            .lead()
            .drive_until(Waits::Change { id, number, until }, |state| {
                let result = self.look(id, state).or_else(|| {
                    let is_late = until.is_some_and(|until| until <= now());
                    is_late.then_some(None)
                })?;
                // Whoever leaves is not woken to lead.
                let waker = state.forget_watcher(id, number);
                Some((result, waker))
            })
            .0
    }
}

/// Waits for each value as [`changed`](Self::changed) does; ends when there will be none.
impl Iterator for Watcher<Blocking> {
    type Item = WatchedValue;

    fn next(&mut self) -> Option<WatchedValue> {
        self.changed()
    }
}

impl<M: Mode> Drop for Watcher<M> {
    fn drop(&mut self) {
        if let Ok(id) = self.watch {
            self.client.lane.shared.unwatch(id, self.number);
            self.client.lane.mode.flush(Some(now()));
        }
    }
}

impl<M: Mode> fmt::Debug for Watcher<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Watcher");
        debug.field("request", &self.subject).field("seen", &self.seen).finish_non_exhaustive()
    }
}
