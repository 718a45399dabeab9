//! The loop for completion-based I/O: buffers move into the kernel and come back.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Instant;

use bytes::BytesMut;
use compio::buf::{BufResult, IntoInner, IoBuf, IoBufMut};
use compio::io::{AsyncRead, AsyncWrite};
use compio::time::sleep_until;
use tarantool_client::{Address, ConnectionError, Driver, Output, Sleep, Timer};

/// Turns before other tasks get theirs.
const TURNS_MAX: usize = 16;

/// What the connection's task does once each of its parts has had a turn.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    /// Nothing until something happens.
    Wait,
    /// Another turn: there may be more to do.
    Again,
    /// Another turn after those of other tasks.
    Yield,
}

/// An open stream, as what transfers its bytes.
pub(crate) type Link = Box<dyn Transfer>;

pub(crate) trait Transfer {
    /// Reads and writes until the connection is lost.
    fn transfer<'a>(self: Box<Self>, shared: &'a Shared) -> Pin<Box<dyn Future<Output = ()> + 'a>>;
}

impl<R: AsyncRead + 'static, W: AsyncWrite + 'static> Transfer for (R, W) {
    fn transfer<'a>(self: Box<Self>, shared: &'a Shared) -> Pin<Box<dyn Future<Output = ()> + 'a>> {
        let (reader, writer) = *self;
        Box::pin(async {
            let mut reading = pin!(read(shared, reader));
            let failed = |error: io::Error| shared.driver.borrow_mut().handle_failure(&error);
            let mut writing = pin!(async { write(shared, writer).await.unwrap_or_else(failed) });
            poll_fn(|cx| {
                if reading.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(());
                }
                writing.as_mut().poll(cx)
            })
            .await;
        })
    }
}

/// What the parts of the task share.
pub(crate) struct Shared {
    driver: RefCell<Driver>,
    next: Cell<Next>,
}

/// Drives a client to its end, in turns of one task: reading, writing and the time, neither of them
/// ever waiting for another.
pub(crate) async fn drive<O>(driver: Driver, mut open: impl FnMut(Address) -> O)
where
    O: Future<Output = io::Result<Link>>,
{
    let shared = Shared { driver: RefCell::new(driver), next: Cell::new(Next::Wait) };
    let alarm = &mut Alarm { timer: Sleep::new(sleep_until), armed: None };
    while let Some((address, attempt)) = shared.run(alarm, wanted(&shared)).await {
        match shared.run(alarm, opened(&shared, open(address))).await {
            Some(Ok(link)) if shared.driver.borrow_mut().handle_connected(attempt) => {
                shared.run(alarm, link.transfer(&shared)).await;
            }
            Some(Err(error)) => shared.driver.borrow_mut().handle_connect_failed(attempt, &error),
            _ => {}
        }
    }
}

struct Alarm<T> {
    timer: T,
    armed: Option<Instant>,
}

impl Shared {
    /// Runs a part of the task to its end, and lets time pass meanwhile.
    async fn run<T>(&self, alarm: &mut Alarm<impl Timer>, part: impl Future<Output = T>) -> T {
        let mut part = pin!(part);
        poll_fn(|cx| {
            for _ in 0..TURNS_MAX {
                self.next.set(Next::Wait);
                if let Poll::Ready(result) = part.as_mut().poll(cx) {
                    return Poll::Ready(result);
                }
                let mut driver = self.driver.borrow_mut();
                if let Some(deadline) = driver.poll_timeout() {
                    // An earlier setting is kept, and fires too early once: a stream of requests with
                    // ever later deadlines leaves the timer alone.
                    let at = alarm.armed.filter(|armed| *armed <= deadline).unwrap_or(deadline);
                    alarm.armed = Some(at);
                    if alarm.timer.poll_deadline(cx, at).is_ready() {
                        alarm.armed = None;
                        driver.handle_timeout(Instant::now());
                        self.next.set(Next::Again);
                    }
                }
                match self.next.get() {
                    Next::Wait => return Poll::Pending,
                    Next::Again => {}
                    Next::Yield => break,
                }
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await
    }

    async fn output(&self, output: &mut Vec<u8>) -> Result<Output, ConnectionError> {
        poll_fn(|cx| self.driver.borrow_mut().poll_output(cx, output)).await
    }
}

/// What is to be opened; `None`: nothing ever more.
async fn wanted(shared: &Shared) -> Option<(Address, u64)> {
    while let Ok(output) = shared.output(&mut Vec::new()).await {
        if let Output::Connect { address, attempt } = output {
            return Some((address, attempt));
        }
    }
    None
}

/// What came of opening; `None`: it is not wanted any more.
async fn opened<T>(shared: &Shared, opening: impl Future<Output = T>) -> Option<T> {
    let mut opening = pin!(opening);
    poll_fn(|cx| {
        if let Poll::Ready(opened) = opening.as_mut().poll(cx) {
            return Poll::Ready(Some(opened));
        }
        // Before there is a transport, anything but waiting means that.
        pin!(shared.output(&mut Vec::new())).poll(cx).map(|_| None)
    })
    .await
}

/// Lets the other parts of the task have their turns.
async fn turn(next: &Cell<Next>, wanted: Next) {
    let mut is_over = false;
    poll_fn(|_| {
        if std::mem::replace(&mut is_over, true) {
            return Poll::Ready(());
        }
        next.set(wanted);
        Poll::Pending
    })
    .await;
}

/// Reads until the connection is over.
async fn read(shared: &Shared, mut reader: impl AsyncRead) {
    let mut input = BytesMut::new();
    loop {
        Driver::make_room(&mut input);
        let BufResult(read, buffer) = reader.read(input.uninit()).await;
        input = buffer.into_inner();
        match read {
            Ok(count @ 1..) => shared.driver.borrow_mut().handle_input(&mut input, count),
            Ok(_) => shared.driver.borrow_mut().handle_eof(),
            Err(error) => shared.driver.borrow_mut().handle_failure(&error),
        }
        if !shared.driver.borrow().is_connected() {
            return;
        }
        turn(&shared.next, Next::Again).await;
    }
}

/// Writes until the connection is over.
async fn write(shared: &Shared, mut writer: impl AsyncWrite) -> io::Result<()> {
    let mut output = Vec::new();
    loop {
        match shared.output(&mut output).await {
            Ok(Output::Write) => {}
            Ok(Output::Yield) => {
                turn(&shared.next, Next::Yield).await;
                continue;
            }
            _ => return Ok(()),
        }
        // What is being written is the kernel's: all of it may leave.
        shared.driver.borrow_mut().handle_submitted();
        let mut written = 0;
        while written < output.len() {
            let mut writing = pin!(writer.write(output.slice(written..)));
            let wrote = poll_fn(|cx| {
                if let Poll::Ready(wrote) = writing.as_mut().poll(cx) {
                    return Poll::Ready(Some(wrote));
                }
                shared.driver.borrow_mut().poll_blocked(cx).map(|_| None)
            });
            let Some(BufResult(wrote, buffer)) = wrote.await else {
                return Ok(());
            };
            output = buffer.into_inner();
            match wrote? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                count => {
                    shared.driver.borrow_mut().handle_written(count);
                    written += count;
                }
            }
        }
        output.clear();
        writer.flush().await?;
        turn(&shared.next, Next::Again).await;
    }
}
