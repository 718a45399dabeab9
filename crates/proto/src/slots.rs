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
