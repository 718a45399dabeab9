//! Requests on their way out: bytes in pieces, each of which becomes one write.

use std::collections::VecDeque;
use std::fmt;

use crate::frame;

/// Queued bytes, cut into pieces at the borders of requests.
///
/// Positions count all bytes that ever went through, so that a request is found again, and known to
/// be handed out or not, by where it starts.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    pieces: VecDeque<Piece>,
    /// Empty buffers for pieces to come, at most [`SPARE_MAX`].
    spare: Vec<Vec<u8>>,
    /// The position of the first byte that is not handed out.
    handed_out: u64,
    /// How many of the last bytes handed out are known not to be written yet.
    unwritten: usize,
    bytes: usize,
    requests: usize,
}

struct Piece {
    bytes: Vec<u8>,
    requests: usize,
    start: u64,
}

/// Without the bytes, among which a password may be.
impl fmt::Debug for Piece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} requests in {} bytes from {}", self.requests, self.bytes.len(), self.start)
    }
}

const SPARE_MAX: usize = 4;
/// A buffer that grew beyond this many times the piece size is not kept.
const SPARE_FACTOR: usize = 4;

impl Outbox {
    /// How many bytes are queued.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many requests are queued.
    pub(crate) fn requests(&self) -> usize {
        self.requests
    }

    /// Queues what `append` adds to the buffer it gets, as one request, and returns its position.
    /// A piece takes requests until it holds `piece_bytes` or more.
    #[inline]
    pub(crate) fn push(&mut self, piece_bytes: usize, append: impl FnOnce(&mut Vec<u8>)) -> u64 {
        if self.pieces.back().is_none_or(|piece| piece.bytes.len() >= piece_bytes) {
            let bytes = self.spare.pop().unwrap_or_default();
            let start = self.handed_out + self.bytes as u64;
            self.pieces.push_back(Piece { bytes, requests: 0, start });
        }
        let Some(piece) = self.pieces.back_mut() else {
            return self.handed_out;
        };
        let before = piece.bytes.len();
        append(&mut piece.bytes);
        piece.requests += 1;
        self.requests += 1;
        self.bytes += piece.bytes.len() - before;
        piece.start + before as u64
    }

    /// Swaps the first piece into the empty `output` and returns how many requests it holds.
    pub(crate) fn pop(&mut self, output: &mut Vec<u8>, piece_bytes: usize) -> Option<usize> {
        let piece = self.pieces.pop_front()?;
        self.handed_out += piece.bytes.len() as u64;
        self.unwritten = 0;
        self.bytes -= piece.bytes.len();
        self.requests -= piece.requests;
        let mut used = std::mem::replace(output, piece.bytes);
        let kept_max = piece_bytes.saturating_mul(SPARE_FACTOR);
        if self.spare.len() < SPARE_MAX && used.capacity() <= kept_max {
            used.clear();
            self.spare.push(used);
        }
        Some(piece.requests)
    }

    /// Whether the request at `position` was handed out to be written.
    pub(crate) fn is_handed_out(&self, position: u64) -> bool {
        position < self.handed_out
    }

    /// The last `count` bytes that were handed out are not written yet.
    pub(crate) fn note_unwritten(&mut self, count: usize) {
        self.unwritten = count;
    }

    /// What is not written yet never will be.
    pub(crate) fn take_back(&mut self) {
        let unwritten = std::mem::take(&mut self.unwritten);
        self.handed_out = self.handed_out.saturating_sub(unwritten as u64);
    }

    /// Makes the queued request at `position` harmless.
    pub(crate) fn neutralize(&mut self, position: u64) {
        let index = self.pieces.partition_point(|piece| piece.start <= position);
        let Some(piece) = index.checked_sub(1).and_then(|index| self.pieces.get_mut(index)) else {
            return;
        };
        frame::neutralize(&mut piece.bytes, (position - piece.start) as usize);
    }

    /// Forgets all that is queued.
    pub(crate) fn clear(&mut self) {
        self.pieces.clear();
        self.spare.clear();
        self.bytes = 0;
        self.requests = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PIECE: usize = 100;

    fn push(outbox: &mut Outbox, length: usize) -> u64 {
        outbox.push(PIECE, |out| out.resize(out.len() + length, 7))
    }

    fn pop(outbox: &mut Outbox) -> Option<(usize, Vec<u8>)> {
        let mut output = Vec::new();
        outbox.pop(&mut output, PIECE).map(|requests| (requests, output))
    }

    #[test]
    fn positions_count_all_bytes_that_ever_went_through() {
        let mut outbox = Outbox::default();
        assert_eq!([60, 60, 60].map(|length| push(&mut outbox, length)), [0, 60, 120]);
        assert_eq!((outbox.requests(), outbox.bytes()), (3, 180));
        assert_eq!(pop(&mut outbox), Some((2, vec![7; 120])));
        assert_eq!((outbox.requests(), outbox.bytes()), (1, 60));
        assert!(outbox.is_handed_out(119) && !outbox.is_handed_out(120));
        assert_eq!(push(&mut outbox, 10), 180);
        assert_eq!(pop(&mut outbox), Some((2, vec![7; 70])));
        assert_eq!(pop(&mut outbox), None);
        // What was told last counts, and nothing before it is taken back.
        outbox.note_unwritten(100);
        outbox.note_unwritten(70);
        assert!(outbox.is_handed_out(189));
        outbox.take_back();
        assert!(outbox.is_handed_out(119) && !outbox.is_handed_out(120));
        outbox.take_back();
        assert!(outbox.is_handed_out(119));
        // There were not so many.
        outbox.note_unwritten(1000);
        outbox.take_back();
        assert!(!outbox.is_handed_out(0));
    }

    #[test]
    fn buffers_are_used_again_unless_they_are_many_or_large() {
        let mut outbox = Outbox::default();
        let mut give = |capacity| {
            push(&mut outbox, 1);
            let mut output = Vec::with_capacity(capacity);
            outbox.pop(&mut output, PIECE);
            (outbox.spare.len(), outbox.spare.iter().all(|spare| spare.is_empty()))
        };
        // Each piece takes a spare buffer, if there is one, and leaves the one that it is given.
        assert_eq!(give(SPARE_FACTOR * PIECE + 1), (0, true));
        assert_eq!(give(SPARE_FACTOR * PIECE), (1, true));
        assert_eq!(give(10), (1, true));

        for _ in 0..10 {
            push(&mut outbox, PIECE);
        }
        while outbox.pop(&mut Vec::with_capacity(PIECE), PIECE).is_some() {}
        assert_eq!(outbox.spare.len(), SPARE_MAX);
        outbox.clear();
        assert!(outbox.spare.is_empty());
    }

    #[test]
    fn pieces_are_shown_without_their_bytes() {
        let mut outbox = Outbox::default();
        push(&mut outbox, 60);
        push(&mut outbox, 50);
        let shown = format!("{outbox:?}");
        assert!(shown.contains("2 requests in 110 bytes from 0"), "{shown}");
        assert!(!shown.contains("7, 7"), "{shown}");
    }
}
