//! What is to happen when, in virtual microseconds.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Event {
    /// A client's driver runs: its session asked for it.
    Wake {
        client: usize,
    },
    /// A client's user does something.
    Act {
        client: usize,
    },
    /// An attempt to connect is decided.
    Opened {
        client: usize,
        attempt: u64,
        server: usize,
    },
    /// Bytes may have arrived.
    Arrive {
        link: usize,
        way: Way,
    },
    /// The client's side of a link notices that it is broken.
    Broken {
        link: usize,
    },
    /// A server executes something.
    Execute {
        server: usize,
        work: u64,
    },
    /// A server that is leaving is gone.
    Down {
        server: usize,
        epoch: u64,
    },
    /// A server is as it should be.
    Restore {
        server: usize,
        epoch: u64,
    },
    Fault,
    /// No more faults from here on.
    Heal,
    /// A look at whether it is over.
    Look,
}

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Way {
    ToServer,
    ToClient,
}

#[derive(Default)]
pub(crate) struct Schedule {
    heap: BinaryHeap<Reverse<(u64, u64, Event)>>,
    count: u64,
    now: u64,
}

impl Schedule {
    pub(crate) const fn now(&self) -> u64 {
        self.now
    }

    /// At the same time, what was scheduled first comes first.
    pub(crate) fn at(&mut self, at: u64, event: Event) {
        self.count += 1;
        self.heap.push(Reverse((at.max(self.now), self.count, event)));
    }

    pub(crate) fn after(&mut self, time: u64, event: Event) {
        self.at(self.now + time, event);
    }

    pub(crate) fn next(&mut self) -> Option<Event> {
        let Reverse((at, _, event)) = self.heap.pop()?;
        self.now = at;
        Some(event)
    }
}
