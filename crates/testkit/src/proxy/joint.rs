//! The connections of a proxy: what they share, and the threads that carry their bytes.

use std::io;
use std::net::Shutdown;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::Direction;
use crate::socket::{self, Listener, Stream};

#[derive(Debug)]
pub(super) struct Shared {
    state: Mutex<State>,
    /// Something that a thread may wait for.
    changed: Condvar,
    is_refusing: AtomicBool,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) target: String,
    ways: [Way; 2],
    pub(super) delay: Duration,
    pub(super) is_silent: bool,
    pub(super) joints: Vec<Arc<Joint>>,
    pub(super) accepted: u64,
}

/// One direction of all connections.
#[derive(Debug, Default)]
pub(super) struct Way {
    pub(super) is_held: bool,
    pub(super) is_black_hole: bool,
    pub(super) cut_after: Option<u64>,
    pub(super) passed: u64,
}

/// A client's connection and that to the server.
#[derive(Debug)]
pub(super) struct Joint {
    client: Stream,
    /// `None`: it is to stay silent, or the server was not there.
    server: Option<Stream>,
    is_cut: AtomicBool,
    /// Bytes were lost in a black hole, by direction.
    has_lost: [AtomicBool; 2],
    /// How many directions go on.
    open: AtomicUsize,
}

/// What is to be done with bytes that were read.
enum Verdict {
    Pass,
    Lose,
    /// The connection ends after so many of them.
    Cut(usize),
}

const READ_BYTES: usize = 64 << 10;

