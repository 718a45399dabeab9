//! tokio's sockets and timer, as the driving loop wants them.

use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::BytesMut;
use tarantool_client::{Timer, Transport};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::runtime::{Handle, RuntimeMetrics};
use tokio::task::yield_now;
use tokio::time::Sleep;

pub(crate) struct Socket<S>(pub(crate) S);

impl<S: AsyncRead + AsyncWrite + Unpin> Transport for Socket<S> {
    fn poll_read(&mut self, cx: &mut Context<'_>, input: &mut BytesMut) -> Poll<io::Result<usize>> {
        // The future holds no state between polls; it fills uninitialised memory without unsafe.
        pin!(self.0.read_buf(input)).poll(cx)
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, output: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, output)
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }
}

/// One timer for the whole connection, set anew when it has to fire at another time.
pub(crate) struct Alarm {
    sleep: Option<Pin<Box<Sleep>>>,
    runtime: RuntimeMetrics,
}

impl Alarm {
    pub(crate) fn new() -> Self {
        Self { sleep: None, runtime: Handle::current().metrics() }
    }
}

impl Timer for Alarm {
    fn poll_deadline(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        let deadline = deadline.into();
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        if sleep.deadline() != deadline {
            sleep.as_mut().reset(deadline);
        }
        sleep.as_mut().poll(cx)
    }

    /// A worker looks at the runtime's common queue, where the overflow of its own goes, only when its
    /// own is empty, or now and then. Beside a task that is always ready to run, as the driver's is
    /// under load, those in the common queue would get few turns: then it waits until this worker has
    /// nothing else to do, or has run a good number of them. No other worker takes it meanwhile.
    fn yield_now(&mut self, cx: &mut Context<'_>) {
        if self.runtime.global_queue_depth() > 0 {
            let _ = pin!(yield_now()).poll(cx);
        } else {
            cx.waker().wake_by_ref();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc::channel;

    use tokio::runtime::Builder;

    use super::*;

    /// Tasks that another thread spawns are in the common queue.
    #[test]
    fn those_in_the_common_queue_have_their_turn_too() {
        let runtime = Builder::new_multi_thread().worker_threads(1).build().unwrap();
        let (begun, begins) = channel();
        let (spawned, spawns) = channel();
        let ran = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&ran);
        let busy = runtime.spawn(async move {
            begun.send(()).unwrap();
            spawns.recv().unwrap();
            let mut alarm = Alarm::new();
            let mut has_yielded = false;
            poll_fn(move |cx| {
                if std::mem::replace(&mut has_yielded, true) {
                    return Poll::Ready(seen.load(Ordering::SeqCst));
                }
                alarm.yield_now(cx);
                Poll::Pending
            })
            .await
        });
        begins.recv().unwrap();
        for _ in 0..100 {
            let ran = Arc::clone(&ran);
            runtime.spawn(async move { ran.fetch_add(1, Ordering::SeqCst) });
        }
        spawned.send(()).unwrap();
        // A worker looks at the deferred ones every 61 tasks as well.
        let ran = runtime.block_on(busy).unwrap();
        assert!(ran > 50, "{ran} of 100");
    }
}
