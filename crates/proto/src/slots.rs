//! Requests under way, found by their sync id without hashing.

use std::fmt;

use crate::error::Unanswered;
use crate::frame::Frame;
use crate::response::Response;

/// Names a request of one connection, or of one session, from [`send`](crate::Connection::send)
/// until its answer is taken.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId {
    slot: u32,
    generation: u32,
}

impl RequestId {
    /// The place that the request occupies: small numbers, used again for later requests. Whoever
    /// keeps something for each request, such as a waker, can keep it in a vector by this index.
    #[must_use]
    pub const fn slot(self) -> usize {
        self.slot as usize
    }

    /// The sync id on the wire.
    #[must_use]
    pub const fn sync(self) -> u64 {
        (self.generation as u64) << 32 | self.slot as u64
    }

    pub(crate) const fn from_sync(sync: u64) -> Self {
        Self { slot: sync as u32, generation: (sync >> 32) as u32 }
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestId({}.{})", self.slot, self.generation)
    }
}

/// What became of a request: the server's response, which may be an error, or why there is none.
pub type Answer = Result<Response, Unanswered>;

/// The table of requests under way: a vector of slots and a list of the free ones.
///
/// A slot is used again as soon as its answer is taken or its request cancelled. Its generation
/// then grows, so that a reply that comes later is recognised.
#[derive(Debug, Default)]
pub(crate) struct Slots {
    slots: Vec<Slot>,
    free: Option<u32>,
    in_flight: usize,
    occupied: usize,
    held_bytes: usize,
}

#[derive(Debug)]
struct Slot {
    generation: u32,
    state: State,
}

#[derive(Debug)]
pub(crate) enum State {
    /// Free; the next free slot.
    Free(Option<u32>),
    /// Accepted just now.
    Accepted,
    /// Waiting for a place.
    Waiting(Frame),
    /// In its place, waiting for the schema. `fresh`: for one that is asked for after the request
    /// was made.
    Unresolved { frame: Frame, fresh: bool },
    /// Queued at this position of the output, or written.
    InFlight(u64),
    /// The same, with the numbers of a schema in place of names. The frame is kept in case that the
    /// schema has changed when the server sees it.
    Resolved { position: u64, frame: Frame },
    /// The same as `InFlight`, with the frame kept in case that the connection is lost.
    Kept { position: u64, frame: Frame },
    /// Answered; waiting for its owner.
    Answered(Answer),
}

impl State {
    fn has_place(&self) -> bool {
        matches!(self, Self::Unresolved { .. }) || self.position().is_some()
    }

    /// Where the request begins in the output, if it is there.
    pub(crate) fn position(&self) -> Option<u64> {
        match self {
            Self::InFlight(position)
            | Self::Resolved { position, .. }
            | Self::Kept { position, .. } => Some(*position),
            _ => None,
        }
    }

    /// The request's frame, if it is here.
    pub(crate) fn frame(&self) -> Option<&Frame> {
        match self {
            Self::Waiting(frame)
            | Self::Unresolved { frame, .. }
            | Self::Resolved { frame, .. }
            | Self::Kept { frame, .. } => Some(frame),
            _ => None,
        }
    }

    fn held_bytes(&self) -> usize {
        self.frame().map_or(0, Frame::len)
    }

    pub(crate) fn into_frame(self) -> Option<Frame> {
        match self {
            Self::Waiting(frame)
            | Self::Unresolved { frame, .. }
            | Self::Resolved { frame, .. }
            | Self::Kept { frame, .. } => Some(frame),
            _ => None,
        }
    }

    fn is_unanswered(&self) -> bool {
        matches!(self, Self::Waiting(_)) || self.has_place()
    }
}

/// Whose reply a sync id belongs to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// A request under way.
    InFlight(RequestId),
    /// One that is over.
    Past,
    /// None that was ever sent.
    Unknown,
}

/// Sync ids with slots from here on belong to the connection itself.
pub(crate) const SLOT_MAX: u32 = 0xffff_ff00;

impl Slots {
    /// How many requests have a place and no answer.
    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// How many bytes the frames of requests have that are kept here.
    pub(crate) fn held_bytes(&self) -> usize {
        self.held_bytes
    }

    /// How many slots are not free.
    pub(crate) fn occupied(&self) -> usize {
        self.occupied
    }

