//! Who waits for what: wakers, each in its place until what it waits for has come.

use std::task::Waker;

use tarantool_proto::{Answer, RequestId, WatchId};

use super::{Shared, State};

/// Who waits for the reply to this request.
pub(super) struct Waiter {
    id: RequestId,
    waker: Waker,
}

impl State {
    /// Takes the answer of a request, or leaves `waker` to be woken when it is there, and returns the
    /// one that it replaces: see [`wait`](Self::wait).
    #[inline]
    pub(crate) fn take_or_wait(
        &mut self,
        id: RequestId,
        waker: &Waker,
    ) -> Result<Answer, Option<Waker>> {
        self.session.take(id).ok_or_else(|| self.wait(id, waker))
    }

    /// Leaves `waker` to be woken for a request. Returns the one that it replaces, to be dropped
    /// outside of the lock: with it a task may go, and with the task a handle of this connection.
    #[must_use = "a waker must be dropped outside of the lock"]
    pub(crate) fn wait(&mut self, id: RequestId, waker: &Waker) -> Option<Waker> {
        let slot = id.slot();
        if self.waiters.len() <= slot {
            self.waiters.resize_with(slot + 1, || None);
        }
        let place = self.waiters.get_mut(slot)?;
        match place {
            Some(waiter) if waiter.id == id && waiter.waker.will_wake(waker) => None,
            _ => {
                self.waiting += usize::from(place.is_none());
                let replaced = place.replace(Waiter { id, waker: waker.clone() });
                replaced.map(|waiter| waiter.waker)
            }
        }
    }

    /// Takes the waker of a request's waiter.
    #[inline]
    pub(crate) fn take_waiter(&mut self, id: RequestId) -> Option<Waker> {
        let place = self.waiters.get_mut(id.slot())?;
        let waiter = place.take_if(|waiter| waiter.id == id)?;
        self.waiting -= 1;
        Some(waiter.waker)
    }

    /// Takes the waker of any waiter, each in turn.
    pub(crate) fn take_any_waiter(&mut self) -> Option<Waker> {
        if self.waiting == 0 {
            return self.watchers.pop_first().map(|(_, waker)| waker);
        }
        let slots = self.waiters.len();
        for slot in (self.cursor..slots).chain(0..self.cursor.min(slots)) {
            if let Some(waiter) = self.waiters.get_mut(slot).and_then(Option::take) {
                self.waiting -= 1;
                self.cursor = slot + 1;
                return Some(waiter.waker);
            }
        }
        None
    }

    /// Leaves `waker` to be woken when a watched key has a new value, and returns the former one.
    pub(crate) fn wait_changed(
        &mut self,
        id: WatchId,
        number: u64,
        waker: &Waker,
    ) -> Option<Waker> {
        self.watchers.insert((id, number), waker.clone())
    }

    /// Takes the waker of a watcher, if it has left one.
    pub(crate) fn forget_watcher(&mut self, id: WatchId, number: u64) -> Option<Waker> {
        self.watchers.remove(&(id, number))
    }

    pub(super) fn take_watchers(&mut self) -> Vec<Waker> {
        std::mem::take(&mut self.watchers).into_values().collect()
    }

    /// Stops the wait for a request. Returns the waker of its waiter, to be dropped, and the driver's,
    /// to be woken, if others are waiting for the place or for the end; both outside of the lock.
    #[must_use = "wakers are for outside of the lock"]
    pub(crate) fn cancel(&mut self, id: RequestId) -> (Option<Waker>, Option<Waker>) {
        self.session.cancel(id);
        let concerns_others = self.session.is_saturated() || self.is_closing;
        let driver = if concerns_others { self.driver.take() } else { None };
        (self.take_waiter(id), driver)
    }

    pub(crate) fn take_driver(&mut self) -> Option<Waker> {
        self.driver.take()
    }

    /// Leaves `waker` to be woken for the driver. Returns the one that it replaces, to be dropped
    /// outside of the lock.
    #[must_use = "a waker must be dropped outside of the lock"]
    pub(crate) fn park_driver(&mut self, waker: &Waker) -> Option<Waker> {
        if self.driver.as_ref().is_some_and(|driver| driver.will_wake(waker)) {
            return None;
        }
        self.driver.replace(waker.clone())
    }
}

/// Somebody who waits for another status, forgotten with the wait.
pub(crate) struct StatusWaiter<'a> {
    shared: &'a Shared,
    pub(crate) number: u64,
}

impl<'a> StatusWaiter<'a> {
    pub(crate) fn new(shared: &'a Shared) -> Self {
        Self { shared, number: shared.lock().life.next_waiter() }
    }
}

impl Drop for StatusWaiter<'_> {
    fn drop(&mut self) {
        let waker = self.shared.lock().life.forget(self.number);
        drop(waker);
    }
}
