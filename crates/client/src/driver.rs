//! The I/O-free steps of a client's driver, for any kind of runtime.

use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::BytesMut;
use tarantool_proto::session::{Action, Session};
use tarantool_proto::{ConnectionError, Decision};

use crate::address::Address;
use crate::client::Client;
use crate::config::Config;
use crate::life::Told;
use crate::mode::Async;
use crate::shared::Shared;
use crate::sync::now;

/// A client, and the drivers that an adapter runs for it, one for each lane. Nothing is opened yet:
/// drivers ask for that.
#[must_use]
pub fn connect(config: &Config) -> (Client, Vec<Driver>) {
    let mut drivers = Vec::new();
    let client = Client::new(config, || {
        let shared = shared(config);
        drivers.push(Driver::new(Arc::clone(&shared)));
        (shared, Async)
    });
    (client, drivers)
}

pub(crate) fn shared(config: &Config) -> Arc<Shared> {
    // The hasher is seeded at random, which the standard library offers nowhere else.
    Shared::new(config, RandomState::new().build_hasher().finish())
}

/// A client's side towards its transports, one after another, as steps for a loop.
///
/// A loop reads first and never lets reading wait for writing:
///
/// 1. [`make_room`](Self::make_room), and bytes that were read: [`handle_input`](Self::handle_input) or
///    [`handle_part`](Self::handle_part); their end: [`handle_failure`](Self::handle_failure) or
///    [`handle_eof`](Self::handle_eof);
/// 2. [`poll_output`](Self::poll_output) until it has nothing to do, doing what it says;
///    [`poll_blocked`](Self::poll_blocked) in its place while bytes cannot be written;
/// 3. [`poll_timeout`](Self::poll_timeout): at that time, [`handle_timeout`](Self::handle_timeout).
///
/// After each step, once [`is_connected`](Self::is_connected) is false, nothing of what was handed
/// out must be written any more.
///
/// [`Drive`](crate::Drive) is this loop for readiness-based runtimes. Dropping the driver fails all
/// requests under way.
pub struct Driver {
    shared: Arc<Shared>,
    /// Kept between steps for its memory only.
    told: Told,
    next_timeout: Option<Instant>,
    /// How much of what was handed out is not written.
    unwritten: usize,
    is_connected: bool,
    /// Whether input was left, and how many writes there were since.
    is_input_left: bool,
    writes: u8,
}

/// The spare capacity to read into: a part of a hundred replies of 1.5 KB, so that the server works
/// at the others meanwhile. Replies keep a whole buffer alive, so it is not larger.
const READ_BYTES: usize = 32 << 10;
/// With less spare capacity than this a read is not worth its system call.
const READ_BYTES_MIN: usize = 16 << 10;
/// So many writes may come between two parts of an input: the turn of a scheduler is not always long
/// enough for all who were told of the first.
const WRITES_MAX: u8 = 8;

/// What [`Driver::poll_output`] wants.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
#[non_exhaustive]
pub enum Output {
    /// The buffer holds bytes to write.
    Write,
    /// Others are about to queue requests that can share the write: give them one turn of the
    /// scheduler, then ask again.
    Yield,
    /// Go on with the input that [`handle_part`](Driver::handle_part) has left.
    Input,
    /// Open a transport, then [`handle_connected`](Driver::handle_connected) or
    /// [`handle_connect_failed`](Driver::handle_connect_failed), while the other steps go on.
    Connect {
        /// Where to.
        address: Address,
        /// The number of the attempt.
        attempt: u64,
    },
    /// Close the transport, or stop opening one, and drop what was read and what was to be written.
    Close,
}

