//! One accepted connection: a thread that reads and executes, and one that writes.
//!
//! The writer is a thread of its own so that reading never waits for the peer to read: a client
//! may write all of its requests before it looks at the first reply.

use std::net::Shutdown;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use tarantool_proto::server::ServerConnection;

use super::core::{Core, lock};
use super::endpoint::{Endpoint, Pending};
use super::output::Piece;
use crate::socket::Stream;

pub(super) struct Connection {
    core: Arc<Core>,
    stream: Stream,
    state: Mutex<State>,
    /// There is something to write, room for more, or nothing more to do.
    changed: Condvar,
}

struct State {
    endpoint: Endpoint,
    /// The socket is closed, or about to be.
    is_over: bool,
}

const READ_BYTES: usize = 64 << 10;
/// Between the bytes of a reply that is sent one by one, so that they are not read together.
const TRICKLE: Duration = Duration::from_micros(200);

impl Connection {
    pub(super) fn new(
        number: u64,
        core: Arc<Core>,
        stream: Stream,
        protocol: ServerConnection,
    ) -> Arc<Self> {
        let mut endpoint = Endpoint::new(number, protocol);
        endpoint.open(&core, Instant::now());
        let state = Mutex::new(State { endpoint, is_over: false });
        Arc::new(Self { core, stream, state, changed: Condvar::new() })
    }

    /// Starts the two threads.
    pub(super) fn start(self: &Arc<Self>) -> std::io::Result<()> {
        let writer = Arc::clone(self);
        thread::Builder::new().name("embedded-writer".into()).spawn(move || writer.write())?;
        let reader = Arc::clone(self);
        thread::Builder::new().name("embedded-reader".into()).spawn(move || reader.read())?;
        Ok(())
    }

    pub(super) fn is_over(&self) -> bool {
        lock(&self.state).is_over
    }

    pub(super) fn watches(&self, key: &[u8]) -> bool {
        lock(&self.state).endpoint.session.watches(key)
    }

    pub(super) fn notify(&self, key: &[u8]) {
        lock(&self.state).endpoint.session.notify(&self.core, key);
        self.changed.notify_all();
    }

    /// Ends the connection at once.
    pub(super) fn close(&self) {
        lock(&self.state).is_over = true;
        self.stream.shutdown(Shutdown::Both);
        self.changed.notify_all();
    }

    fn read(self: &Arc<Self>) {
        let mut input = BytesMut::new();
        let mut chunk = vec![0; READ_BYTES];
        while self.wait_for_room() {
            // A limit may have left some of it unread.
            self.core.gate.pass();
            self.process(&mut input);
            if !self.wants_input() {
                continue;
            }
            let read = self.stream.read(&mut chunk);
            self.core.gate.pass();
            match read {
                Ok(0) | Err(_) => break,
                Ok(read) => input.extend_from_slice(chunk.get(..read).unwrap_or_default()),
            }
            self.process(&mut input);
        }
        self.close();
    }

    fn wants_input(&self) -> bool {
        lock(&self.state).endpoint.wants_input()
    }

    /// Waits until there is reason to read. Returns whether there will ever be.
    fn wait_for_room(&self) -> bool {
        let mut state = lock(&self.state);
        while !state.is_over && !state.endpoint.wants_input() {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        !state.is_over
    }

    fn process(self: &Arc<Self>, input: &mut BytesMut) {
        loop {
            let pending = {
                let mut state = lock(&self.state);
                if state.is_over {
                    return;
                }
                state.endpoint.process(&self.core, input, Instant::now())
            };
            self.changed.notify_all();
            match pending {
                Some(pending) => self.call(pending),
                None => return,
            }
        }
    }

    /// Calls of a stream are made one after another, those of no stream at the same time.
    fn call(self: &Arc<Self>, pending: Pending) {
        let connection = Arc::clone(self);
        let is_ordered = pending.is_ordered;
        let run = move || {
            let call = &pending.call;
            let result = call.run(&connection.core, &|value| {
                let mut state = lock(&connection.state);
                state.endpoint.session.protocol.reply_chunk(call.sync, value);
                drop(state);
                connection.changed.notify_all();
            });
            lock(&connection.state).endpoint.finish(&pending, result, Instant::now());
            connection.changed.notify_all();
        };
        if is_ordered {
            run();
        } else {
            // Without a thread there is no reply, as when a function never returns.
            let _ = thread::Builder::new().name("embedded-call".into()).spawn(run);
        }
    }

    fn write(&self) {
        while let Some(piece) = self.wait_for_piece() {
            self.core.gate.pass();
            let goes_on = match &piece {
                Piece::Bytes(bytes) => self.stream.write_all(bytes).is_ok(),
                Piece::Trickle(bytes) => bytes.iter().all(|&byte| {
                    thread::sleep(TRICKLE);
                    self.stream.write_all(&[byte]).is_ok()
                }),
                Piece::HalfClose => {
                    self.stream.shutdown(Shutdown::Write);
                    true
                }
                Piece::Close => false,
            };
            if !goes_on {
                break;
            }
            // There may be room again for those who read.
            self.changed.notify_all();
        }
        self.close();
    }

    /// The next piece to write; `None` when the connection is over.
    fn wait_for_piece(&self) -> Option<Piece> {
        let mut state = lock(&self.state);
        while !state.is_over {
            let now = Instant::now();
            if let Some(piece) = state.endpoint.next(now) {
                return Some(piece);
            }
            state = self.wait(state, now);
        }
        None
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>, now: Instant) -> MutexGuard<'a, State> {
        let Some(time) = state.endpoint.outgoing.wait(now) else {
            return self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        };
        self.changed.wait_timeout(state, time).unwrap_or_else(PoisonError::into_inner).0
    }
}
