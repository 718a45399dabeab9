//! What a connection has to write, and what faults make of it.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use tarantool_proto::server::ServerConnection;

use super::fault::Fault;

/// One step of the writer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Bytes(Vec<u8>),
    /// One byte at a time.
    Trickle(Vec<u8>),
    HalfClose,
    Close,
}

/// Pieces in the order in which they are written, before what the protocol has queued since.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    pieces: VecDeque<Piece>,
    delayed: Vec<(Instant, Piece)>,
    /// A reply that waits for the next one to overtake it.
    held: Option<Vec<u8>>,
}

impl Outgoing {
    /// Moves what the protocol has queued behind the other pieces.
    pub(super) fn collect(&mut self, protocol: &mut ServerConnection) {
        let bytes = taken(protocol);
        if !bytes.is_empty() {
            self.pieces.push_back(Piece::Bytes(bytes));
        }
    }

    /// After a reply that goes its ordinary way: the one that was held follows it.
    pub(super) fn release_held(&mut self, protocol: &mut ServerConnection) {
        if let Some(held) = self.held.take() {
            self.collect(protocol);
            self.pieces.push_back(Piece::Bytes(held));
        }
    }

    pub(super) fn delay_greeting(&mut self, protocol: &mut ServerConnection, until: Instant) {
        self.delayed.push((until, Piece::Bytes(taken(protocol))));
    }

    /// Does to the one reply that the protocol has queued what the fault says.
    pub(super) fn apply(&mut self, fault: &Fault, protocol: &mut ServerConnection, now: Instant) {
        let mut reply = taken(protocol);
        match fault {
            Fault::Delay(time) => {
                let until = now.checked_add(*time).unwrap_or(now);
                self.delayed.push((until, Piece::Bytes(reply)));
                return;
            }
            Fault::NeverAnswer => return,
            Fault::OutOfOrder => {
                if let Some(held) = self.held.replace(reply) {
                    self.pieces.push_back(Piece::Bytes(held));
                }
                return;
            }
            Fault::AnswerTwice => reply.extend_from_within(..),
            Fault::CloseBeforeExecuting | Fault::CloseAfterExecuting | Fault::Refuse => {
                reply.clear();
            }
            Fault::CloseInFrame => reply.truncate(reply.len() / 2),
            Fault::Garbage => reply = vec![0xc1; 64],
            Fault::WrongSync => spoil_sync(&mut reply),
            Fault::ByteByByte => {
                self.pieces.push_back(Piece::Trickle(reply));
                return;
            }
            Fault::StopReading | Fault::HalfClose | Fault::Error(_) | Fault::SlowGreeting(_) => {}
        }
        if !reply.is_empty() {
            self.pieces.push_back(Piece::Bytes(reply));
        }
        match fault {
            Fault::CloseBeforeExecuting
            | Fault::CloseAfterExecuting
            | Fault::CloseInFrame
            | Fault::Refuse => self.pieces.push_back(Piece::Close),
            Fault::HalfClose => self.pieces.push_back(Piece::HalfClose),
            _ => {}
        }
    }

    pub(super) fn close(&mut self) {
        self.pieces.push_back(Piece::Close);
    }

    /// The next step, if one is due.
    pub(super) fn next(&mut self, now: Instant) -> Option<Piece> {
        if let Some(piece) = self.pieces.pop_front() {
            return Some(piece);
        }
        let due = self.delayed.iter().position(|(until, _)| *until <= now)?;
        Some(self.delayed.remove(due).1)
    }

    /// How long until a delayed piece is due.
    pub(super) fn wait(&self, now: Instant) -> Option<Duration> {
        let next = self.delayed.iter().map(|(until, _)| *until).min()?;
        Some(next.saturating_duration_since(now))
    }
}

fn taken(protocol: &mut ServerConnection) -> Vec<u8> {
    let mut bytes = Vec::new();
    while protocol.poll_transmit(&mut bytes) {}
    bytes
}

/// Replaces the sync id of a reply by one that no client has used.
fn spoil_sync(reply: &mut [u8]) {
    // Length, map of three, type and the key of the sync id: the form of every reply.
    if let Some(sync) = reply.get_mut(14..22) {
        sync.copy_from_slice(&0x7fff_ffff_ffff_fff0_u64.to_be_bytes());
    }
}
