//! A socket without a system: what it takes and gives, and when, is up to the test.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use tarantool_client::{
    Address, Blocking, Client, Config, Connecting, Connector, Interest, Socket, connect_blocking,
};

use tarantool_testkit::conformance::packets::{GREETING, ID, Request, id_unknown, ok, parse};

/// How long a read blocks.
pub(crate) const TICK: Duration = Duration::from_millis(200);

/// The far end of a socket, and the socket's own behaviour.
#[derive(Clone)]
pub(crate) struct Script(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

type Answers = Box<dyn FnMut(&Request) -> Vec<u8> + Send>;

pub(crate) struct State {
    pub(crate) calls: Calls,
    /// Written, and not yet a whole request.
    unparsed: Vec<u8>,
    /// Whole requests without an answer; those that `answers` gives none for.
    pub(crate) requests: Vec<Request>,
    /// To be read.
    input: Vec<u8>,
    answers: Answers,
    /// The reply to ID; without it, that is unknown to the server.
    pub(crate) identified: Option<fn(u64) -> Vec<u8>>,
    /// At most so many bytes are taken in one write.
    pub(crate) write_max: usize,
    /// At most so many bytes are given in one read.
    pub(crate) read_max: usize,
    /// So many bytes are taken until nothing can be written any more.
    pub(crate) room: usize,
    /// Every other write and read is refused for the moment.
    pub(crate) hesitates: bool,
    hesitated: bool,
    /// Writes block, as those of a real socket never do for long.
    pub(crate) stalls: bool,
    /// So many writes return at once; those after them take something, and then block.
    pub(crate) returns: usize,
    /// The next read panics, as no socket should.
    pub(crate) panics: bool,
    pub(crate) write_error: Option<io::ErrorKind>,
    pub(crate) read_error: Option<io::ErrorKind>,
    pub(crate) ended: bool,
}

/// System calls, as there would be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Calls {
    pub(crate) sends: usize,
    pub(crate) receives: usize,
    pub(crate) waits: usize,
}

impl Script {
    /// Whose server gives `answers` at once; empty: not now.
    pub(crate) fn new(answers: impl FnMut(&Request) -> Vec<u8> + Send + 'static) -> Self {
        let state = Mutex::new(State {
            calls: Calls::default(),
            unparsed: Vec::new(),
            requests: Vec::new(),
            input: GREETING.to_vec(),
            answers: Box::new(answers),
            identified: None,
            write_max: usize::MAX,
            read_max: usize::MAX,
            room: usize::MAX,
            hesitates: false,
            hesitated: false,
            stalls: false,
            returns: usize::MAX,
            panics: false,
            write_error: None,
            read_error: None,
            ended: false,
        });
        let changed = Condvar::new();
        Self(Arc::new(Shared { state, changed }))
    }

    /// Whose server answers everything at once.
    pub(crate) fn willing() -> Self {
        Self::new(|request| ok(request.sync))
    }

    /// Whose server answers what the test tells it to.
    pub(crate) fn silent() -> Self {
        Self::new(|_| Vec::new())
    }

    pub(crate) fn connect(&self) -> Client<Blocking> {
        self.connect_with(|config| config.request_timeout(Duration::ZERO))
    }

    pub(crate) fn connect_with(
        &self,
        configure: impl FnOnce(Config) -> Config,
    ) -> Client<Blocking> {
        let host = "scripted".to_owned();
        let config = Config::new(Address::Tcp { host, port: 1 });
        // A heartbeat would wake whom nobody else does.
        let config = config.reconnect(false).heartbeat(Duration::ZERO, Duration::ZERO);
        let config = configure(config.graceful_shutdown(Duration::ZERO));
        let client = connect_blocking(&config, self.clone()).unwrap();
        self.state().calls = Calls::default();
        client
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap()
    }

