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
mod tests;
