//! A client and the embedded server joined in memory, in virtual time.

use std::collections::VecDeque;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use tarantool_proto::{Config, Connection, ConnectionError, Event};

use super::core::Core;
use super::endpoint::Endpoint;
use super::output::Piece;
use super::{Server, salt_from};
use crate::Direction;

/// What the wire between client and server does, in both directions.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Conditions {
    /// How many bytes travel together: a random number in this range each time. Everything that is
    /// written at once by default.
    pub chunk: Range<usize>,
    /// How long bytes travel: a random time in this range; bytes never overtake each other. None
    /// by default.
    pub latency: Range<Duration>,
    /// One in this many chunks stalls for [`stall`](Self::stall); 0, the default, is never.
    pub stall_one_in: u64,
    /// How long a stall lasts: 1 second by default.
    pub stall: Duration,
    /// After how many bytes, both directions together, the connection is cut; never by default.
    pub cut_after: Option<u64>,
}

impl Default for Conditions {
    fn default() -> Self {
        Self {
            chunk: usize::MAX - 1..usize::MAX,
            latency: Duration::ZERO..Duration::ZERO,
            stall_one_in: 0,
            stall: Duration::from_secs(1),
            cut_after: None,
        }
    }
}

/// A [`Connection`] of the core and a session of a [`Server`], joined in memory.
///
/// There are no sockets, no threads and no clock: time moves from one thing that happens to the
/// next, and the same seed gives the same run. Functions that clients call run inside
/// [`step`](Self::step).
///
/// ```
/// use tarantool_proto::{Config, Frame, request::Ping};
/// use tarantool_testkit::{Conditions, Link, Server};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = Server::builder().in_memory().start()?;
/// let mut conditions = Conditions::default();
/// conditions.chunk = 1..4;
/// let mut link = Link::new(&server, Config::default(), conditions, 42);
/// let mut ping = Frame::new();
/// ping.encode(&Ping)?;
/// let id = link.client().send(&mut ping, None)?;
/// while link.step() {}
/// assert!(link.client().take(id).is_some_and(|answer| answer.is_ok()));
/// # Ok(()) }
/// ```
pub struct Link {
    core: Arc<Core>,
    client: Connection,
    server: Endpoint,
    conditions: Conditions,
    random: Random,
    now: Instant,
    to_server: Wire,
    to_client: Wire,
    client_input: BytesMut,
    server_input: BytesMut,
    output: Vec<u8>,
    events: Vec<Event>,
    carried: u64,
    is_cut: bool,
}

/// Bytes under way, each chunk with the time of its arrival; an empty chunk is the end.
#[derive(Debug, Default)]
struct Wire {
    chunks: VecDeque<(Instant, Vec<u8>)>,
    is_ended: bool,
}

impl Link {
    /// Joins a client to a server. The same seed gives the same run.
    #[must_use]
    pub fn new(server: &Server, config: Config, conditions: Conditions, seed: u64) -> Self {
        let now = Instant::now();
        let mut random = Random::new(seed);
        let core = Arc::clone(&server.core);
        let protocol = server.protocol(salt_from(|| random.next()));
        let mut endpoint = Endpoint::new(server.next_number(), protocol);
        endpoint.open(&core, now);
        Self {
            core,
            client: Connection::new(config, None),
            server: endpoint,
            conditions,
            random,
            now,
            to_server: Wire::default(),
            to_client: Wire::default(),
            client_input: BytesMut::new(),
            server_input: BytesMut::new(),
            output: Vec::new(),
            events: Vec::new(),
            carried: 0,
            is_cut: false,
        }
    }

    /// The client: requests are sent and answers taken here.
    pub fn client(&mut self) -> &mut Connection {
        &mut self.client
    }

