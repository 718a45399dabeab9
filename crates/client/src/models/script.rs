//! A server and its socket, without a system, for models.

use std::future::{Future, Ready, ready};
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use loom::sync::{Condvar, Mutex, MutexGuard};
use tarantool_proto::msgpack::Reader;
use tarantool_testkit::conformance::packets::{GREETING, ID, id_unknown, ok, ok_with, parse};

use super::threads::{GLANCE, pass_until};
use crate::address::Address;
use crate::blocking::{Blocking, Connecting, Connector, Interest, Socket, connect_blocking};
use crate::client::Client;
use crate::config::Config;
use crate::drive::{Drive, Timer, Transport};
use crate::driver::connect;
use crate::mode::Async;
use crate::sync::{now, yield_now};

/// The argument of a call that gets no reply; any other is returned.
pub(super) const SILENCE: u64 = 0;

/// How a server and its socket behave.
#[derive(Clone, Copy, Default)]
pub(super) struct Manner {
    pub(super) reads: Reads,
    /// So many bytes are taken in one write, and every other one is refused for the moment.
    pub(super) write_max: Option<usize>,
    /// Reads return after a while; else they block for good.
    pub(super) ticks: bool,
}

/// What one read gives.
#[derive(Clone, Copy, Default)]
pub(super) enum Reads {
    #[default]
    All,
    /// The reply to the oldest request.
    Oldest,
    /// The reply to the newest request.
    Newest,
}

#[derive(Clone)]
pub(super) struct Script(Arc<Far>);

struct Far {
    state: Mutex<State>,
    changed: Condvar,
    manner: Manner,
}

struct State {
    /// Written, and not yet a whole request.
    unparsed: Vec<u8>,
    refused: bool,
    /// To be read, and by whom.
    replies: Vec<Vec<u8>>,
    reader: Option<Waker>,
    /// Whether a thread is blocked in a read.
    is_read: bool,
    ended: bool,
}

impl Script {
    pub(super) fn new(manner: Manner) -> Self {
        let state = Mutex::new(State {
            unparsed: Vec::new(),
            refused: false,
            replies: vec![GREETING.to_vec()],
            reader: None,
            is_read: false,
            ended: false,
        });
        Self(Arc::new(Far { state, changed: Condvar::new(), manner }))
    }

    /// A client whose socket is open, unless it is to be lazy.
    pub(super) fn connect_blocking(&self, configure: fn(Config) -> Config) -> Client<Blocking> {
        connect_blocking(&configure(config()), self.clone()).unwrap()
    }

    /// A client that is ready, and what drives it.
    pub(super) fn connect(&self, configure: fn(Config) -> Config) -> (Client<Async>, Driving) {
        let (client, mut drivers) = connect(&configure(config()));
        let script = self.clone();
        let open: Open = Box::new(move |_| ready(Ok(script.clone())));
        let mut driving = Box::pin(Drive::new(drivers.remove(0), open, Clock));
        let mut cx = Context::from_waker(Waker::noop());
        while client.server().is_none() {
            assert!(driving.as_mut().poll(&mut cx).is_pending());
        }
        (client, driving)
    }

    /// Ends the stream.
    pub(super) fn end(&self) {
        self.change(|state| state.ended = true);
    }

