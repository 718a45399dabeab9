//! Who writes and who reads, and what they take out meanwhile.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Waker;
use std::time::Instant;

use bytes::BytesMut;

use super::{Guard, Lead};
use crate::blocking::{Connecting, Socket};
use crate::life::Told;
use crate::shared::State;

/// Who drives the socket, and what is needed for it, which the holder of a lease takes out meanwhile.
#[derive(Default)]
pub(crate) struct Leases {
    pub(super) reading: bool,
    /// When the one who reads looks at the deadlines of all again.
    pub(super) looks_again: Option<Instant>,
    pub(super) writing: bool,
    /// Somebody lets others run before it writes.
    pub(super) yielding: bool,
    pub(super) link: Link,
    /// How many links there were: whoever comes back from a former one leaves the present one alone.
    pub(super) links: u64,
    pub(super) input: BytesMut,
    pub(super) output: Vec<u8>,
    /// How much of `output` is written.
    pub(super) written: usize,
    /// How many writes took something.
    pub(super) writes: u64,
    /// Somebody who submitted was left with bytes that the socket did not take, and nothing was taken
    /// since.
    pub(super) is_stuck: bool,
    pub(super) told: Told,
    /// Whose answers came and who are to be woken, by whoever comes by: one who wakes others is
    /// often put aside by the system for those.
    pub(super) to_wake: VecDeque<Waker>,
}

/// The socket, as far as it has come.
#[derive(Default)]
pub(super) enum Link {
    #[default]
    Closed,
    /// To be opened, by whoever reads.
    Wanted {
        address: usize,
        attempt: u64,
    },
    /// Being opened; not here while somebody waits for it.
    Opening {
        attempt: u64,
        connecting: Option<Box<dyn Connecting>>,
    },
    Open(Arc<dyn Socket>),
}

impl Leases {
    /// Another after a write that took something, and for another link.
    pub(super) fn progress(&self) -> (u64, u64) {
        (self.links, self.writes)
    }

    pub(super) fn socket(&self) -> Option<Arc<dyn Socket>> {
        match &self.link {
            Link::Open(socket) => Some(Arc::clone(socket)),
            _ => None,
        }
    }
}

impl State {
    /// Whether there is something to write, and nobody who writes. One who yields first is about to,
    /// but the server need not wait for that if it has nothing else to do.
    pub(super) fn wants_writer(&self) -> bool {
        let waits = self.session.queued_bytes() > 0 || !self.leases.output.is_empty();
        let is_left_to_another = self.leases.yielding && !self.session.wants_head_start();
        waits && !self.leases.writing && !is_left_to_another && self.session.is_connected()
    }

    /// Whether all that was accepted is written.
    pub(super) fn is_all_written(&self) -> bool {
        let waits = self.session.queued_bytes() > 0 || self.session.is_saturated();
        !waits && self.leases.output.is_empty() && !self.leases.writing
    }
}

/// A lease that this thread has taken, given up however the thread leaves.
pub(super) struct Lease<'a> {
    pub(super) lead: &'a Lead,
    pub(super) of: fn(&mut Leases) -> &mut bool,
}

impl<'a> Lease<'a> {
    /// Gives the lease up.
    pub(super) fn end(self) -> Guard<'a> {
        let (lead, of) = (self.lead, self.of);
        std::mem::forget(self);
        let mut state = lead.shared.lock();
        *of(&mut state.leases) = false;
        state
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        let mut state = self.lead.shared.lock();
        *(self.of)(&mut state.leases) = false;
        state.leases.looks_again = None;
        if state.wants_writer() {
            let _ = hand_over(state);
        } else {
            pass_on(state);
        }
    }
}

/// If nobody reads, or a write was left half-done, and someone waits, wakes one to go on.
pub(super) fn pass_on(mut state: Guard<'_>) {
    let is_driven = state.leases.reading && state.leases.output.is_empty();
    let next = if is_driven { None } else { state.take_any_waiter() };
    drop(state);
    if let Some(next) = next {
        next.wake();
    }
}

/// Wakes one who waits, to write or read. `state` comes back if nobody does.
pub(super) fn hand_over(mut state: Guard<'_>) -> Result<(), Guard<'_>> {
    let Some(next) = state.take_any_waiter() else {
        return Err(state);
    };
    drop(state);
    next.wake();
    Ok(())
}
