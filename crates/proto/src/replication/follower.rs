//! Following a server as a state machine without I/O.

use std::time::Instant;

use bytes::{Buf, BytesMut};

use super::clock::Clock;
use super::opening::Asked;
use super::rows;
use super::{Acknowledgement, Ballot, Change, FollowConfig, FollowError, Vclock};
use crate::connection::ServerInfo;
use crate::error::{ConnectionError, Stage};
use crate::greeting::GREETING_SIZE;
use crate::types::Uuid;

/// An anonymous replica of one server, without a socket, a clock or a lock: all rows first, or none
/// if it goes on behind a vclock, then every change as it is made.
///
/// The methods are those of a [`Connection`](crate::Connection), which it takes the place of: after
/// any `handle_*`, [`poll_event`](Self::poll_event) until it is `None`, then
/// [`poll_transmit`](Self::poll_transmit) until it is `false`, then
/// [`poll_timeout`](Self::poll_timeout). The module's documentation has such a loop.
///
/// # Acknowledgements
///
/// A server drops a replica that it has heard nothing of for some time. It is told the vclock up to
/// which the caller has taken changes and come back for more, to the end of the last transaction: at
/// each of its heartbeats, and after
/// [`acknowledge_interval`](FollowConfig::acknowledge_interval) while changes come. So a caller that
/// stops polling for too long is dropped, and goes on later behind its last vclock. The server keeps
/// nothing for an anonymous replica: what counts for going on is the vclock that the caller has
/// saved, never what was acknowledged.
#[derive(Debug)]
pub struct Follower {
    pub(super) config: FollowConfig,
    pub(super) phase: Phase,
    opening_until: Option<Instant>,
    pub(super) server: Option<ServerInfo>,
    pub(super) ballot: Option<Ballot>,
    pub(super) replicaset_uuid: Option<Uuid>,
    /// Requests of the opening; no more than a few hundred bytes.
    pub(super) queued: Vec<u8>,
    pub(super) is_ready: bool,
    /// What was handed out or passed over.
    pub(super) position: Vclock,
    /// Whether it says where to go on; not before the end of the snapshot.
    pub(super) has_position: bool,
    /// Whether the last row was not the last of its transaction.
    pub(super) in_transaction: bool,
    /// Whether a row of a transaction was handed out that has not ended.
    pub(super) is_open: bool,
    /// What the caller has done with, to the end of a transaction.
    done: Vclock,
    pub(super) clock: Clock,
    pub(super) acknowledges: bool,
    pub(super) timestamp: Option<f64>,
    pub(super) vclock_sync: Option<u64>,
    /// How much input was left when it was looked at last.
    left: usize,
    pub(super) stats: FollowStats,
}

/// One after another. [`Phase::Snapshot`] and [`Phase::SnapshotAsked`] are left out where a vclock
/// is given.
#[derive(Debug)]
pub(super) enum Phase {
    Greeting { received: usize },
    Login(Asked),
    SnapshotAsked,
    Snapshot,
    SubscribeAsked,
    Changes,
    Ended(FollowError),
}

/// What [`Follower::poll_event`] reports.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
#[expect(clippy::large_enum_variant, reason = "nearly all are changes: a box for each costs more")]
pub enum Event {
    /// The server has accepted: the snapshot, or changes, will come.
    Ready,
    /// A row of the snapshot, its end, or a change.
    Change(Change),
    /// Nothing has changed, but the server lives.
    Heartbeat,
}

/// Counters of one follower.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FollowStats {
    /// Rows and changes handed out.
    pub changes: u64,
    /// Those of spaces that were not wanted.
    pub unwanted: u64,
    /// Packets that are no changes of data: the state of elections, markers in the snapshot, rows
    /// that had come before, what code on the server sends.
    pub skipped: u64,
    /// Heartbeats received.
    pub heartbeats: u64,
    /// Acknowledgements handed out.
    pub acknowledgements: u64,
}

impl Follower {
    /// A follower on a connection that was just opened and has exchanged nothing. It is `now`; the
    /// server must have accepted by `opening_until`.
    #[must_use]
    pub fn new(config: FollowConfig, now: Instant, opening_until: Option<Instant>) -> Self {
        Self {
            clock: Clock::new(now, config.heartbeat_timeout, config.acknowledge_interval),
            has_position: config.after.is_some(),
            position: config.after.clone().unwrap_or_default().without_local(),
            config,
            phase: Phase::Greeting { received: 0 },
            opening_until,
            server: None,
            ballot: None,
            replicaset_uuid: None,
            queued: Vec::new(),
            is_ready: false,
            in_transaction: false,
            is_open: false,
            done: Vclock::new(),
            acknowledges: false,
            timestamp: None,
            vclock_sync: None,
            left: 0,
            stats: FollowStats::default(),
        }
    }

