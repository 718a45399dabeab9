//! The one loop for readiness-based runtimes.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::BytesMut;
use tarantool_proto::ConnectionError;

use crate::driver::{Driver, Output};

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
}

/// A timer of a runtime: what an adapter gives to [`Drive`].
pub trait Timer: Unpin {
    /// Ready once `deadline` has passed. The deadline may differ from that of the call before.
    fn poll_deadline(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()>;
}

/// A connection being driven: a future to spawn, done when the connection is over.
///
/// Each turn reads first, then writes, then looks at the time; neither of them ever waits for
/// another. After some turns without a pause it lets other tasks run.
#[must_use = "a connection does nothing unless its drive is polled"]
pub struct Drive<T, S> {
    driver: Driver,
    transport: T,
    timer: S,
    /// What the timer is set to.
    armed: Option<Instant>,
    input: BytesMut,
    output: Vec<u8>,
    written: usize,
}

/// Turns before other tasks get theirs.
const TURNS_MAX: usize = 16;

impl<T: Transport, S: Timer> Drive<T, S> {
    /// Drives `driver` over an open `transport`.
    pub fn new(driver: Driver, transport: T, timer: S) -> Self {
        Self {
            driver,
            transport,
            timer,
            armed: None,
            input: BytesMut::new(),
            output: Vec::new(),
            written: 0,
        }
    }

    /// Whether something was read.
    #[inline]
    fn read(&mut self, cx: &mut Context<'_>) -> Result<bool, ConnectionError> {
        Driver::make_room(&mut self.input);
        match self.transport.poll_read(cx, &mut self.input) {
            Poll::Pending => Ok(false),
            Poll::Ready(Ok(0)) => Err(self.driver.handle_eof(self.unwritten())),
            Poll::Ready(Ok(read)) => {
                self.driver.handle_input(&mut self.input, read)?;
                Ok(true)
            }
            Poll::Ready(Err(error)) => Err(self.fail(error.to_string())),
        }
    }

    /// Whether something was written.
    #[inline]
    fn write(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ConnectionError>> {
        let rest = self.output.get(self.written..).unwrap_or_default();
        match ready!(self.transport.poll_write(cx, rest)) {
            Ok(0) => Poll::Ready(Err(self.fail("it takes no more bytes".into()))),
            Ok(count) => {
                self.driver.handle_written(count);
                self.written += count;
                if self.written >= self.output.len() {
                    self.output.clear();
                    self.written = 0;
                }
                Poll::Ready(Ok(()))
            }
            Err(error) => Poll::Ready(Err(self.fail(error.to_string()))),
        }
    }

    fn unwritten(&self) -> usize {
        self.output.len() - self.written
    }

    /// The transport failed: everyone is told.
    #[cold]
    fn fail(&mut self, text: String) -> ConnectionError {
        let error = ConnectionError::Transport(text.into());
        self.driver.fail(error.clone(), self.unwritten());
        error
    }

    /// One turn. Ready: it did something, go on; or the connection is over.
    fn turn(&mut self, cx: &mut Context<'_>) -> Poll<Result<Turn, ConnectionError>> {
        let mut active = self.read(cx)?;
        if self.output.is_empty() {
            match self.driver.poll_output(cx, &mut self.output) {
                Poll::Ready(Ok(Output::Write)) => {}
                Poll::Ready(Ok(Output::Yield)) => return Poll::Ready(Ok(Turn::Yield)),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {}
            }
        }
        if !self.output.is_empty() {
            match self.write(cx) {
                Poll::Ready(written) => {
                    written?;
                    active = true;
                }
                Poll::Pending => {
                    if let Poll::Ready(over) = self.driver.poll_blocked(cx) {
                        return Poll::Ready(Err(over));
                    }
                }
            }
        }
        if let Some(next) = self.driver.poll_timeout() {
            // An earlier setting is kept: it fires too early once, and is then set anew. So a
            // stream of requests with ever later deadlines leaves the timer alone.
            let armed = self.armed.filter(|armed| *armed <= next).unwrap_or(next);
            self.armed = Some(armed);
            if self.timer.poll_deadline(cx, armed).is_ready() {
                self.armed = None;
                self.driver.handle_timeout(Instant::now());
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

impl<T: Transport, S: Timer> Future for Drive<T, S> {
    type Output = Result<(), ConnectionError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        for _ in 0..TURNS_MAX {
            match ready!(self.turn(cx)) {
                Ok(Turn::Active) => {}
                Ok(Turn::Yield) => break,
                Err(ConnectionError::Shutdown) => return Poll::Ready(Ok(())),
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<T, S> fmt::Debug for Drive<T, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Drive").field("driver", &self.driver).finish_non_exhaustive()
    }
}