    /// Changes something that those who block may wait for.
    pub(crate) fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state());
        self.0.changed.notify_all();
    }

    /// Gives `bytes` to be read.
    pub(crate) fn give(&self, bytes: &[u8]) {
        self.change(|state| state.input.extend_from_slice(bytes));
    }

    /// Ends the stream, so that the client does not wait for the server's last words.
    pub(crate) fn end(&self) {
        self.change(|state| state.ended = true);
    }

    /// Gives its last bytes to be read.
    pub(crate) fn give_and_end(&self, bytes: &[u8]) {
        self.change(|state| {
            state.input.extend_from_slice(bytes);
            state.ended = true;
        });
    }

    /// Waits until so many requests are unanswered, and takes them.
    pub(crate) fn take_requests(&self, count: usize) -> Vec<Request> {
        let mut state = self.state();
        while state.requests.len() < count {
            state = self.0.changed.wait(state).unwrap();
        }
        std::mem::take(&mut state.requests)
    }

    /// Waits until so many calls of one kind were made.
    pub(crate) fn wait_for(&self, reached: impl Fn(&Calls) -> bool) {
        let mut state = self.state();
        while !reached(&state.calls) {
            state = self.0.changed.wait(state).unwrap();
        }
    }

    /// Blocks until `ready` or the time is over.
    fn block_until(
        &self,
        timeout: Option<Duration>,
        ready: impl Fn(&State) -> bool,
    ) -> MutexGuard<'_, State> {
        let until = timeout.map(|timeout| Instant::now() + timeout);
        let mut state = self.state();
        while !ready(&state) {
            state = match until {
                None => self.0.changed.wait(state).unwrap(),
                Some(until) => {
                    let left = until.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return state;
                    }
                    self.0.changed.wait_timeout(state, left).unwrap().0
                }
            };
        }
        state
    }
}

impl State {
    fn is_readable(&self) -> bool {
        !self.input.is_empty() || self.ended || self.read_error.is_some()
    }

    fn is_writable(&self) -> bool {
        self.room > 0 || self.write_error.is_some()
    }

    fn hesitate(&mut self) -> io::Result<()> {
        self.hesitated = self.hesitates && !self.hesitated;
        if self.hesitated {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(())
    }

    fn take(&mut self, output: &[u8]) -> io::Result<usize> {
        if let Some(kind) = self.write_error {
            return Err(kind.into());
        }
        self.hesitate()?;
        let taken = output.len().min(self.write_max).min(self.room);
        if taken == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.room -= taken;
        self.unparsed.extend_from_slice(&output[..taken]);
        while let Some((request, length)) = parse(&self.unparsed) {
            self.unparsed.drain(..length);
            let answer = match request.kind {
                ID => self.identified.unwrap_or(id_unknown)(request.sync),
                _ => (self.answers)(&request),
            };
            if answer.is_empty() {
                self.requests.push(request);
            }
            self.input.extend(answer);
        }
        Ok(taken)
    }

    fn give(&mut self, input: &mut BytesMut) -> io::Result<usize> {
        if !self.input.is_empty() {
            self.hesitate()?;
            let given = self.input.len().min(self.read_max);
            input.extend(self.input.drain(..given));
            return Ok(given);
        }
        match self.read_error {
            Some(kind) => Err(kind.into()),
            None if self.ended => Ok(0),
            None => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

impl Socket for Script {
    fn send(&self, output: &[u8]) -> io::Result<usize> {
        let mut number = 0;
        self.change(|state| {
            state.calls.sends += 1;
            number = state.calls.sends;
        });
        let mut state = self.block_until(None, |state| !state.stalls);
        let taken = state.take(output);
        drop(state);
        self.0.changed.notify_all();
        drop(self.block_until(None, |state| number <= state.returns));
        taken
    }

    fn recv(&self, input: &mut BytesMut) -> io::Result<usize> {
        self.change(|state| state.calls.receives += 1);
        let mut state = self.block_until(Some(TICK), |state| state.is_readable() || state.panics);
        if std::mem::take(&mut state.panics) {
            drop(state);
            panic!("a trap of the test's own");
        }
        state.give(input)
    }

    fn wait(&self, interest: Interest, timeout: Option<Duration>) -> io::Result<Interest> {
        self.change(|state| state.calls.waits += 1);
        let state = self.block_until(timeout, |state| {
            (interest.read && state.is_readable()) || (interest.write && state.is_writable())
        });
        Ok(Interest {
            read: interest.read && state.is_readable(),
            write: interest.write && state.is_writable(),
        })
    }

    fn tick(&self) -> Duration {
        TICK
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
