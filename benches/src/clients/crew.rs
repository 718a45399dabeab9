//! Threads that do nothing but wake up: what a thread for each task costs at the least.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle, Thread};

/// Threads that sleep until a reply came for them, and say that they go on.
#[derive(Debug)]
pub(super) struct Crew {
    board: Arc<Board>,
    threads: Vec<JoinHandle<()>>,
    /// Whose reply comes next.
    next: usize,
}

#[derive(Debug)]
struct Board {
    /// Whether each has a reply.
    called: Vec<AtomicBool>,
    is_over: AtomicBool,
    /// How many of those called have not gone on yet.
    missing: AtomicUsize,
    pump: Thread,
}

impl Crew {
    /// `size` threads, woken by this one.
    pub(super) fn new(size: usize) -> Self {
        let board = Arc::new(Board {
            called: (0..size).map(|_| AtomicBool::new(false)).collect(),
            is_over: AtomicBool::new(false),
            missing: AtomicUsize::new(0),
            pump: thread::current(),
        });
        let work = |number| {
            let board = Arc::clone(&board);
            thread::spawn(move || board.work(number))
        };
        let threads = (0..size).map(work).collect();
        Self { board, threads, next: 0 }
    }

    /// Wakes as many threads in turn and waits until all of them go on. At most as many as there are.
    pub(super) fn wake(&mut self, count: usize) {
        let Board { called, missing, .. } = &*self.board;
        missing.store(count, Ordering::Release);
        for _ in 0..count {
            called[self.next].store(true, Ordering::Release);
            self.threads[self.next].thread().unpark();
            self.next = (self.next + 1) % called.len();
        }
        while missing.load(Ordering::Acquire) > 0 {
            thread::park();
        }
    }
}

impl Board {
    fn work(&self, number: usize) {
        loop {
            while !self.called[number].swap(false, Ordering::AcqRel) {
                if self.is_over.load(Ordering::Acquire) {
                    return;
                }
                thread::park();
            }
            if self.missing.fetch_sub(1, Ordering::AcqRel) == 1 {
                self.pump.unpark();
            }
        }
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.board.is_over.store(true, Ordering::Release);
        for thread in self.threads.drain(..) {
            thread.thread().unpark();
            // None of them panics.
            let _ = thread.join();
        }
    }
}
