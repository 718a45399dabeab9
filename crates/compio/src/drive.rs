//! The loop for completion-based I/O: buffers move into the kernel and come back.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::task::Poll;
use std::time::Instant;

use bytes::BytesMut;
use compio::buf::{BufResult, IntoInner, IoBuf, IoBufMut};
use compio::io::{AsyncRead, AsyncWrite};
use compio::time::sleep_until;
use tarantool_client::{ConnectionError, Driver, Output, Sleep, Timer};

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

/// Drives a connection to its end: reading, writing and the time, in turns of one task, neither of
/// them ever waiting for another.
pub(crate) async fn drive<R: AsyncRead, W: AsyncWrite>(driver: Driver, reader: R, writer: W) {
    let driver = RefCell::new(driver);
    let next = Cell::new(Next::Wait);
    let mut reading = pin!(read(&driver, &next, reader));
    let mut writing = pin!(write(&driver, &next, writer));
    let mut alarm = Sleep::new(sleep_until);
    let mut armed: Option<Instant> = None;
    poll_fn(|cx| {
        for _ in 0..TURNS_MAX {
            next.set(Next::Wait);
            if reading.as_mut().poll(cx).is_ready() || writing.as_mut().poll(cx).is_ready() {
                return Poll::Ready(());
            }
            let mut driver = driver.borrow_mut();
            if let Some(deadline) = driver.poll_timeout() {
                // An earlier setting is kept, and fires too early once: a stream of requests with ever
                // later deadlines leaves the timer alone.
                let at = armed.filter(|armed| *armed <= deadline).unwrap_or(deadline);
                armed = Some(at);
                if alarm.poll_deadline(cx, at).is_ready() {
                    armed = None;
                    driver.handle_timeout(Instant::now());
                    next.set(Next::Again);
                }
            }
            match next.get() {
                Next::Wait => return Poll::Pending,
                Next::Again => {}
                Next::Yield => break,
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
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
async fn read(driver: &RefCell<Driver>, next: &Cell<Next>, mut reader: impl AsyncRead) {
    let mut input = BytesMut::new();
    loop {
        Driver::make_room(&mut input);
        let BufResult(read, buffer) = reader.read(input.uninit()).await;
        input = buffer.into_inner();
        match read {
            Ok(count @ 1..) => {
                if driver.borrow_mut().handle_input(&mut input, count).is_err() {
                    return;
                }
            }
            // What is being written is the kernel's now: all of it may have left.
            Ok(_) => return drop(driver.borrow_mut().handle_eof(0)),
            Err(error) => return fail(driver, &error, &[]),
        }
        turn(next, Next::Again).await;
    }
}

/// Writes until the connection is over.
async fn write(driver: &RefCell<Driver>, next: &Cell<Next>, mut writer: impl AsyncWrite) {
    let mut output = Vec::new();
    loop {
        match poll_fn(|cx| driver.borrow_mut().poll_output(cx, &mut output)).await {
            Ok(Output::Write) => {}
            Ok(Output::Yield) => {
                turn(next, Next::Yield).await;
                continue;
            }
            Err(_) => return,
        }
        let mut written = 0;
        while written < output.len() {
            let mut writing = pin!(writer.write(output.slice(written..)));
            let wrote = poll_fn(|cx| {
                if let Poll::Ready(wrote) = writing.as_mut().poll(cx) {
                    return Poll::Ready(Some(wrote));
                }
                driver.borrow_mut().poll_blocked(cx).map(|_| None)
            });
            let Some(BufResult(wrote, buffer)) = wrote.await else {
                return;
            };
            output = buffer.into_inner();
            match wrote {
                Ok(count @ 1..) => {
                    driver.borrow_mut().handle_written(count);
                    written += count;
                }
                Ok(_) => return fail(driver, &io::ErrorKind::WriteZero.into(), &output[written..]),
                Err(error) => return fail(driver, &error, &output[written..]),
            }
        }
        output.clear();
        turn(next, Next::Again).await;
    }
}

fn fail(driver: &RefCell<Driver>, error: &io::Error, unwritten: &[u8]) {
    let error = ConnectionError::Transport(error.to_string().into());
    driver.borrow_mut().fail(error, unwritten.len());
}
