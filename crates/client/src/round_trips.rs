//! How long requests took.

use std::time::Instant;

use tarantool_proto::{Histogram, RequestId};

/// When requests were accepted, by slot, and how long those that were answered took.
#[derive(Default)]
pub(crate) struct RoundTrips {
    accepted: Vec<Option<(RequestId, Instant)>>,
    micros: Histogram,
}

impl RoundTrips {
    pub(crate) fn begin(&mut self, id: RequestId, now: Instant) {
        let slot = id.slot();
        if self.accepted.len() <= slot {
            self.accepted.resize(slot + 1, None);
        }
        if let Some(place) = self.accepted.get_mut(slot) {
            *place = Some((id, now));
        }
    }

    pub(crate) fn end(&mut self, id: RequestId, now: Instant) {
        let Some(place) = self.accepted.get_mut(id.slot()) else {
            return;
        };
        if let Some((_, accepted)) = place.take_if(|(accepted, _)| *accepted == id) {
            let micros = now.saturating_duration_since(accepted).as_micros();
            self.micros.record(usize::try_from(micros).unwrap_or(usize::MAX));
        }
    }

    pub(crate) const fn micros(&self) -> Histogram {
        self.micros
    }
}