    /// Waits until a thread is blocked in a read.
    pub(super) fn wait_for_reader(&self) {
        let mut state = self.state();
        while !state.is_read {
            state = self.0.changed.wait(state).unwrap();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap()
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let (changed, reader) = {
            let mut state = self.state();
            let changed = change(&mut state);
            let reader = if state.is_readable() { state.reader.take() } else { None };
            self.0.changed.notify_all();
            (changed, reader)
        };
        if let Some(reader) = reader {
            reader.wake();
        }
        changed
    }

    fn write(&self, output: &[u8]) -> io::Result<usize> {
        self.change(|state| {
            if state.ended {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            state.refused = self.0.manner.write_max.is_some() && !state.refused;
            if state.refused {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            let taken = output.len().min(self.0.manner.write_max.unwrap_or(usize::MAX));
            state.unparsed.extend_from_slice(&output[..taken]);
            while let Some((request, length)) = parse(&state.unparsed) {
                let packet: Vec<u8> = state.unparsed.drain(..length).collect();
                match (request.kind, argument(&packet)) {
                    (ID, _) => state.replies.push(id_unknown(request.sync)),
                    (_, None) => state.replies.push(ok(request.sync)),
                    (_, Some(SILENCE)) => {}
                    (_, Some(number)) => {
                        let mut value = vec![0xcf];
                        value.extend(number.to_be_bytes());
                        state.replies.push(ok_with(request.sync, &value));
                    }
                }
            }
            Ok(taken)
        })
    }

    fn read(&self, state: &mut State, input: &mut BytesMut) -> usize {
        let last = state.replies.len();
        let range = match self.0.manner.reads {
            Reads::All => 0..last,
            Reads::Oldest => 0..last.min(1),
            Reads::Newest => last.saturating_sub(1)..last,
        };
        let given: Vec<u8> = state.replies.drain(range).flatten().collect();
        input.extend_from_slice(&given);
        given.len()
    }
}

/// The argument of a call.
fn argument(packet: &[u8]) -> Option<u64> {
    let mut reader = Reader::new(packet);
    reader.skip().unwrap();
    reader.skip().unwrap();
    for _ in 0..reader.map().ok()? {
        if reader.uint().unwrap() == 0x21 {
            return (reader.array().unwrap() == 1).then(|| reader.uint().unwrap());
        }
        reader.skip().unwrap();
    }
    None
}

impl State {
    fn is_readable(&self) -> bool {
        !self.replies.is_empty() || self.ended
    }
}

/// Without deadlines, and without requests of its own.
fn config() -> Config {
    let address = Address::Tcp { host: "scripted".to_owned(), port: 1 };
    Config::new(address)
        .request_timeout(Duration::ZERO)
        .connect_timeout(Duration::ZERO)
        .heartbeat(Duration::ZERO, Duration::ZERO)
        .graceful_shutdown(Duration::ZERO)
        .reconnect(false)
}

impl Socket for Script {
    fn send(&self, output: &[u8]) -> io::Result<usize> {
        self.write(output)
    }

    fn recv(&self, input: &mut BytesMut) -> io::Result<usize> {
        if self.0.manner.ticks && !self.state().is_readable() {
            yield_now();
            pass_until(now() + GLANCE);
            if !self.state().is_readable() {
                return Err(io::ErrorKind::WouldBlock.into());
            }
        }
        let mut state = self.state();
        while !state.is_readable() {
            state.is_read = true;
            self.0.changed.notify_all();
            state = self.0.changed.wait(state).unwrap();
        }
        state.is_read = false;
        Ok(self.read(&mut state, input))
    }

    /// There is always room to write. Others may have done anything by the end of a timeout.
    fn wait(&self, interest: Interest, timeout: Option<Duration>) -> io::Result<Interest> {
        let until = timeout.map(|timeout| now() + timeout);
        if timeout.is_some_and(|timeout| timeout <= GLANCE) && !interest.write {
            yield_now();
        }
        let mut state = self.state();
        while !(interest.write || state.is_readable()) {
            if let Some(until) = until {
                pass_until(until);
                return Ok(Interest::default());
            }
            state = self.0.changed.wait(state).unwrap();
        }
        Ok(Interest { read: interest.read && state.is_readable(), write: interest.write })
    }

    /// Each deadline comes sooner, unless reads return soon.
    fn tick(&self) -> Duration {
        if self.0.manner.ticks { GLANCE } else { Duration::MAX }
    }

    fn shutdown(&self) {
        self.end();
    }
}

/// It is open at once, and the same each time.
impl Connector for Script {
    fn begin(&self, _: &Address) -> io::Result<Box<dyn Connecting>> {
        Ok(Box::new(self.clone()))
    }
}

impl Connecting for Script {
    fn wait(&mut self, _: Option<Duration>) -> io::Result<Option<Arc<dyn Socket>>> {
        Ok(Some(Arc::new(self.clone())))
    }
}

pub(super) type Driving = std::pin::Pin<Box<Drive<Open, Ready<io::Result<Script>>, Script, Clock>>>;
type Open = Box<dyn FnMut(Address) -> Ready<io::Result<Script>>>;

impl Transport for Script {
    fn poll_read(&mut self, cx: &mut Context<'_>, input: &mut BytesMut) -> Poll<io::Result<usize>> {
        let mut state = self.state();
        if !state.is_readable() {
            state.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(Ok(self.read(&mut state, input)))
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, output: &[u8]) -> Poll<io::Result<usize>> {
        match self.write(output) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            written => Poll::Ready(written),
        }
    }
}

/// Goes by what has passed: no model of tasks has deadlines to come.
pub(super) struct Clock;

impl Timer for Clock {
    fn poll_deadline(&mut self, _: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        if deadline <= now() { Poll::Ready(()) } else { Poll::Pending }
    }
}
