//! Hands things from a thread to tasks of any runtime.
//!
//! Wakers are woken outside of the lock: one that waits for the woken thread to do something would
//! else wait for ever when that thread wants the lock.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// Both ends of a queue without a bound.
#[derive(Debug)]
pub(super) struct Queue<T> {
    shared: Arc<Mutex<Shared<T>>>,
}

impl<T> Clone for Queue<T> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

#[derive(Debug)]
struct Shared<T> {
    things: VecDeque<T>,
    waiting: VecDeque<Waker>,
    is_closed: bool,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        let shared = Shared { things: VecDeque::new(), waiting: VecDeque::new(), is_closed: false };
        Self { shared: Arc::new(Mutex::new(shared)) }
    }
}

impl<T> Queue<T> {
    /// Gives a thing to whoever takes it first.
    pub(super) fn push(&self, thing: T) {
        let mut shared = self.lock();
        shared.things.push_back(thing);
        let waker = shared.waiting.pop_front();
        drop(shared);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Nothing more will come.
    pub(super) fn close(&self) {
        let mut shared = self.lock();
        shared.is_closed = true;
        let waiting = std::mem::take(&mut shared.waiting);
        drop(shared);
        waiting.into_iter().for_each(Waker::wake);
    }

    /// Takes the oldest thing, or waits for one; `None` when nothing more will come.
    pub(super) async fn take(&self) -> Option<T> {
        poll_fn(|context| self.poll(context)).await
    }

    fn poll(&self, context: &mut Context<'_>) -> Poll<Option<T>> {
        let mut shared = self.lock();
        match shared.things.pop_front() {
            Some(thing) => Poll::Ready(Some(thing)),
            None if shared.is_closed => Poll::Ready(None),
            None => {
                shared.waiting.push_back(context.waker().clone());
                Poll::Pending
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Shared<T>> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn everything_is_taken_once() {
        let queue = Queue::default();
        let takers: Vec<_> = (0..3)
            .map(|_| {
                let queue: Queue<u32> = queue.clone();
                thread::spawn(move || {
                    smol::block_on(async {
                        let mut taken = Vec::new();
                        while let Some(thing) = queue.take().await {
                            taken.push(thing);
                        }
                        taken
                    })
                })
            })
            .collect();
        for thing in 0..1000 {
            queue.push(thing);
        }
        queue.close();
        let mut taken: Vec<_> =
            takers.into_iter().flat_map(|taker| taker.join().unwrap()).collect();
        taken.sort_unstable();
        assert_eq!(taken, (0..1000).collect::<Vec<_>>());
    }
}