    /// Occupies a free slot.
    #[inline]
    pub(crate) fn occupy(&mut self) -> Option<RequestId> {
        let slot = match self.free {
            Some(slot) => slot,
            None => {
                let slot = u32::try_from(self.slots.len()).ok().filter(|slot| *slot < SLOT_MAX)?;
                // Generation 0 is left out: it would give the first request the sync id 0, which
                // the server uses for what belongs to no request.
                self.slots.push(Slot { generation: 1, state: State::Free(None) });
                slot
            }
        };
        let entry = self.slots.get_mut(slot as usize)?;
        if let State::Free(next) = entry.state {
            self.free = next;
        }
        entry.state = State::Accepted;
        self.occupied += 1;
        Some(RequestId { slot, generation: entry.generation })
    }

    /// The state of a request; `None` if it is over.
    #[inline]
    pub(crate) fn get(&self, id: RequestId) -> Option<&State> {
        let slot = self.slots.get(id.slot as usize)?;
        (slot.generation == id.generation).then_some(&slot.state)
    }

    /// Changes the state of a request that is not over and returns the former one.
    #[inline]
    pub(crate) fn set(&mut self, id: RequestId, state: State) -> Option<State> {
        let slot = self.slots.get_mut(id.slot as usize)?;
        if slot.generation != id.generation {
            return None;
        }
        self.in_flight += usize::from(state.has_place());
        self.in_flight -= usize::from(slot.state.has_place());
        self.held_bytes += state.held_bytes();
        self.held_bytes -= slot.state.held_bytes();
        Some(std::mem::replace(&mut slot.state, state))
    }

    /// Frees the slot of a request and returns its last state.
    #[inline]
    pub(crate) fn release(&mut self, id: RequestId) -> Option<State> {
        let state = self.set(id, State::Free(self.free))?;
        let slot = self.slots.get_mut(id.slot as usize)?;
        slot.generation = slot.generation.wrapping_add(1).max(1);
        self.free = Some(id.slot);
        self.occupied -= 1;
        Some(state)
    }

    /// Whose reply `sync` belongs to.
    ///
    /// A generation from the future was never sent. Generations are compared as a circle: a slot is
    /// used 2^32 times before it comes round.
    #[inline]
    pub(crate) fn owner(&self, sync: u64) -> Owner {
        let id = RequestId::from_sync(sync);
        let Some(slot) = self.slots.get(id.slot as usize) else {
            return Owner::Unknown;
        };
        if id.generation == slot.generation {
            return match slot.state {
                State::InFlight(_) | State::Resolved { .. } | State::Kept { .. } => {
                    Owner::InFlight(id)
                }
                State::Answered(_) => Owner::Past,
                _ => Owner::Unknown,
            };
        }
        let age = slot.generation.wrapping_sub(id.generation);
        if age < u32::MAX / 2 && id.generation != 0 { Owner::Past } else { Owner::Unknown }
    }

    /// The requests that have no answer yet.
    pub(crate) fn unanswered(&self) -> impl Iterator<Item = RequestId> {
        self.slots.iter().enumerate().filter_map(|(index, slot)| {
            slot.state
                .is_unanswered()
                .then_some(RequestId { slot: index as u32, generation: slot.generation })
        })
    }

