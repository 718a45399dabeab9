//! Requests under way, found by their sync id without hashing.

use std::fmt;

use crate::error::Unanswered;
use crate::frame::{Fate, Frame};
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
///
/// A slot also has a frame: the request's, as long as it is needed, and else an empty one, whose
/// memory is given to the caller of the next request in exchange.
#[derive(Debug, Default)]
pub(crate) struct Slots {
    slots: Vec<Slot>,
    free: Option<u32>,
    in_flight: usize,
    occupied: usize,
    /// The bytes of all frames that are kept.
    held_bytes: usize,
    /// The memory of those that are empty.
    spare_bytes: usize,
}

/// The memory of so many bytes at most is kept in an empty frame, and in all of them together.
const SPARE_FRAME_MAX: usize = 4 << 10;
const SPARE_MAX: usize = 4 << 20;

#[derive(Debug)]
struct Slot {
    generation: u32,
    state: State,
    frame: Frame,
}

#[derive(Debug)]
pub(crate) enum State {
    /// Free; the next free slot.
    Free(Option<u32>),
    /// Accepted just now.
    Accepted,
    /// Waiting for a place, with its frame.
    Waiting,
    /// In its place, waiting for the schema, with its frame. `fresh`: for one that is asked for after
    /// the request was made.
    Unresolved { fresh: bool },
    /// Queued at this position of the output, or written; with its frame in case that the connection
    /// is lost, if that is of use then.
    InFlight(u64),
    /// The same, with the numbers of a schema in place of names. The frame is kept in case that the
    /// schema has changed when the server sees it.
    Resolved(u64),
    /// Answered; waiting for its owner.
    Answered(Answer),
}

impl State {
    fn has_place(&self) -> bool {
        matches!(self, Self::Unresolved { .. } | Self::InFlight(_) | Self::Resolved(_))
    }

    /// Where the request begins in the output, if it is there.
    pub(crate) fn position(&self) -> Option<u64> {
        match self {
            Self::InFlight(position) | Self::Resolved(position) => Some(*position),
            _ => None,
        }
    }

