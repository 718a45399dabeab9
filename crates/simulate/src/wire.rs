//! Bytes under way in one direction.

use std::collections::VecDeque;

use bytes::BytesMut;

use crate::random::Random;

/// How bytes travel: times in microseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Conditions {
    pub(crate) latency: (u64, u64),
    /// How many bytes travel together at most.
    pub(crate) piece_max: u64,
    /// How many bytes there may be under way.
    pub(crate) capacity: usize,
    /// One in so many pieces is late by `pause`; 0: none.
    pub(crate) pause_one_in: u64,
    pub(crate) pause: u64,
}

#[derive(Default)]
pub(crate) struct Wire {
    bytes: BytesMut,
    /// When how many of them arrive; none of them is the end.
    pieces: VecDeque<(u64, usize)>,
    /// Nothing arrives before.
    frozen_until: u64,
    /// After so many bytes more the connection breaks.
    pub(crate) breaks_after: Option<usize>,
    is_ended: bool,
    /// For when an arrival is scheduled.
    pub(crate) expected: Option<u64>,
}

/// What became of bytes that were written.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) bytes: usize,
    pub(crate) breaks: bool,
}

impl Wire {
    /// Takes as much as there is room for.
    pub(crate) fn put(
        &mut self,
        bytes: &[u8],
        now: u64,
        conditions: &Conditions,
        random: &mut Random,
    ) -> Taken {
        let room = conditions.capacity.saturating_sub(self.bytes.len());
        let taken = bytes.len().min(room);
        if self.is_ended {
            return Taken { bytes: bytes.len(), breaks: false };
        }
        // What breaks a connection is taken, and lost.
        let breaks = self.breaks_after.is_some_and(|left| left <= taken);
        let travels = self.breaks_after.map_or(taken, |left| left.min(taken));
        if let Some(left) = &mut self.breaks_after {
            *left -= travels;
        }
        let mut rest = &bytes[..travels];
        while !rest.is_empty() {
            let piece = random.up_to_about(conditions.piece_max).min(rest.len() as u64) as usize;
            let (low, high) = conditions.latency;
            let mut arrival = now + random.within(low..=high);
            if conditions.pause_one_in > 0 && random.one_in(conditions.pause_one_in) {
                arrival += conditions.pause;
            }
            self.push(arrival, &rest[..piece]);
            rest = &rest[piece..];
        }
        Taken { bytes: taken, breaks }
    }

    fn push(&mut self, arrival: u64, bytes: &[u8]) {
        let last = self.pieces.back().map_or(0, |(at, _)| *at);
        self.bytes.extend_from_slice(bytes);
        self.pieces.push_back((arrival.max(last), bytes.len()));
    }

    /// Behind all that is under way there is nothing more.
    pub(crate) fn end(&mut self, arrival: u64) {
        if !self.is_ended {
            self.push(arrival, &[]);
            self.is_ended = true;
        }
    }

    /// Loses what is under way; nothing more is taken.
    pub(crate) fn drop_all(&mut self) {
        self.bytes.clear();
        self.pieces.clear();
        self.is_ended = true;
    }

    pub(crate) fn freeze(&mut self, until: u64) {
        self.frozen_until = self.frozen_until.max(until);
    }

    /// What was held back goes on, and nothing breaks any more.
    pub(crate) fn heal(&mut self) {
        self.frozen_until = 0;
        self.breaks_after = None;
    }

    pub(crate) fn next(&self) -> Option<u64> {
        let (at, _) = self.pieces.front()?;
        (self.frozen_until < u64::MAX).then_some((*at).max(self.frozen_until))
    }

    /// Moves what has arrived; whether that was the end.
    pub(crate) fn arrived(&mut self, now: u64, into: &mut BytesMut) -> bool {
        while self.next().is_some_and(|at| at <= now) {
            let Some((_, count)) = self.pieces.pop_front() else {
                break;
            };
            if count == 0 {
                return true;
            }
            into.extend_from_slice(&self.bytes.split_to(count));
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONDITIONS: Conditions =
        Conditions { latency: (10, 100), piece_max: 3, capacity: 20, pause_one_in: 0, pause: 0 };

    fn put(wire: &mut Wire, bytes: &[u8], now: u64) -> Taken {
        wire.put(bytes, now, &CONDITIONS, &mut Random::new(now))
    }

    #[test]
    fn bytes_keep_their_order_and_take_their_time() {
        let (mut wire, mut got) = (Wire::default(), BytesMut::new());
        for now in [0, 200, 400] {
            assert_eq!(put(&mut wire, b"sixsix", now), Taken { bytes: 6, breaks: false });
        }
        assert_eq!(put(&mut wire, b"seven", 400).bytes, 2, "there is no more room");
        let mut arrivals = Vec::new();
        while let Some(at) = wire.next() {
            assert!(!wire.arrived(at - 1, &mut got));
            assert_eq!(got.len(), arrivals.last().copied().unwrap_or_default());
            assert!(!wire.arrived(at, &mut got));
            arrivals.push(got.len());
            let put_at = 200 * ((got.len() as u64 - 1) / 6).min(2);
            assert!((put_at + 10..=put_at + 100).contains(&at), "{at}: {arrivals:?}");
        }
        assert_eq!(got, b"sixsixsixsixsixsixse"[..]);
        wire.end(5000);
        assert!(wire.arrived(wire.next().unwrap(), &mut got));
        assert_eq!(put(&mut wire, b"more", 5000).bytes, 4, "into nowhere");
        assert_eq!(wire.next(), None);
    }

    #[test]
    fn what_breaks_a_wire_is_taken_and_lost() {
        let (mut wire, mut got) = (Wire::default(), BytesMut::new());
        wire.breaks_after = Some(7);
        assert_eq!(put(&mut wire, b"hello", 0), Taken { bytes: 5, breaks: false });
        assert_eq!(put(&mut wire, b"world", 0), Taken { bytes: 5, breaks: true });
        wire.arrived(10_000, &mut got);
        assert_eq!(got, b"hellowo"[..]);
    }

    #[test]
    fn what_is_frozen_arrives_later() {
        let (mut wire, mut got) = (Wire::default(), BytesMut::new());
        put(&mut wire, b"hello", 0);
        wire.freeze(50_000);
        assert_eq!(wire.next(), Some(50_000));
        wire.freeze(u64::MAX);
        assert_eq!(wire.next(), None);
        wire.arrived(u64::MAX - 1, &mut got);
        assert!(got.is_empty());
        wire.heal();
        wire.arrived(10_000, &mut got);
        assert_eq!(got, b"hello"[..]);
    }
}
