//! Requests, rollbacks and wakers on one connection.

use std::any::Any;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

use tarantool_client::{Config, Outcome, Output};
use tarantool_testkit::conformance::packets::ok;

use crate::link::*;

/// The server would hold the transaction open for as long as the connection lives.
#[test]
fn a_rollback_that_finds_no_place_in_time_is_tried_again() {
    let limits = |config: Config| config.in_flight_max(1).close_timeout(Duration::from_millis(30));
    let mut link = Link::ready(limits);
    let transaction = link.begin();
    let _long = link.client.with_timeout(Duration::ZERO).call::<()>("long", ());
    let sent = link.write();
    drop(transaction);
    for _ in 0..3 {
        assert_eq!(link.kinds(), [0; 0]);
        thread::sleep(Duration::from_millis(40));
        link.driver.handle_timeout(Instant::now());
    }
    link.feed(&ok(sent[0].sync));
    assert_eq!(link.kinds(), [ROLLBACK]);
}

#[test]
fn a_rollback_that_is_not_written_in_time_is_tried_again() {
    let mut link = Link::ready(|config| config.close_timeout(Duration::from_millis(30)));
    let transaction = link.begin();
    drop(transaction);
    thread::sleep(Duration::from_millis(40));
    link.driver.handle_timeout(Instant::now());
    // What timed out in the queue has become a ping.
    assert_eq!(link.kinds(), [PING, ROLLBACK]);
}

/// A waker that owns what drops with it, as that of a task may.
struct Owner {
    _owned: Mutex<Option<Box<dyn Any + Send>>>,
}

impl Wake for Owner {
    fn wake(self: Arc<Self>) {}
}

#[test]
fn a_waker_that_owns_a_reply_of_the_connection_may_be_replaced() {
    let (done, over) = channel();
    thread::spawn(move || {
        let link = Link::ready(|config| config);
        let mut reply = pin!(link.client.call::<()>("f", ()));
        let other = link.client.call::<()>("g", ());
        let owner = Waker::from(Arc::new(Owner { _owned: Mutex::new(Some(Box::new(other))) }));
        assert!(reply.as_mut().poll(&mut Context::from_waker(&owner)).is_pending());
        drop(owner);
        assert!(poll(reply.as_mut()).is_pending());
        done.send(()).unwrap();
    });
    over.recv_timeout(Duration::from_secs(5)).expect("it waits for a lock that it holds");
}