impl Driver {
    fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            told: Told::default(),
            next_timeout: None,
            unwritten: 0,
            is_connected: false,
            is_input_left: false,
            writes: 0,
        }
    }

    /// What is to be done; bytes that are to be written are moved into `output`, which must be empty.
    ///
    /// Pending: nothing to do; the task is woken when there is.
    ///
    /// # Errors
    /// The client is over: [`ConnectionError::Shutdown`] in an orderly way.
    #[inline]
    pub fn poll_output(
        &mut self,
        cx: &mut Context<'_>,
        output: &mut Vec<u8>,
    ) -> Poll<Result<Output, ConnectionError>> {
        // Dropped after the lock.
        let mut replaced = None;
        let mut state = self.shared.lock();
        let result = loop {
            if let Some(action) = state.session.poll_action() {
                break Poll::Ready(Ok(self.shared.output_of(action)));
            }
            if state.session.failure().is_some() {
                state.life.is_released = true;
                let ended = state.process(&mut BytesMut::new(), &mut self.told);
                break Poll::Ready(Err(ended.err().unwrap_or(ConnectionError::Shutdown)));
            }
            let is_left = self.is_input_left && state.session.is_connected();
            if is_left && self.writes >= WRITES_MAX {
                // However much others queue meanwhile, those who were answered are told.
                break Poll::Ready(Ok(Output::Input));
            }
            match state.session.poll_decision() {
                Decision::Write => {
                    if state.session.poll_transmit(output) {
                        self.unwritten = output.len();
                        self.writes = self.writes.saturating_add(1);
                        break Poll::Ready(Ok(Output::Write));
                    }
                }
                Decision::Yield => break Poll::Ready(Ok(Output::Yield)),
                Decision::Linger(time) => {
                    if let Some(until) = now().checked_add(time) {
                        state.session.handle_linger(until);
                    }
                    replaced = state.park_driver(cx.waker());
                    break Poll::Pending;
                }
                Decision::Idle if is_left => break Poll::Ready(Ok(Output::Input)),
                Decision::Idle if state.session.is_drained() => {
                    state.session.handle_failure(ConnectionError::Shutdown);
                }
                Decision::Idle => {
                    replaced = state.park_driver(cx.waker());
                    break Poll::Pending;
                }
            }
        };
        self.next_timeout = state.session.poll_timeout();
        self.is_connected = state.session.is_connected();
        drop(state);
        drop(replaced);
        if !self.told.is_empty() {
            self.shared.tell(&mut self.told);
        }
        result
    }

    /// Nothing can be written now: keeps [`poll_timeout`](Self::poll_timeout) right, as requests go
    /// on being queued. The task is woken when one is.
    ///
    /// Ready: what is to be written is not wanted any more; go on with
    /// [`poll_output`](Self::poll_output) and an empty output.
    pub fn poll_blocked(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        // Dropped after the lock.
        let _replaced;
        let mut state = self.shared.lock();
        if state.is_closing && state.session.in_flight() == 0 && !state.session.is_saturated() {
            // Nobody waits for what cannot be written.
            state.session.handle_unwritten(self.unwritten);
            state.session.handle_failure(ConnectionError::Shutdown);
        }
        self.is_connected = state.session.is_connected();
        self.next_timeout = state.session.poll_timeout();
        if !self.is_connected {
            return Poll::Ready(());
        }
        _replaced = state.park_driver(cx.waker());
        Poll::Pending
    }

    /// Whether there is a transport, as far as the protocol is concerned.
    #[must_use]
    pub const fn is_connected(&self) -> bool {
        self.is_connected
    }

    /// The transport of this attempt is open. `false`: it is not wanted any more.
    #[must_use = "a transport that is not wanted must be dropped"]
    pub fn handle_connected(&mut self, attempt: u64) -> bool {
        self.unwritten = 0;
        self.is_input_left = false;
        self.step(|session| session.handle_connected(attempt))
    }

    /// The transport of this attempt could not be opened; `error` says why.
    pub fn handle_connect_failed(&mut self, attempt: u64, error: &impl fmt::Display) {
        let error = ConnectionError::Transport(error.to_string().into());
        self.step(|session| session.handle_connect_failed(attempt, error));
    }

    /// Makes room for the next read behind what `input` holds.
    #[inline]
    pub fn make_room(input: &mut BytesMut) {
        if input.capacity() - input.len() < READ_BYTES_MIN {
            // A large packet makes the buffer grow with what has arrived of it, not with what its
            // length claims.
            input.reserve(READ_BYTES.max(input.len()));
        } else if input.is_empty() {
            // Once nobody holds a reply any more, the whole buffer is free again: a small rest of it
            // would cut the next replies into two reads.
            let _ = input.try_reclaim(READ_BYTES);
        }
    }

    /// Takes in what was read: `input` holds what earlier steps left, and `read` new bytes at its
    /// end. Whole packets are consumed.
    #[inline]
    pub fn handle_input(&mut self, input: &mut BytesMut, read: usize) {
        self.take_in(input, read, |_| usize::MAX);
    }

    /// As [`handle_input`](Self::handle_input), but of many replies some may be left, as
    /// [`has_input`](Self::has_input) tells, so that what the callers of the others do next is written
    /// first, in a few writes.
    ///
    /// Then do this again, with a `read` of 0, before anything is read: when
    /// [`poll_output`](Self::poll_output) says so, and while bytes cannot be written; and
    /// `handle_input` before [`handle_failure`](Self::handle_failure) and
    /// [`handle_timeout`](Self::handle_timeout). What is left when somebody else gives the connection
    /// up is lost with it, like what was not read.
    #[inline]
    pub fn handle_part(&mut self, input: &mut BytesMut, read: usize) {
        self.take_in(input, read, Session::answers_per_turn);
    }

    #[inline]
    fn take_in(
        &mut self,
        input: &mut BytesMut,
        read: usize,
        answers_max: impl FnOnce(&Session) -> usize,
    ) {
        {
            let mut state = self.shared.lock();
            if read > 0 {
                state.session.count_read(read);
            }
            state.session.handle_unwritten(self.unwritten);
            let answers_max = answers_max(&state.session);
            // An end shows in `poll_output`.
            let left = state.process_some(input, &mut self.told, answers_max);
            self.is_input_left = left == Ok(true);
            self.writes = 0;
            self.is_connected = state.session.is_connected();
        }
        self.shared.tell(&mut self.told);
    }

    /// Whether [`handle_part`](Self::handle_part) has left input that may hold replies.
    #[must_use]
    pub const fn has_input(&self) -> bool {
        self.is_input_left && self.is_connected
    }

    /// The peer has closed its side. Everyone whom it concerns is told.
    pub fn handle_eof(&mut self) {
        self.step(|session| session.handle_eof());
    }

    /// Notes that a system call wrote `bytes` of the output.
    pub fn handle_written(&mut self, bytes: usize) {
        self.unwritten = self.unwritten.saturating_sub(bytes);
        let mut state = self.shared.lock();
        state.session.count_writes(1, bytes);
        // Whoever ends the connection later must not take these for unwritten.
        state.session.handle_unwritten(self.unwritten);
    }

    /// Notes that the whole output is in the hands of the kernel: whatever happens, it may have been
    /// written.
    pub fn handle_submitted(&mut self) {
        self.unwritten = 0;
    }

    /// When to call [`handle_timeout`](Self::handle_timeout), as of the last step.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.next_timeout
    }

    /// Time has come to `now`: requests whose deadline passed are answered so, and what is due is
    /// decided.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.step(|session| session.handle_timeout(now));
    }

    /// The transport failed; `error` says why. Everyone whom it concerns is told.
    pub fn handle_failure(&mut self, error: &impl fmt::Display) {
        let error = ConnectionError::Transport(error.to_string().into());
        self.step(|session| session.handle_failure(error));
    }

    /// Does what may end the connection.
    fn step<T>(&mut self, step: impl FnOnce(&mut Session) -> T) -> T {
        let result = {
            let mut state = self.shared.lock();
            state.session.handle_unwritten(self.unwritten);
            let result = step(&mut state.session);
            // An end shows in `poll_output`.
            let _ = state.process(&mut BytesMut::new(), &mut self.told);
            self.next_timeout = state.session.poll_timeout();
            self.is_connected = state.session.is_connected();
            result
        };
        self.shared.tell(&mut self.told);
        result
    }
}

impl Shared {
    fn output_of(&self, action: Action) -> Output {
        match action {
            Action::Connect { address, attempt, .. } => {
                Output::Connect { address: self.address(address), attempt }
            }
            // There is no other.
            _ => Output::Close,
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.shared.lock().life.is_released = true;
        let text = "its driver was dropped, as a runtime does that shuts down";
        self.shared.abort(ConnectionError::Transport(text.into()));
    }
}

impl fmt::Debug for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver")
            .field("addresses", &self.shared.addresses_as_text())
            .finish_non_exhaustive()
    }
}
