//! A host name with several addresses, whatever the runtime.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

/// Opens a stream to one of the `addresses` of a host, in their order: the first that `open` succeeds
/// with.
///
/// Each has its [share](share_until) of `limit`, so that an address which swallows packets leaves time
/// for those after it. `sleep` is that of the runtime. Adapters give the [connect
/// timeout](crate::Config::get_connect_timeout).
///
/// # Errors
/// That of the last address; [`NotFound`](io::ErrorKind::NotFound) without any.
pub async fn in_turn<A, O, S, T>(
    addresses: impl IntoIterator<Item = A>,
    limit: Option<Duration>,
    sleep: impl Fn(Duration) -> S,
    open: impl Fn(A) -> O,
) -> io::Result<T>
where
    O: Future<Output = io::Result<T>>,
    S: Future,
{
    let mut addresses: Vec<A> = addresses.into_iter().collect();
    addresses.reverse();
    let until = limit.and_then(|limit| Instant::now().checked_add(limit));
    let mut failure = no_address();
    while let Some(address) = addresses.pop() {
        let until = share_until(until, addresses.len());
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        let mut opening = pin!(open(address));
        let mut sleeping = pin!(left.map(&sleep));
        let opened = poll_fn(|cx| {
            if let Poll::Ready(opened) = opening.as_mut().poll(cx) {
                return Poll::Ready(opened);
            }
            match sleeping.as_mut().as_pin_mut().map(|sleeping| sleeping.poll(cx)) {
                Some(Poll::Ready(_)) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
                _ => Poll::Pending,
            }
        });
        match opened.await {
            Ok(stream) => return Ok(stream),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

/// Until when an address may take, if all are to be tried until then, and so many `others` after it:
/// a fair share of the time that is left.
#[must_use]
pub fn share_until(until: Option<Instant>, others: usize) -> Option<Instant> {
    let now = Instant::now();
    let left = until?.saturating_duration_since(now);
    now.checked_add(left / u32::try_from(others).unwrap_or(u32::MAX).saturating_add(1))
}

/// The failure of a host without an address.
#[must_use]
pub fn no_address() -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, "the host name has no address")
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::future::{pending, ready};
    use std::io::ErrorKind;
    use std::task::{Context, Waker};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn now<T>(future: impl Future<Output = T>) -> T {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(result) => result,
            Poll::Pending => panic!("it waits"),
        }
    }

    #[test]
    fn the_first_that_answers_is_taken_and_the_others_left_alone() {
        let tried = RefCell::new(Vec::new());
        let opened = now(in_turn(
            1..=4,
            Some(SECOND),
            |_| pending::<()>(),
            |address| {
                tried.borrow_mut().push(address);
                let refused = io::Error::from(ErrorKind::ConnectionRefused);
                ready(if address < 3 { Err(refused) } else { Ok(address * 10) })
            },
        ));
        assert_eq!((opened.unwrap(), tried.into_inner()), (30, vec![1, 2, 3]));
    }

    #[test]
    fn who_does_not_answer_has_a_share_of_the_time() {
        let slept = RefCell::new(Vec::new());
        let sleep = |left| {
            slept.borrow_mut().push(left);
            ready(())
        };
        // The time that the first leaves is shared by the others.
        let opened: io::Result<()> = now(in_turn(0..3, Some(3 * SECOND), sleep, |_| pending()));
        assert_eq!(opened.unwrap_err().kind(), ErrorKind::TimedOut);
        for (left, share) in
            slept.into_inner().into_iter().zip([SECOND, 3 * SECOND / 2, 3 * SECOND])
        {
            assert!(left <= share && left > share - SECOND / 2, "{left:?} of {share:?}");
        }
    }

    #[test]
    fn without_a_limit_and_without_an_address() {
        let sleep = |_| -> std::future::Ready<()> { panic!("without a limit") };
        assert_eq!(now(in_turn([7], None, sleep, |address| ready(Ok(address)))).unwrap(), 7);
        let none: io::Result<()> = now(in_turn([0; 0], None, sleep, |_| pending()));
        assert_eq!(none.unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(share_until(None, 1), None);
        let until = share_until(Some(Instant::now() + SECOND), usize::MAX).unwrap();
        assert!(until <= Instant::now());
    }
}
