//! The steps by which an adapter drives a connection. None of them blocks, sleeps or does I/O.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use bytes::BytesMut;
use tarantool_proto::{Connection, ConnectionError, Decision};

use crate::client::Client;
use crate::config::Config;
use crate::mode::Async;
use crate::shared::{Shared, wake_all};

/// A client, and the driver that an adapter runs for it, over a transport that was opened just now.
///
/// `opening_until` is when the handshake must be over; adapters count the time for opening the
/// transport in.
#[must_use]
pub fn connect(config: &Config, opening_until: Option<Instant>) -> (Client, Driver) {
    let shared = shared(config, opening_until);
    let driver = Driver { shared: Arc::clone(&shared), woken: Vec::new(), next_timeout: None };
    (Client::new(shared, Async, config.request_timeout), driver)
}

pub(crate) fn shared(config: &Config, opening_until: Option<Instant>) -> Arc<Shared> {
    let conn = Connection::new(config.connection.clone(), opening_until);
    Shared::new(conn, config.address.to_string())
}

/// One connection's side towards the transport, as steps for a loop.
///
/// A loop reads first and never lets reading wait for writing:
///
/// 1. [`make_room`](Self::make_room), and bytes that were read: [`handle_input`](Self::handle_input); their end: [`fail`](Self::fail)
///    or [`handle_eof`](Self::handle_eof);
/// 2. [`poll_output`](Self::poll_output) until it has nothing to do, writing what it hands out;
///    [`poll_blocked`](Self::poll_blocked) in its place while that cannot be written;
/// 3. [`poll_timeout`](Self::poll_timeout): at that time, [`handle_timeout`](Self::handle_timeout).
///
/// [`Drive`](crate::Drive) is this loop for readiness-based runtimes. Dropping the driver fails all
/// requests under way.
pub struct Driver {
    shared: Arc<Shared>,
    /// Kept between steps for its memory only.
    woken: Vec<Waker>,
    next_timeout: Option<Instant>,
}

/// The spare capacity to read into: half of a hundred replies of 1.5 KB, so that the server works
/// at the other half meanwhile. Replies keep a whole buffer alive, so it is not larger.
const READ_BYTES: usize = 80 << 10;
/// With less spare capacity than this a read is not worth its system call.
const READ_BYTES_MIN: usize = 16 << 10;

/// What [`Driver::poll_output`] wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Output {
    /// The buffer holds bytes to write.
    Write,
    /// Others are about to queue requests that can share the write: give them one turn of the
    /// scheduler, then ask again.
    Yield,
}

impl Driver {
    /// Moves bytes that are to be written into `output`, which must be empty.
    ///
    /// Pending: nothing to do; the task is woken when there is.
    ///
    /// # Errors
    /// The connection is over: [`ConnectionError::Shutdown`] in an orderly way.
    #[inline]
    pub fn poll_output(
        &mut self,
        cx: &mut Context<'_>,
        output: &mut Vec<u8>,
    ) -> Poll<Result<Output, ConnectionError>> {
        // Dropped after the lock.
        let mut replaced = None;
        let mut state = self.shared.lock();
        if let Some(error) = state.conn.failure() {
            return Poll::Ready(Err(error.clone()));
        }
        let result = loop {
            match state.conn.poll_decision() {
                Decision::Write => {
                    if state.conn.poll_transmit(output) {
                        break Poll::Ready(Ok(Output::Write));
                    }
                }
                Decision::Yield => break Poll::Ready(Ok(Output::Yield)),
                Decision::Linger(time) => {
                    if let Some(until) = Instant::now().checked_add(time) {
                        state.conn.handle_linger(until);
                    }
                    replaced = state.park_driver(cx.waker());
                    break Poll::Pending;
                }
                Decision::Idle if state.conn.is_drained() => {
                    state.conn.handle_failure(ConnectionError::Shutdown);
                    break Poll::Ready(Err(ConnectionError::Shutdown));
                }
                Decision::Idle => {
                    replaced = state.park_driver(cx.waker());
                    break Poll::Pending;
                }
            }
        };
        self.next_timeout = state.conn.poll_timeout();
        drop(state);
        drop(replaced);
        result
    }

    /// Nothing can be written now: keeps [`poll_timeout`](Self::poll_timeout) right, as requests go
    /// on being queued. The task is woken when one is.
    ///
    /// Ready: the connection is over, because it was closing and nobody waits for anything any
    /// more.
    pub fn poll_blocked(&mut self, cx: &mut Context<'_>) -> Poll<ConnectionError> {
        // Dropped after the lock.
        let _replaced;
        let mut state = self.shared.lock();
        if state.is_closing && state.conn.in_flight() == 0 && !state.conn.is_saturated() {
            state.conn.handle_failure(ConnectionError::Shutdown);
            return Poll::Ready(ConnectionError::Shutdown);
        }
        _replaced = state.park_driver(cx.waker());
        self.next_timeout = state.conn.poll_timeout();
        Poll::Pending
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
    ///
    /// # Errors
    /// The peer broke the protocol; everyone who waited has been told.
    #[inline]
    pub fn handle_input(
        &mut self,
        input: &mut BytesMut,
        read: usize,
    ) -> Result<(), ConnectionError> {
        let result = {
            let mut state = self.shared.lock();
            state.conn.count_read(read);
            state.process(input, &mut self.woken)
        };
        wake_all(&mut self.woken);
        result
    }

    /// The peer has closed its side, with the last `unwritten` bytes of the output not written.
    /// Everyone who waits is told. Returns why the connection is over.
    pub fn handle_eof(&mut self, unwritten: usize) -> ConnectionError {
        let result = {
            let mut state = self.shared.lock();
            state.conn.handle_unwritten(unwritten);
            state.conn.handle_eof();
            state.process(&mut BytesMut::new(), &mut self.woken)
        };
        wake_all(&mut self.woken);
        result.err().unwrap_or(ConnectionError::Shutdown)
    }

    /// Notes that a system call wrote `bytes` of the output.
    pub fn handle_written(&mut self, bytes: usize) {
        self.shared.lock().conn.count_writes(1, bytes);
    }

    /// When to call [`handle_timeout`](Self::handle_timeout), as of the last
    /// [`poll_output`](Self::poll_output) or [`poll_blocked`](Self::poll_blocked).
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.next_timeout
    }

    /// Time has come to `now`: requests whose deadline passed are answered so.
    pub fn handle_timeout(&mut self, now: Instant) {
        {
            let mut state = self.shared.lock();
            state.conn.handle_timeout(now);
            // An end of the connection shows in `poll_output`.
            let _ = state.process(&mut BytesMut::new(), &mut self.woken);
            self.next_timeout = state.conn.poll_timeout();
        }
        wake_all(&mut self.woken);
    }

    /// The transport failed, with the last `unwritten` bytes of the output not written. Everyone
    /// who waits is told, and everyone who sends later.
    pub fn fail(&mut self, error: ConnectionError, unwritten: usize) {
        self.shared.lock().conn.handle_unwritten(unwritten);
        self.shared.fail(error);
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let text = "its driver was dropped, as a runtime does that shuts down";
        self.shared.fail(ConnectionError::Transport(text.into()));
    }
}

impl fmt::Debug for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver").field("address", &self.shared.address()).finish_non_exhaustive()
    }
}