    /// Whether a request is under way and has no answer yet.
    #[inline]
    pub(crate) fn is_unanswered(&self, id: RequestId) -> bool {
        !matches!(self.get(id), None | Some(State::Answered(_)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    /// A table whose slots have been used so often that their generations soon come round.
    fn used(slots: usize, generation: u32) -> Slots {
        let mut table = Slots::default();
        let ids: Vec<_> = (0..slots).filter_map(|_| table.occupy()).collect();
        for id in ids {
            table.release(id);
        }
        for slot in &mut table.slots {
            slot.generation = generation;
        }
        table
    }

    fn in_flight(id: RequestId, table: &mut Slots) {
        table.set(id, State::InFlight(0));
    }

    proptest! {
        #[test]
        fn ids_are_used_once_and_told_apart(
            steps in prop::collection::vec((0_u8..4, any::<usize>()), 0..400),
            first in prop_oneof![Just(1), Just(u32::MAX - 3), any::<u32>()],
        ) {
            let mut table = used(3, first.max(1));
            let mut all = HashSet::new();
            let mut live: Vec<(RequestId, bool)> = Vec::new();
            let mut past: Vec<RequestId> = Vec::new();
            for (step, index) in steps {
                match (step, live.len()) {
                    (0 | 1, _) | (_, 0) => {
                        let id = table.occupy().expect("there is room");
                        prop_assert!(all.insert(id.sync()), "{id:?} was used before");
                        prop_assert!(id.sync() != 0 && id.generation != 0);
                        prop_assert!(live.iter().all(|(other, _)| other.slot != id.slot));
                        prop_assert_eq!(RequestId::from_sync(id.sync()), id);
                        in_flight(id, &mut table);
                        live.push((id, true));
                    }
                    (2, count) => {
                        let (id, is_unanswered) = &mut live[index % count];
                        table.set(*id, State::Answered(Err(Unanswered::ConnectionGone)));
                        *is_unanswered = false;
                    }
                    (_, count) => {
                        let (id, _) = live.swap_remove(index % count);
                        prop_assert!(table.release(id).is_some());
                        prop_assert!(table.release(id).is_none());
                        past.push(id);
                    }
                }
                for (id, is_unanswered) in &live {
                    let owner = if *is_unanswered { Owner::InFlight(*id) } else { Owner::Past };
                    prop_assert_eq!(table.owner(id.sync()), owner);
                    prop_assert_eq!(table.is_unanswered(*id), *is_unanswered);
                }
                for id in &past {
                    prop_assert_eq!(table.owner(id.sync()), Owner::Past, "{:?}", id);
                    prop_assert!(table.get(*id).is_none() && !table.is_unanswered(*id));
                    prop_assert!(table.set(*id, State::Accepted).is_none());
                }
                let unanswered: HashSet<_> =
                    live.iter().filter(|(_, is)| *is).map(|(id, _)| *id).collect();
                prop_assert_eq!(table.in_flight(), unanswered.len());
                prop_assert_eq!(table.occupied(), live.len());
                prop_assert_eq!(table.unanswered().collect::<HashSet<_>>(), unanswered);
            }
        }
    }

    #[test]
    fn what_was_never_sent_is_unknown() {
        let mut table = Slots::default();
        let id = table.occupy().expect("there is room");
        // Waiting, it was not sent yet.
        table.set(id, State::Waiting(Frame::new()));
        assert_eq!(table.owner(id.sync()), Owner::Unknown);
        assert_eq!(table.in_flight(), 0);
        in_flight(id, &mut table);
        assert_eq!(table.owner(id.sync()), Owner::InFlight(id));
        // A free slot, one that there is not, and generations to come or that none has.
        for sync in [id.sync() + 1, id.sync() + (1 << 32), 0] {
            assert_eq!(table.owner(sync), Owner::Unknown, "{sync:x}");
        }
        table.release(id);
        assert_eq!(table.owner(id.sync()), Owner::Past);
        // Free again, the next generation was not sent.
        assert_eq!(table.owner(id.sync() + (1 << 32)), Owner::Unknown);
    }

    #[test]
    fn generations_that_came_round_are_the_past_for_half_a_circle() {
        let table = used(1, 2);
        let id = |generation| RequestId { slot: 0, generation }.sync();
        assert_eq!(table.owner(id(1)), Owner::Past);
        assert_eq!(table.owner(id(u32::MAX)), Owner::Past);
        assert_eq!(table.owner(id(u32::MAX / 2 + 10)), Owner::Past);
        for generation in [0, 3, u32::MAX / 2] {
            assert_eq!(table.owner(id(generation)), Owner::Unknown, "{generation}");
        }
    }

    #[test]
    fn slots_are_used_again_the_last_one_first() {
        let mut table = Slots::default();
        let ids: Vec<_> = (0..4).filter_map(|_| table.occupy()).collect();
        assert_eq!(ids.iter().map(|id| id.slot()).collect::<Vec<_>>(), [0, 1, 2, 3]);
        table.release(ids[1]);
        table.release(ids[3]);
        let again: Vec<_> = (0..3).filter_map(|_| table.occupy()).collect();
        assert_eq!(again.iter().map(|id| id.slot()).collect::<Vec<_>>(), [3, 1, 4]);
        assert_eq!(format!("{:?}", again[0]), "RequestId(3.2)");
    }
}