    fn is_unanswered(&self) -> bool {
        matches!(self, Self::Waiting) || self.has_place()
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
                let state = State::Free(None);
                self.slots.push(Slot { generation: 1, state, frame: Frame::new() });
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

    /// Changes the state of a request that is not over. `false`: it is over.
    #[inline]
    pub(crate) fn set(&mut self, id: RequestId, state: State) -> bool {
        let Some(slot) = slot_of(&mut self.slots, id) else {
            return false;
        };
        self.in_flight += usize::from(state.has_place());
        self.in_flight -= usize::from(slot.state.has_place());
        slot.state = state;
        true
    }

    /// Answers a request that is not over: its frame is of no use any more.
    #[inline]
    pub(crate) fn answer(&mut self, id: RequestId, answer: Answer) {
        self.set(id, State::Answered(answer));
        self.empty_frame(id);
    }

    /// Takes the answer of a request, if it is there, and frees its slot.
    #[inline]
    pub(crate) fn take(&mut self, id: RequestId) -> Option<Answer> {
        if !matches!(self.get(id), Some(State::Answered(_))) {
            return None;
        }
        match self.release(id) {
            Some(State::Answered(answer)) => Some(answer),
            _ => None,
        }
    }

    /// Frees the slot of a request and returns its last state.
    #[inline]
    pub(crate) fn release(&mut self, id: RequestId) -> Option<State> {
        self.empty_frame(id);
        let slot = slot_of(&mut self.slots, id)?;
        slot.generation = slot.generation.wrapping_add(1).max(1);
        let state = std::mem::replace(&mut slot.state, State::Free(self.free));
        self.in_flight -= usize::from(state.has_place());
        self.free = Some(id.slot);
        self.occupied -= 1;
        Some(state)
    }

    /// The frame of a request, if it is kept.
    #[inline]
    pub(crate) fn frame(&self, id: RequestId) -> Option<&Frame> {
        let slot = self.slots.get(id.slot as usize)?;
        (slot.generation == id.generation && !slot.frame.is_empty()).then_some(&slot.frame)
    }

    /// Keeps the frame of a request, and leaves the slot's empty one in its place.
    #[inline]
    pub(crate) fn keep_frame(&mut self, id: RequestId, frame: &mut Frame) {
        let Some(slot) = slot_of(&mut self.slots, id) else {
            return;
        };
        debug_assert!(slot.frame.is_empty(), "a request has one frame");
        self.spare_bytes -= slot.frame.capacity();
        self.held_bytes += frame.len();
        std::mem::swap(&mut slot.frame, frame);
    }

    /// Takes the frame of a request, if it is kept.
    pub(crate) fn take_frame(&mut self, id: RequestId) -> Option<Frame> {
        self.frame(id)?;
        let slot = slot_of(&mut self.slots, id)?;
        self.held_bytes -= slot.frame.len();
        Some(std::mem::take(&mut slot.frame))
    }

    /// What the session knows of a request whose frame is kept.
    pub(crate) fn fate_mut(&mut self, id: RequestId) -> Option<&mut Fate> {
        self.frame(id)?;
        slot_of(&mut self.slots, id).map(|slot| slot.frame.fate_mut())
    }

    #[inline]
    fn empty_frame(&mut self, id: RequestId) {
        let Some(slot) = slot_of(&mut self.slots, id) else {
            return;
        };
        if slot.frame.is_empty() {
            return;
        }
        self.held_bytes -= slot.frame.len();
        slot.frame.clear();
        let memory = slot.frame.capacity();
        if memory <= SPARE_FRAME_MAX && self.spare_bytes + memory <= SPARE_MAX {
            self.spare_bytes += memory;
        } else {
            slot.frame = Frame::new();
        }
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
                State::InFlight(_) | State::Resolved(_) => Owner::InFlight(id),
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

/// The slot of a request that is not over.
#[inline]
fn slot_of(slots: &mut [Slot], id: RequestId) -> Option<&mut Slot> {
    slots.get_mut(id.slot as usize).filter(|slot| slot.generation == id.generation)
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
                        table.answer(*id, Err(Unanswered::ConnectionGone));
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
                    prop_assert!(!table.set(*id, State::Accepted));
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
        table.set(id, State::Waiting);
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
        assert_eq!(table.owner(id(u32::MAX / 2 + 5)), Owner::Past);
        for generation in [0, 3, u32::MAX / 2, u32::MAX / 2 + 4] {
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

    fn frame_of(bytes: usize) -> Frame {
        let mut frame = Frame::new();
        frame.bytes_mut().resize(bytes, 7);
        frame
    }

    #[test]
    fn a_frame_is_kept_until_the_answer_and_its_memory_for_the_next() {
        let mut table = Slots::default();
        let id = table.occupy().expect("there is room");
        let mut frame = frame_of(100);
        in_flight(id, &mut table);
        table.keep_frame(id, &mut frame);
        assert_eq!((frame.capacity(), table.held_bytes(), table.spare_bytes), (0, 100, 0));
        assert_eq!(table.frame(id).map(Frame::len), Some(100));
        table.answer(id, Err(Unanswered::ConnectionGone));
        assert!(table.frame(id).is_none() && table.take_frame(id).is_none());
        let memory = table.spare_bytes;
        assert!(table.held_bytes() == 0 && memory >= 100);
        assert!(table.take(id).is_some() && table.take(id).is_none());
        // The next request of this slot leaves its own memory and takes that one.
        let next = table.occupy().expect("there is room");
        let mut frame = frame_of(50);
        table.keep_frame(next, &mut frame);
        assert_eq!((frame.capacity(), frame.len()), (memory, 0));
        assert_eq!((table.held_bytes(), table.spare_bytes), (50, 0));
        assert!(table.frame(id).is_none() && table.fate_mut(id).is_none());
        assert_eq!(table.take_frame(next).map(|frame| frame.len()), Some(50));
        assert_eq!((table.held_bytes(), table.frame(next).is_none()), (0, true));
        // Cancelled, it is as good as answered.
        table.keep_frame(next, &mut frame_of(70));
        table.release(next);
        assert!(table.held_bytes() == 0 && table.spare_bytes >= 70);
    }

    #[test]
    fn the_memory_of_large_and_of_very_many_frames_is_not_kept() {
        let mut table = Slots::default();
        let id = table.occupy().expect("there is room");
        table.keep_frame(id, &mut frame_of(SPARE_FRAME_MAX + 1));
        table.answer(id, Err(Unanswered::ConnectionGone));
        assert_eq!((table.held_bytes(), table.spare_bytes), (0, 0));

        let most = SPARE_MAX / SPARE_FRAME_MAX;
        let ids: Vec<_> = (0..most + 10).filter_map(|_| table.occupy()).collect();
        for id in &ids {
            table.keep_frame(*id, &mut frame_of(SPARE_FRAME_MAX));
        }
        assert_eq!(table.held_bytes(), ids.len() * SPARE_FRAME_MAX);
        for id in ids {
            table.release(id);
        }
        assert_eq!((table.held_bytes(), table.spare_bytes), (0, SPARE_MAX));
    }
}
