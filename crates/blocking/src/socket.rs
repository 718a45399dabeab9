//! A socket that blocks in reads and never in writes.

use std::io::{self, Read};
use std::os::fd::AsFd;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::BytesMut;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{SendFlags, Shutdown, send, shutdown};
use tarantool_client::{Interest, Socket};

/// A TCP or Unix stream whose read timeout is set to `tick`.
pub(crate) struct Stream<S> {
    stream: S,
    tick: Duration,
    /// Where bytes are read to, initialised once; only the thread that reads uses it.
    chunk: Mutex<Box<[u8]>>,
}

/// Writes don't block, and a peer that is gone is an error and no signal. Sockets of Apple's systems
/// are told the latter when they are opened.
#[cfg(not(target_vendor = "apple"))]
const SEND: SendFlags = SendFlags::DONTWAIT.union(SendFlags::NOSIGNAL);
#[cfg(target_vendor = "apple")]
const SEND: SendFlags = SendFlags::DONTWAIT;

/// Enough for the replies to one full write of requests.
const CHUNK_BYTES: usize = 64 << 10;

impl<S> Stream<S> {
    pub(crate) fn new(stream: S, tick: Duration) -> Self {
        Self { stream, tick, chunk: Mutex::new(vec![0; CHUNK_BYTES].into()) }
    }
}

impl<S> Socket for Stream<S>
where
    S: AsFd + Send + Sync,
    for<'a> &'a S: Read,
{
    fn send(&self, output: &[u8]) -> io::Result<usize> {
        Ok(send(&self.stream, output, SEND)?)
    }

    fn recv(&self, input: &mut BytesMut) -> io::Result<usize> {
        let mut chunk = self.chunk.lock().unwrap_or_else(PoisonError::into_inner);
        let read = (&self.stream).read(&mut chunk)?;
        input.extend_from_slice(chunk.get(..read).unwrap_or_default());
        Ok(read)
    }

    fn wait(&self, interest: Interest, timeout: Option<Duration>) -> io::Result<Interest> {
        wait(&self.stream, interest, timeout)
    }

    fn tick(&self) -> Duration {
        self.tick
    }

    fn shutdown(&self) {
        // It may be shut down or broken already.
        let _ = shutdown(&self.stream, Shutdown::Both);
    }
}

/// Whether something can be written within `timeout`, or writing has failed.
pub(crate) fn wait_writable(socket: &impl AsFd, timeout: Option<Duration>) -> io::Result<bool> {
    Ok(wait(socket, Interest { read: false, write: true }, timeout)?.write)
}

fn wait(socket: &impl AsFd, interest: Interest, timeout: Option<Duration>) -> io::Result<Interest> {
    let mut flags = PollFlags::empty();
    flags.set(PollFlags::IN, interest.read);
    flags.set(PollFlags::OUT, interest.write);
    let mut polled = [PollFd::new(socket, flags)];
    let timeout = timeout.map(|timeout| Timespec {
        tv_sec: timeout.as_secs().try_into().unwrap_or(i64::MAX),
        tv_nsec: timeout.subsec_nanos().into(),
    });
    match poll(&mut polled, timeout.as_ref()) {
        Ok(_) | Err(rustix::io::Errno::INTR) => {}
        Err(error) => return Err(error.into()),
    }
    let ready = polled.first().map_or(PollFlags::empty(), PollFd::revents);
    // An error or a hang-up shows in the next read or write.
    let ended = ready.intersects(PollFlags::ERR | PollFlags::HUP);
    Ok(Interest {
        read: interest.read && (ended || ready.contains(PollFlags::IN)),
        write: interest.write && (ended || ready.contains(PollFlags::OUT)),
    })
}