impl Shared {
    pub(super) fn new(target: String) -> Self {
        let state = State {
            target,
            ways: Default::default(),
            delay: Duration::ZERO,
            is_silent: false,
            joints: Vec::new(),
            accepted: 0,
        };
        Self {
            state: Mutex::new(state),
            changed: Condvar::new(),
            is_refusing: AtomicBool::new(false),
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        // No step leaves a half-changed state behind.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn listen(self: &Arc<Self>, listener: Listener) -> io::Result<JoinHandle<()>> {
        self.is_refusing.store(false, Ordering::SeqCst);
        let shared = Arc::clone(self);
        let thread = thread::Builder::new().name("proxy-acceptor".into());
        thread.spawn(move || shared.accept(&listener))
    }

    /// Ends the thread that listens at `uri`.
    pub(super) fn stop(&self, thread: JoinHandle<()>, uri: &str) {
        self.is_refusing.store(true, Ordering::SeqCst);
        socket::wake(uri);
        // It panics only if the process is out of threads or memory.
        let _ = thread.join();
    }

    /// Makes threads look again at what has changed.
    pub(super) fn look_up(&self) {
        self.changed.notify_all();
    }

    /// Cuts the connections that a black hole has left with a gap in this direction.
    pub(super) fn cut_with_gaps(&self, direction: Direction) {
        let mut joints = self.state().joints.clone();
        joints.retain(|joint| joint.has_lost[direction as usize].load(Ordering::SeqCst));
        for joint in &joints {
            self.cut(joint);
        }
    }

    fn accept(self: &Arc<Self>, listener: &Listener) {
        while !self.is_refusing.load(Ordering::SeqCst) {
            let Ok(client) = listener.accept() else {
                // Too many open files, perhaps: others may close theirs.
                thread::sleep(Duration::from_millis(10));
                continue;
            };
            if self.is_refusing.load(Ordering::SeqCst) {
                break;
            }
            let target = {
                let mut state = self.state();
                state.accepted += 1;
                (!state.is_silent).then(|| state.target.clone())
            };
            let server = match target.map(|target| Stream::connect(&target)) {
                Some(Ok(server)) => Some(server),
                // As a server that dies while it accepts: the client's connection ends.
                Some(Err(_)) => continue,
                None => None,
            };
            self.join(client, server);
        }
    }

    fn join(self: &Arc<Self>, client: Stream, server: Option<Stream>) {
        let joint = Arc::new(Joint {
            client,
            open: AtomicUsize::new(if server.is_some() { 2 } else { 1 }),
            server,
            is_cut: AtomicBool::new(false),
            has_lost: Default::default(),
        });
        self.state().joints.push(Arc::clone(&joint));
        let directions = [Direction::ToServer, Direction::ToClient];
        for direction in &directions[..if joint.server.is_some() { 2 } else { 1 }] {
            let (shared, pumped, direction) = (Arc::clone(self), Arc::clone(&joint), *direction);
            let thread = thread::Builder::new().name("proxy-pump".into());
            if thread.spawn(move || shared.pump(&pumped, direction)).is_err() {
                self.cut(&joint);
            }
        }
    }

    fn pump(&self, joint: &Arc<Joint>, direction: Direction) {
        let (from, to) = match direction {
            Direction::ToServer => (Some(&joint.client), joint.server.as_ref()),
            Direction::ToClient => (joint.server.as_ref(), Some(&joint.client)),
        };
        let mut chunk = vec![0; READ_BYTES];
        loop {
            let Some(Ok(read)) = from.map(|from| from.read(&mut chunk)) else {
                return self.cut(joint);
            };
            let Some(to) = to else {
                // What a silent connection sends goes nowhere.
                if read == 0 {
                    return self.cut(joint);
                }
                continue;
            };
            let bytes = &chunk[..read];
            let goes_on = match self.judge(joint, direction, read) {
                Verdict::Pass if read == 0 => {
                    to.shutdown(Shutdown::Write);
                    return self.end(joint);
                }
                Verdict::Pass => to.write_all(bytes).is_ok(),
                Verdict::Lose if read == 0 => return self.wait_for_cut(joint),
                Verdict::Lose => true,
                Verdict::Cut(count) => {
                    // It is cut, whether these arrive or not.
                    let _ = to.write_all(&bytes[..count]);
                    false
                }
            };
            if !goes_on {
                return self.cut(joint);
            }
        }
    }

    /// Waits until bytes may go on, which were read just now; 0 are the end of the stream.
    fn judge(&self, joint: &Joint, direction: Direction, bytes: usize) -> Verdict {
        let mut state = self.state();
        let read = Instant::now();
        loop {
            if joint.is_cut.load(Ordering::SeqCst) {
                return Verdict::Cut(0);
            }
            let delay = state.delay.saturating_sub(read.elapsed());
            let way = state.way(direction);
            if way.is_black_hole {
                joint.has_lost[direction as usize].store(true, Ordering::SeqCst);
                return Verdict::Lose;
            }
            if joint.has_lost[direction as usize].load(Ordering::SeqCst) {
                return Verdict::Cut(0);
            }
            if way.is_held {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            } else if delay.is_zero() {
                return way.pass(bytes);
            } else {
                let waited = self.changed.wait_timeout(state, delay);
                state = waited.unwrap_or_else(PoisonError::into_inner).0;
            }
        }
    }

    fn wait_for_cut(&self, joint: &Joint) {
        let mut state = self.state();
        while !joint.is_cut.load(Ordering::SeqCst) {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// One direction is over; the connection is, when both are.
    fn end(&self, joint: &Arc<Joint>) {
        if joint.open.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.cut(joint);
        }
    }

    pub(super) fn cut(&self, joint: &Arc<Joint>) {
        // Under the lock, or one that is about to wait would miss it.
        let mut state = self.state();
        joint.is_cut.store(true, Ordering::SeqCst);
        state.joints.retain(|other| !Arc::ptr_eq(other, joint));
        drop(state);
        self.changed.notify_all();
        joint.client.shutdown(Shutdown::Both);
        if let Some(server) = &joint.server {
            server.shutdown(Shutdown::Both);
        }
    }
}

impl State {
    pub(super) fn way(&mut self, direction: Direction) -> &mut Way {
        &mut self.ways[direction as usize]
    }
}

impl Way {
    fn pass(&mut self, bytes: usize) -> Verdict {
        if bytes == 0 {
            return Verdict::Pass;
        }
        let most = self.cut_after.and_then(|left| usize::try_from(left).ok());
        let passed = match most {
            Some(most) if most <= bytes => most,
            _ => bytes,
        };
        self.passed += passed as u64;
        if most.is_some_and(|most| most <= bytes) {
            self.cut_after = None;
            return Verdict::Cut(passed);
        }
        self.cut_after = self.cut_after.map(|left| left - passed as u64);
        Verdict::Pass
    }
}
