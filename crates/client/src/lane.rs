//! Lanes: several connections behind one client.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::mode::Mode;
use crate::shared::Shared;

/// One connection at a time, closed when nobody holds it any more.
pub(crate) struct Lane<M: Mode> {
    pub(crate) shared: Arc<Shared>,
    pub(crate) mode: M,
    /// How long closing may take.
    pub(crate) close_timeout: Duration,
}

impl<M: Mode> Drop for Lane<M> {
    fn drop(&mut self) {
        self.shared.close(self.close_timeout);
        self.mode.close(self.close_timeout);
    }
}

/// More lanes than one.
pub(crate) struct Lanes<M: Mode> {
    /// Requests take them in turn.
    spread: Vec<Arc<Lane<M>>>,
    turn: AtomicUsize,
    named: BTreeMap<Box<str>, Arc<Lane<M>>>,
}

impl<M: Mode> Lanes<M> {
    pub(crate) fn new(
        spread: Vec<Arc<Lane<M>>>,
        named: BTreeMap<Box<str>, Arc<Lane<M>>>,
    ) -> Arc<Self> {
        Arc::new(Self { spread, turn: AtomicUsize::new(0), named })
    }

    /// The next one in turn, rather one that is ready.
    #[inline]
    pub(crate) fn next(&self) -> Option<&Arc<Lane<M>>> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let count = self.spread.len().max(1);
        let in_turn = || (0..count).filter_map(|step| self.spread.get((turn + step) % count));
        in_turn().find(|lane| lane.shared.is_ready()).or_else(|| in_turn().next())
    }

    pub(crate) fn named(&self, name: &str) -> Option<&Arc<Lane<M>>> {
        self.named.get(name)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<Lane<M>>> {
        self.spread.iter().chain(self.named.values())
    }
}
