//! A virtual client: a session, what its driver holds, and what its user knows.

use std::collections::{BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use tarantool_proto::session::{Session, SessionConfig};
use tarantool_proto::{ConnectionError, Frame};

pub(crate) struct Client {
    pub(crate) session: Session,
    pub(crate) config: SessionConfig,
    /// What its clock shows at the beginning, and how far it is ahead, in microseconds.
    start: Instant,
    pub(crate) ahead: u64,
    pub(crate) driver: Driver,
    pub(crate) user: User,
    /// The latest attempt, and the connection that became ready last.
    pub(crate) attempt: u64,
    pub(crate) generation: u64,
    /// How often it was ready, and whether it is.
    pub(crate) readies: u64,
    pub(crate) is_ready: bool,
    pub(crate) is_over: bool,
}

#[derive(Default)]
pub(crate) struct Driver {
    pub(crate) input: BytesMut,
    pub(crate) output: Vec<u8>,
    pub(crate) written: usize,
    /// Requests in the output of which nothing is written, and where they begin.
    pub(crate) starts: VecDeque<(usize, u64)>,
    pub(crate) opening: Option<u64>,
    pub(crate) link: Option<usize>,
    /// The transport has ended, and how.
    pub(crate) end: Option<End>,
    /// When it runs next.
    pub(crate) wake: Option<u64>,
    /// It does not run before: the process is suspended.
    pub(crate) sleeps_until: u64,
    /// Whether it looks at the time whenever it runs, and follows decisions about writes.
    pub(crate) is_eager: bool,
    pub(crate) obeys: bool,
    /// How many answers it tells of before it writes.
    pub(crate) part: usize,
    /// By the client's clock: when the attempt began, something was heard, a drain began.
    pub(crate) begun_at: u64,
    pub(crate) heard_at: u64,
    pub(crate) draining_at: u64,
    pub(crate) ready_at: u64,
    /// Addresses that failed lastingly since a connection was stable.
    pub(crate) given_up: BTreeSet<usize>,
    /// Attempts since it waited, or was ready.
    pub(crate) tries: usize,
    /// How often it ran at this time.
    pub(crate) runs: (u64, u32),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Eof,
    Failure,
}

#[derive(Default)]
pub(crate) struct User {
    pub(crate) frame: Frame,
    pub(crate) acts_left: u64,
    pub(crate) is_closing: bool,
    /// By the client's clock.
    pub(crate) closes_by: Option<u64>,
    /// Those that have a place.
    pub(crate) requests: Vec<u64>,
    /// By slot.
    pub(crate) by_slot: Vec<Option<u64>>,
    /// Of open requests, by the client's clock.
    pub(crate) deadlines: BTreeSet<(u64, u64)>,
    /// Bytes of open requests, and how many those are.
    pub(crate) held: usize,
    pub(crate) open: usize,
    pub(crate) accepted: u64,
    /// The last one of all, which has to be answered.
    pub(crate) last: Option<u64>,
    /// Requests that are executed once at most: those that were, and those that perhaps were.
    pub(crate) executed: u64,
    pub(crate) perhaps: u64,
}

impl Client {
    pub(crate) fn new(config: SessionConfig, seed: u64, start: Instant) -> Self {
        Self {
            session: Session::new(config.clone(), seed, start),
            config,
            start,
            ahead: 0,
            driver: Driver::default(),
            user: User::default(),
            attempt: 0,
            generation: 0,
            readies: 0,
            is_ready: false,
            is_over: false,
        }
    }

    /// The time by its clock, in microseconds.
    pub(crate) const fn clock(&self, now: u64) -> u64 {
        now + self.ahead
    }

    pub(crate) fn instant(&self, clock: u64) -> Instant {
        self.start + Duration::from_micros(clock)
    }

    /// In microseconds of the world, not before the time itself.
    pub(crate) fn world_time(&self, at: Instant) -> u64 {
        let nanos = at.saturating_duration_since(self.start).as_nanos();
        let clock = u64::try_from(nanos.div_ceil(1000)).unwrap_or(u64::MAX);
        clock.saturating_sub(self.ahead)
    }

    /// A connection or an attempt is over.
    pub(crate) fn note_loss(
        &mut self,
        address: usize,
        was_ready: bool,
        reason: &ConnectionError,
        now: u64,
    ) {
        let ready_for = Duration::from_micros(self.clock(now).saturating_sub(self.driver.ready_at));
        if was_ready && ready_for > self.config.stable_after {
            self.driver.given_up.clear();
        }
        if reason.is_lasting() {
            self.driver.given_up.insert(address);
        }
    }

    /// A request has a place, under this number.
    pub(crate) fn occupy(&mut self, slot: usize, number: u64) {
        let slots = &mut self.user.by_slot;
        if slots.len() <= slot {
            slots.resize(slot + 1, None);
        }
        slots[slot] = Some(number);
        self.user.requests.push(number);
    }

    /// A request is over for its session: its deadline and bytes do not count any more.
    pub(crate) fn settle(&mut self, number: u64, deadline: Option<u64>, bytes: usize) {
        if let Some(deadline) = deadline {
            self.user.deadlines.remove(&(deadline, number));
        }
        self.user.held -= bytes;
        self.user.open -= 1;
    }

    pub(crate) fn forget(&mut self, slot: usize, number: u64) {
        self.user.by_slot[slot] = None;
        self.user.requests.retain(|other| *other != number);
    }
}