    /// The virtual time, which deadlines are reckoned from.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.now
    }

    /// What has happened to the client since the last time this was asked.
    pub fn events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// Cuts the connection now: what is under way is lost.
    pub fn cut(&mut self) {
        if !self.is_cut {
            self.is_cut = true;
            self.to_server = Wire::default();
            self.to_client = Wire::default();
            let text = "connection reset by the simulated network";
            self.client.handle_failure(ConnectionError::Transport(text.into()));
            self.take_events();
        }
    }

    /// Lets everything happen that can at this moment, then moves to the next moment at which
    /// something does. Returns whether there was one.
    pub fn step(&mut self) -> bool {
        self.serve();
        self.pump_client();
        self.serve();
        let arrivals = [self.to_server.next(), self.to_client.next()];
        let waits = [
            self.client.poll_timeout(),
            self.server.outgoing.wait(self.now).and_then(|time| self.now.checked_add(time)),
        ];
        let Some(next) = arrivals.into_iter().chain(waits).flatten().min() else {
            return false;
        };
        self.now = self.now.max(next);
        self.client.handle_timeout(self.now);
        self.deliver();
        true
    }

    fn deliver(&mut self) {
        if let Some(bytes) = self.to_server.arrived(self.now) {
            self.server_input.extend_from_slice(&bytes);
        }
        if let Some(bytes) = self.to_client.arrived(self.now) {
            if bytes.is_empty() {
                self.client.handle_eof();
            } else {
                self.client.count_read(bytes.len());
                self.client_input.extend_from_slice(&bytes);
            }
        }
        self.take_events();
    }

    fn take_events(&mut self) {
        // An error is the connection's end, which the client shows by itself.
        while let Ok(Some(event)) = self.client.poll_event(&mut self.client_input) {
            self.events.push(event);
        }
    }

    fn pump_client(&mut self) {
        self.take_events();
        while !self.is_cut && self.client.poll_transmit(&mut self.output) {
            let bytes = std::mem::take(&mut self.output);
            self.client.count_writes(1, bytes.len());
            if !self.put(bytes, Direction::ToServer) {
                return self.cut();
            }
        }
    }

    fn serve(&mut self) {
        self.server.serve(&self.core, &mut self.server_input, self.now);
        while let Some(piece) = self.server.next(self.now) {
            let fits = match piece {
                Piece::Bytes(bytes) => self.put(bytes, Direction::ToClient),
                Piece::Trickle(bytes) => {
                    bytes.into_iter().all(|byte| self.put(vec![byte], Direction::ToClient))
                }
                Piece::HalfClose | Piece::Close => self.put(Vec::new(), Direction::ToClient),
            };
            if !fits {
                return self.cut();
            }
        }
    }

    /// Puts bytes on a wire, in chunks. Returns whether the connection lives on.
    fn put(&mut self, bytes: Vec<u8>, direction: Direction) -> bool {
        let Self { conditions, random, now, .. } = self;
        let wire = match direction {
            Direction::ToServer => &mut self.to_server,
            Direction::ToClient => &mut self.to_client,
        };
        if wire.is_ended || self.is_cut {
            return true;
        }
        wire.is_ended = bytes.is_empty();
        let mut rest = bytes.as_slice();
        loop {
            let chunk = random.between(conditions.chunk.start, conditions.chunk.end);
            let (chunk, left) = rest.split_at(chunk.clamp(1, usize::MAX).min(rest.len()));
            let spread = conditions.latency.end.saturating_sub(conditions.latency.start);
            let spread = u64::try_from(spread.as_nanos()).unwrap_or(u64::MAX);
            let mut travel = conditions.latency.start
                + Duration::from_nanos(random.below(spread.saturating_add(1)));
            if conditions.stall_one_in > 0 && random.below(conditions.stall_one_in) == 0 {
                travel += conditions.stall;
            }
            let arrival = now.checked_add(travel).unwrap_or(*now);
            let arrival = wire.chunks.back().map_or(arrival, |(last, _)| arrival.max(*last));
            wire.chunks.push_back((arrival, chunk.to_vec()));
            self.carried += chunk.len() as u64;
            if conditions.cut_after.is_some_and(|most| self.carried >= most) {
                return false;
            }
            rest = left;
            if rest.is_empty() {
                return true;
            }
        }
    }
}

impl Wire {
    fn next(&self) -> Option<Instant> {
        self.chunks.front().map(|(arrival, _)| *arrival)
    }

    /// One chunk that has arrived.
    fn arrived(&mut self, now: Instant) -> Option<Vec<u8>> {
        self.chunks.front().filter(|(arrival, _)| *arrival <= now)?;
        self.chunks.pop_front().map(|(_, bytes)| bytes)
    }
}

/// SplitMix64: small, and good enough to choose sizes and times.
#[derive(Debug)]
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        if end == 0 { 0 } else { self.next() % end }
    }

    fn between(&mut self, start: usize, end: usize) -> usize {
        start + self.below(end.saturating_sub(start) as u64) as usize
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link")
            .field("conditions", &self.conditions)
            .field("carried", &self.carried)
            .field("is_cut", &self.is_cut)
            .finish_non_exhaustive()
    }
}