struct Flag(AtomicBool);
impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Partial write, reply read meanwhile, the rest written, driver dropped.
#[test]
fn what_was_written_counts_so_when_the_driver_is_dropped() {
    let mut link = Link::ready(|config| config);
    let mut first = pin!(link.client.call::<()>("a", ()));
    let sent = link.write();
    let mut second = pin!(link.client.call::<()>("b", ()));
    let mut output = Vec::new();
    loop {
        match link.driver.poll_output(&mut cx(), &mut output) {
            Poll::Ready(Ok(Output::Write)) => break,
            Poll::Ready(Ok(Output::Yield)) => {}
            other => panic!("{other:?}"),
        }
    }
    // The write blocks; the reply to the first is read.
    assert!(link.driver.poll_blocked(&mut cx()).is_pending());
    link.feed(&ok(sent[0].sync));
    let _ = poll(first.as_mut());
    // Now all of it is written.
    link.driver.handle_written(output.len());
    output.clear();
    loop {
        match link.driver.poll_output(&mut cx(), &mut output) {
            Poll::Pending => break,
            Poll::Ready(Ok(Output::Yield)) => {}
            o => panic!("{o:?}"),
        }
    }
    let Link { client: _client, driver, .. } = link;
    drop(driver);
    match poll(second.as_mut()) {
        Poll::Ready(Err(error)) => {
            assert_eq!(error.outcome(), Outcome::MaybeExecuted, "{error}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_place_that_a_dropped_request_frees_is_taken_at_once() {
    let mut link = Link::ready(|config| config.in_flight_max(1));
    let first = link.client.call::<()>("a", ());
    assert_eq!(link.write().len(), 1);
    let _second = link.client.call::<()>("b", ());
    let flag = Arc::new(Flag(false.into()));
    let waker = Waker::from(Arc::clone(&flag));
    assert!(
        link.driver.poll_output(&mut Context::from_waker(&waker), &mut Vec::new()).is_pending()
    );
    drop(first);
    let woken = flag.0.load(Ordering::SeqCst);
    let would_write = link.write().len();
    assert_eq!(would_write, 1);
    assert!(woken, "the driver has something to write and was not woken");
}

#[test]
fn a_rollback_without_time_does_not_spin() {
    let mut link = Link::ready(|config| config.close_timeout(Duration::ZERO));
    let transaction = link.begin();
    let _first = link.client.call::<()>("a", ());
    let mut output = Vec::new();
    while !matches!(link.driver.poll_output(&mut cx(), &mut output), Poll::Ready(Ok(Output::Write)))
    {
    }
    drop(transaction);
    // The write is blocked.
    let mut due = 0;
    for _ in 0..10_000 {
        assert!(link.driver.poll_blocked(&mut cx()).is_pending());
        if link.driver.poll_timeout().is_some_and(|at| at <= Instant::now()) {
            due += 1;
            link.driver.handle_timeout(Instant::now());
        }
    }
    assert!(due < 10, "due {due} times in a row; queued {}", link.client.queued_bytes());
}

#[test]
fn the_last_reply_that_is_dropped_ends_a_closing_client() {
    let mut link = Link::ready(|config| config);
    let first = link.client.call::<()>("a", ());
    let _ = link.write();
    link.client.close();
    let sent = link.write(); // last ping
    assert_eq!(sent[0].kind, PING);
    link.feed(&ok(sent[0].sync));
    let flag = Arc::new(Flag(false.into()));
    let waker = Waker::from(Arc::clone(&flag));
    loop {
        match link.driver.poll_output(&mut Context::from_waker(&waker), &mut Vec::new()) {
            Poll::Pending => break,
            Poll::Ready(Ok(Output::Yield)) => {}
            o => panic!("{o:?}"),
        }
    }
    drop(first);
    let woken = flag.0.load(Ordering::SeqCst);
    assert!(link.driver.poll_output(&mut cx(), &mut Vec::new()).is_ready(), "nothing to do");
    assert!(woken, "not woken");
}

#[test]
fn a_write_that_stays_blocked_holds_a_closing_client_for_its_close_timeout() {
    let mut link = Link::ready(|config| config.close_timeout(Duration::from_millis(20)));
    let mut call = pin!(link.client.call::<()>("a", ()));
    let mut output = Vec::new();
    while !matches!(link.driver.poll_output(&mut cx(), &mut output), Poll::Ready(Ok(Output::Write)))
    {
    }
    let start = Instant::now();
    link.client.close();
    while link.driver.poll_blocked(&mut cx()).is_pending() {
        assert!(poll(call.as_mut()).is_pending());
        let due = link.driver.poll_timeout().unwrap();
        assert!(due <= start + Duration::from_secs(1), "it would wait for longer");
        thread::sleep(due.saturating_duration_since(Instant::now()));
        link.driver.handle_timeout(Instant::now());
    }
    assert!(start.elapsed() >= Duration::from_millis(20), "given up too early");
    assert!(!link.driver.is_connected());
    let Poll::Ready(Err(error)) = poll(call.as_mut()) else { panic!("nobody told the caller") };
    // Not one byte of it was reported as written.
    assert_eq!(error.outcome(), Outcome::NotSent, "{error}");
    let failure = link.client.failure().map(|error| error.to_string()).unwrap_or_default();
    assert_eq!(failure, "the client was closed");
}

/// Such as that a key is watched: it has no reply.
#[test]
fn a_blocked_write_that_nobody_waits_for_does_not_hold_a_closing_client() {
    let mut link = Link::ready(|config| config);
    let _watcher = link.client.watch("key");
    let mut output = Vec::new();
    while !matches!(link.driver.poll_output(&mut cx(), &mut output), Poll::Ready(Ok(Output::Write)))
    {
    }
    assert!(link.driver.poll_blocked(&mut cx()).is_pending());
    link.client.close();
    assert!(link.driver.poll_blocked(&mut cx()).is_ready());
    assert!(!link.driver.is_connected());
}

#[test]
fn who_gives_up_waiting_for_a_status_is_forgotten() {
    let link = Link::ready(|config| config);
    let seen = link.client.status();
    let flags: Vec<_> = (0..1000)
        .map(|_| {
            let flag = Arc::new(Flag(false.into()));
            let waker = Waker::from(Arc::clone(&flag));
            {
                let mut changed = pin!(link.client.status_changed(&seen));
                assert!(changed.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
            }
            flag
        })
        .collect();
    let kept = flags.iter().filter(|flag| Arc::strong_count(flag) > 1).count();
    assert!(kept < 100, "{kept} wakers are kept");
}
