//! The one loop for readiness-based runtimes.

use std::fmt;
use std::future::{Future, Ready, ready};
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::BytesMut;
use tarantool_proto::ConnectionError;

use crate::address::Address;
use crate::driver::{Driver, Output};
use crate::sync::now;

/// A byte stream of a runtime: what an adapter gives to [`Drive`].
pub trait Transport: Unpin {
    /// Reads into the spare capacity of `input`, of which there is some, and returns how much; 0 is
    /// the end of the stream.
    ///
    /// # Errors
    /// The stream failed.
    fn poll_read(&mut self, cx: &mut Context<'_>, input: &mut BytesMut) -> Poll<io::Result<usize>>;

    /// Writes some of `output`, which is not empty, and returns how much.
    ///
    /// # Errors
    /// The stream failed.
    fn poll_write(&mut self, cx: &mut Context<'_>, output: &[u8]) -> Poll<io::Result<usize>>;

    /// Passes on what was written and is still held back, as streams with a buffer or with encryption
    /// do. By default there is nothing of that kind.
    ///
    /// # Errors
    /// The stream failed.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let _ = cx;
        Poll::Ready(Ok(()))
    }
}

impl<T: Transport + ?Sized> Transport for Box<T> {
    fn poll_read(&mut self, cx: &mut Context<'_>, input: &mut BytesMut) -> Poll<io::Result<usize>> {
        (**self).poll_read(cx, input)
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, output: &[u8]) -> Poll<io::Result<usize>> {
        (**self).poll_write(cx, output)
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        (**self).poll_flush(cx)
    }
}

/// A timer of a runtime: what an adapter gives to [`Drive`].
pub trait Timer: Unpin {
    /// Ready once `deadline` has passed. The deadline may differ from that of the call before.
    fn poll_deadline(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()>;

    /// Has the task polled again, after others that are ready to run.
    fn yield_now(&mut self, cx: &mut Context<'_>) {
        cx.waker().wake_by_ref();
    }
}

/// Opens a transport that was opened before, once: for a client [over one
/// stream](crate::Config::over_one_stream).
pub fn once<T>(transport: T) -> impl FnMut(Address) -> Ready<io::Result<T>> + Clone {
    let transport = Arc::new(Mutex::new(Some(transport)));
    move |_| {
        let transport = transport.lock().unwrap_or_else(PoisonError::into_inner).take();
        ready(transport.ok_or_else(|| io::ErrorKind::NotConnected.into()))
    }
}

/// A client being driven, over one connection after another: a future to spawn, done when the client
/// is over.
///
/// Each turn reads first, then writes, then looks at the time; neither of them ever waits for
/// another to become possible. Of many replies that were read together it tells in parts, with a write
/// between, and reads again after the last. After some turns without a pause it lets other tasks run.
#[must_use = "a connection does nothing unless its drive is polled"]
pub struct Drive<F, O, T, S> {
    driver: Driver,
    connect: F,
    link: Link<O, T>,
    timer: S,
    /// What the timer is set to.
    armed: Option<Instant>,
    input: BytesMut,
    output: Vec<u8>,
    written: usize,
    /// Whether nothing that was written may be held back by the transport.
    is_flushed: bool,
}

/// The transport, as far as it has come.
enum Link<O, T> {
    Closed,
    Opening { attempt: u64, opening: Pin<Box<O>> },
    Open(T),
}

/// Turns before other tasks get theirs.
const TURNS_MAX: usize = 16;

impl<F, O, T, S> Drive<F, O, T, S>
where
    F: FnMut(Address) -> O,
    O: Future<Output = io::Result<T>>,
    T: Transport,
    S: Timer,
{
    /// Drives `driver` over transports that `connect` opens when one is needed.
    pub fn new(driver: Driver, connect: F, timer: S) -> Self {
        Self {
            driver,
            connect,
            link: Link::Closed,
            timer,
            armed: None,
            input: BytesMut::new(),
            output: Vec::new(),
            written: 0,
            is_flushed: true,
        }
    }

    /// Reads, or opens what is to be read. Whether something happened.
    #[inline]
    fn read(&mut self, cx: &mut Context<'_>) -> bool {
        match &mut self.link {
            Link::Open(_) if self.driver.has_input() => false,
            Link::Open(transport) => {
                Driver::make_room(&mut self.input);
                match transport.poll_read(cx, &mut self.input) {
                    Poll::Pending => return false,
                    Poll::Ready(Ok(0)) => self.driver.handle_eof(),
                    Poll::Ready(Ok(read)) => self.take_in(read),
                    Poll::Ready(Err(error)) => self.driver.handle_failure(&error),
                }
                if !self.driver.is_connected() {
                    self.link = Link::Closed;
                }
                true
            }
            Link::Opening { attempt, opening } => {
                let attempt = *attempt;
                let Poll::Ready(opened) = opening.as_mut().poll(cx) else {
                    return false;
                };
                self.link = Link::Closed;
                match opened {
                    Ok(transport) => {
                        if self.driver.handle_connected(attempt) {
                            self.link = Link::Open(transport);
                        }
                    }
                    Err(error) => self.driver.handle_connect_failed(attempt, &error),
                }
                true
            }
            Link::Closed => false,
        }
    }

    /// Takes in what was just read, if something was, or the next part of what is left.
    #[inline]
    fn take_in(&mut self, read: usize) {
        self.driver.handle_part(&mut self.input, read);
        if !self.driver.is_connected() {
            self.link = Link::Closed;
        }
    }

    /// Takes in all that is left: answers that came before the connection's end, or a deadline, count.
    #[cold]
    fn take_in_rest(&mut self) {
        if self.driver.has_input() {
            self.driver.handle_input(&mut self.input, 0);
        }
    }

    #[cold]
    fn fail(&mut self, error: &impl fmt::Display) {
        self.take_in_rest();
        self.driver.handle_failure(error);
    }

    /// Whether something happened: something was written, or taken in instead, or the transport failed.
    #[inline]
    fn write(&mut self, cx: &mut Context<'_>) -> bool {
        let Link::Open(transport) = &mut self.link else {
            return false;
        };
        let rest = self.output.get(self.written..).unwrap_or_default();
        match transport.poll_write(cx, rest) {
            Poll::Pending if self.driver.has_input() => self.take_in(0),
            Poll::Pending => return self.driver.poll_blocked(cx).is_ready(),
            Poll::Ready(Ok(0)) => self.fail(&"it takes no more bytes"),
            Poll::Ready(Ok(count)) => {
                self.driver.handle_written(count);
                self.written += count;
                self.is_flushed = false;
                if self.written >= self.output.len() {
                    self.output.clear();
                    self.written = 0;
                }
            }
            Poll::Ready(Err(error)) => self.fail(&error),
        }
        true
    }

    /// Whether the transport failed in passing on what was written.
    #[inline]
    fn flush(&mut self, cx: &mut Context<'_>) -> bool {
        let Link::Open(transport) = &mut self.link else {
            return false;
        };
        match transport.poll_flush(cx) {
            Poll::Pending => false,
            Poll::Ready(Ok(())) => {
                self.is_flushed = true;
                false
            }
            Poll::Ready(Err(error)) => {
                self.fail(&error);
                true
            }
        }
    }

    /// Nothing of a lost connection is read or written any more.
    fn close(&mut self) {
        self.link = Link::Closed;
        self.input.clear();
        self.output.clear();
        self.written = 0;
        self.is_flushed = true;
    }

    /// One turn. Ready: it did something, go on; or the client is over.
    fn turn(&mut self, cx: &mut Context<'_>) -> Poll<Result<Turn, ConnectionError>> {
        let mut active = self.read(cx);
        if !self.driver.is_connected() {
            self.output.clear();
            self.written = 0;
        }
        if self.output.is_empty() {
            match self.driver.poll_output(cx, &mut self.output) {
                Poll::Ready(Ok(Output::Write)) => {}
                Poll::Ready(Ok(Output::Yield)) => return Poll::Ready(Ok(Turn::Yield)),
                Poll::Ready(Ok(Output::Input)) => {
                    self.take_in(0);
                    active = true;
                }
                Poll::Ready(Ok(Output::Connect { address, attempt })) => {
                    let opening = Box::pin((self.connect)(address));
                    self.link = Link::Opening { attempt, opening };
                    active = true;
                }
                Poll::Ready(Ok(Output::Close)) => {
                    self.close();
                    active = true;
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {}
            }
        }
        if !self.output.is_empty() {
            active |= self.write(cx);
        }
        if !self.is_flushed && self.output.is_empty() {
            active |= self.flush(cx);
        }
        if let Some(next) = self.driver.poll_timeout() {
            // An earlier setting is kept: it fires too early once, and is then set anew. So a
            // stream of requests with ever later deadlines leaves the timer alone.
            let armed = self.armed.filter(|armed| *armed <= next).unwrap_or(next);
            self.armed = Some(armed);
            if self.timer.poll_deadline(cx, armed).is_ready() {
                self.armed = None;
                self.take_in_rest();
                self.driver.handle_timeout(now());
                active = true;
            }
        }
        if active { Poll::Ready(Ok(Turn::Active)) } else { Poll::Pending }
    }
}

enum Turn {
    Active,
    Yield,
}

impl<F, O, T, S> Future for Drive<F, O, T, S>
where
    F: FnMut(Address) -> O + Unpin,
    O: Future<Output = io::Result<T>>,
    T: Transport,
    S: Timer,
{
    type Output = Result<(), ConnectionError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        for _ in 0..TURNS_MAX {
            match std::task::ready!(self.turn(cx)) {
                Ok(Turn::Active) => {}
                Ok(Turn::Yield) => break,
                Err(ConnectionError::Shutdown) => return Poll::Ready(Ok(())),
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        self.timer.yield_now(cx);
        Poll::Pending
    }
}

impl<F, O, T, S> fmt::Debug for Drive<F, O, T, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Drive").field("driver", &self.driver).finish_non_exhaustive()
    }
}