    /// Turns input into the next event; `None`: read more into `input`, behind what it holds.
    ///
    /// Consumes whole packets from `input` and leaves the rest. Changes share its memory. A call says
    /// that the change before has been dealt with.
    ///
    /// # Errors
    /// Following has ended. The error stays the same for ever after.
    pub fn poll_event(&mut self, input: &mut BytesMut) -> Result<Option<Event>, FollowError> {
        if input.len() > self.left {
            self.clock.hear();
        }
        loop {
            self.settle();
            match &self.phase {
                Phase::Ended(error) => return Err(error.clone()),
                Phase::Greeting { .. } => {
                    let Some(greeting) = input.first_chunk::<GREETING_SIZE>() else {
                        self.phase = Phase::Greeting { received: input.len() };
                        self.left = input.len();
                        return Ok(None);
                    };
                    let greeting = *greeting;
                    input.advance(GREETING_SIZE);
                    self.on_greeting(&greeting);
                }
                _ => match rows::split(input, self.config.packet_bytes_max) {
                    Ok(Some(packet)) => {
                        if let Some(event) = self.on_packet(packet) {
                            self.left = input.len();
                            return Ok(Some(event));
                        }
                    }
                    Ok(None) => {
                        self.left = input.len();
                        return Ok(None);
                    }
                    Err(error) => self.end(error.into()),
                },
            }
        }
    }

    /// Puts bytes to be written into `output`, which must be empty; `false`: there are none.
    #[must_use = "the output must be written when this is true"]
    pub fn poll_transmit(&mut self, output: &mut Vec<u8>) -> bool {
        debug_assert!(output.is_empty(), "bytes that were handed out before are not written yet");
        output.append(&mut self.queued);
        if std::mem::take(&mut self.acknowledges) {
            let vclock = self.done.clone();
            let (timestamp, vclock_sync) = (self.timestamp, self.vclock_sync);
            Acknowledgement { vclock, timestamp, vclock_sync }.encode(output);
            self.stats.acknowledgements += 1;
            self.clock.acknowledge();
        }
        !output.is_empty()
    }

    /// When [`handle_timeout`](Self::handle_timeout) should be called at the latest. Calling it
    /// earlier does no harm.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        match self.phase {
            Phase::Ended(_) => None,
            _ if self.is_ready => self.clock.next(),
            _ => self.opening_until,
        }
    }

    /// Time has come to `now`.
    pub fn handle_timeout(&mut self, now: Instant) {
        match self.clock.look(now) {
            _ if !self.is_ready => {
                if self.opening_until.is_some_and(|until| until <= now) {
                    self.end(ConnectionError::HandshakeTimedOut { stage: self.stage() }.into());
                }
            }
            Ok(due) => self.acknowledges |= due && matches!(self.phase, Phase::Changes),
            Err(timeout) => {
                let millis = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
                self.end(FollowError::Silent { millis });
            }
        }
    }

    /// The server closed its side: no more input will come.
    pub fn handle_eof(&mut self) {
        self.end(ConnectionError::Closed { stage: self.stage(), reason: None }.into());
    }

    /// The transport failed or was given up; `error` says why. Without effect if following has ended
    /// before.
    pub fn handle_failure(&mut self, error: ConnectionError) {
        self.end(error.into());
    }

    /// Who answered, once it has greeted.
    #[must_use]
    pub const fn server(&self) -> Option<&ServerInfo> {
        self.server.as_ref()
    }

    /// What the server said of itself, from [`Event::Ready`] on.
    #[must_use]
    pub const fn ballot(&self) -> Option<&Ballot> {
        self.ballot.as_ref()
    }

    /// The replica set that the server is of, from [`Event::Ready`] on.
    #[must_use]
    pub const fn replicaset_uuid(&self) -> Option<Uuid> {
        self.replicaset_uuid
    }

    /// How far one has come, changes of unwanted spaces included. `None`: not through the snapshot
    /// yet.
    #[must_use]
    pub const fn vclock(&self) -> Option<&Vclock> {
        if self.has_position { Some(&self.position) } else { None }
    }

    /// Why following ended, if it has.
    #[must_use]
    pub const fn failure(&self) -> Option<&FollowError> {
        match &self.phase {
            Phase::Ended(error) => Some(error),
            _ => None,
        }
    }

    /// Whether [`Event::Ready`] has come.
    #[must_use]
    pub const fn is_ready(&self) -> bool {
        self.is_ready
    }

    /// What it has done so far.
    #[must_use]
    pub const fn stats(&self) -> &FollowStats {
        &self.stats
    }

    /// What was handed out before is dealt with.
    fn settle(&mut self) {
        if !self.in_transaction {
            self.done.clone_from(&self.position);
        }
    }

    pub(super) fn ready(&mut self) -> Option<Event> {
        let before = std::mem::replace(&mut self.is_ready, true);
        (!before).then_some(Event::Ready)
    }

    pub(super) fn end(&mut self, error: FollowError) {
        if matches!(self.phase, Phase::Ended(_)) {
            return;
        }
        self.phase = Phase::Ended(error);
        self.queued.clear();
        self.acknowledges = false;
    }

    fn stage(&self) -> Stage {
        match self.phase {
            Phase::Greeting { received } => Stage::Greeting { received },
            _ if self.is_ready => Stage::Ready,
            _ => Stage::Login,
        }
    }
}
