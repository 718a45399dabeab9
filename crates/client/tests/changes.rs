//! Changes over a scripted transport: writing never holds reading up, and what the server said last
//! is told, whatever became of the writes.

use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use tarantool_client::{
    Changes, Config, ConnectionError, Error, ErrorKind, Follow, FollowError, Opening, Timer,
    Transport,
};

const GREETING: &[u8; 128] = b"Tarantool 2.10.0 (Binary) \
    11111111-1111-4111-8111-111111111111 \n\
    AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=                   \n";
/// Replies to ID, to the vote with an empty ballot, and to the questions for the replica set.
const LOGIN: &[u8] = b"\x05\x82\x00\x00\x01\x05\
    \x08\x82\x00\x00\x01\x02\x81\x29\x80\
    \x37\x82\x00\x00\x01\x06\x81\x30\x91\x92\xa7cluster\xd9\x24\
    22222222-2222-4222-8222-222222222222\
    \x08\x82\x00\x00\x01\x07\x81\x30\x90";
const SUBSCRIBED: &[u8] = b"\x05\x82\x00\x00\x01\x04";
const HEARTBEAT: &[u8] = b"\x05\x82\x00\x00\x01\x04";
/// A heartbeat, which wants an answer, and an insert of [7] into the space 512.
const ROWS: &[u8] = b"\x05\x82\x00\x00\x01\x04\
    \x11\x84\x00\x02\x01\x04\x02\x01\x03\x01\x82\x10\xcd\x02\x00\x21\x91\x07";
/// Error 32 "bye", as the reply to the subscription.
const ERROR: &[u8] = b"\x0d\x82\x00\xcd\x80\x20\x01\x04\x81\x31\xa3bye";

/// What a read brings, one after another; then the end, or nothing for ever.
struct Script {
    reads: Vec<io::Result<&'static [u8]>>,
    ends: bool,
    /// Bytes that it takes before it takes no more.
    takes: usize,
    then: fn() -> Poll<io::Result<usize>>,
    /// How many writes were not taken.
    refused: Arc<AtomicUsize>,
}

impl Transport for Script {
    fn poll_read(&mut self, _: &mut Context<'_>, input: &mut BytesMut) -> Poll<io::Result<usize>> {
        if self.reads.is_empty() {
            return if self.ends { Poll::Ready(Ok(0)) } else { Poll::Pending };
        }
        let read = self.reads.remove(0)?;
        input.extend_from_slice(read);
        Poll::Ready(Ok(read.len()))
    }

    fn poll_write(&mut self, _: &mut Context<'_>, output: &[u8]) -> Poll<io::Result<usize>> {
        let taken = output.len().min(self.takes).min(7);
        if taken == 0 {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return (self.then)();
        }
        self.takes -= taken;
        Poll::Ready(Ok(taken))
    }
}

/// Whose deadlines are over as soon as they are waited for.
struct Hasty;

impl Timer for Hasty {
    fn poll_deadline(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        if deadline > Instant::now() {
            std::thread::sleep(deadline - Instant::now());
        }
        cx.waker().wake_by_ref();
        Poll::Ready(())
    }
}

fn now<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    for _ in 0..1000 {
        if let Poll::Ready(done) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return done;
        }
    }
    panic!("it waits");
}

fn opened(script: Script, timeout: Duration) -> Result<Changes, Error> {
    let config = Config::parse("host:1?connect_timeout=100ms").unwrap();
    let follow = Follow::after(Default::default()).heartbeat_timeout(timeout);
    now(Opening::begin(&config).changes(&follow, script, Hasty))
}

fn script(then: fn() -> Poll<io::Result<usize>>, last: io::Result<&'static [u8]>) -> Script {
    let reads = vec![Ok(&GREETING[..]), Ok(LOGIN), Ok(SUBSCRIBED), Ok(ROWS), last];
    Script { reads, ends: true, takes: usize::MAX, then, refused: Arc::default() }
}

fn kind(error: &Error) -> &FollowError {
    match error.kind() {
        ErrorKind::Changes(why) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_stuck_write_holds_no_change_up() {
    for takes in [0, 10, usize::MAX] {
        let mut script = script(|| Poll::Pending, Ok(ERROR));
        script.takes = takes;
        let mut changes = opened(script, Duration::from_secs(5)).unwrap();
        let change = now(changes.next()).unwrap().unwrap();
        assert_eq!(change.decode(), Ok((7,)));
        let error = now(changes.next()).unwrap().unwrap_err();
        assert!(matches!(kind(&error), FollowError::Stopped(why) if why.message() == "bye"));
        assert!(now(changes.next()).is_none());
    }
}

#[test]
fn a_failed_write_hides_nothing_that_was_said() {
    let broken: fn() -> _ = || Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
    let zero: fn() -> _ = || Poll::Ready(Ok(0));
    // In the questions at first, in the subscription, in an acknowledgement.
    for (takes, then) in (0..300).step_by(5).flat_map(|takes| [(takes, broken), (takes, zero)]) {
        let mut script = script(then, Ok(HEARTBEAT));
        script.reads.extend([Ok(HEARTBEAT), Ok(ERROR)]);
        script.takes = takes;
        let refused = Arc::clone(&script.refused);
        let mut changes = opened(script, Duration::from_secs(5)).unwrap();
        assert!(now(changes.next()).unwrap().is_ok());
        let error = now(changes.next()).unwrap().unwrap_err();
        assert!(matches!(kind(&error), FollowError::Stopped(_)), "{error}");
        // Nothing is written behind half of a packet.
        let refused = refused.load(Ordering::Relaxed);
        assert!(refused == 1 || (takes > 200 && refused == 0), "{takes}: {refused}");
    }
}

#[test]
fn a_failed_read_is_the_end() {
    let reset = Err(io::ErrorKind::ConnectionReset.into());
    let mut changes = opened(script(|| Poll::Pending, reset), Duration::ZERO).unwrap();
    assert!(now(changes.next()).unwrap().is_ok());
    let error = now(changes.next()).unwrap().unwrap_err();
    let failed = matches!(kind(&error), FollowError::Connection(ConnectionError::Transport(_)));
    assert!(failed && error.is_retry_safe(), "{error}");
    assert_eq!(changes.vclock().unwrap().to_string(), "{1: 1}");
}

#[test]
fn silence_is_noticed() {
    let mut script = script(|| Poll::Pending, Ok(b"\x00"));
    script.reads.pop();
    script.ends = false;
    let mut changes = opened(script, Duration::from_millis(20)).unwrap();
    assert!(now(changes.next()).unwrap().is_ok());
    let error = now(changes.next()).unwrap().unwrap_err();
    assert_eq!(kind(&error), &FollowError::Silent { millis: 20 });
    assert!(error.is_timeout());
    assert!(error.to_string().starts_with("changes from host:1 ended: nothing came"), "{error}");
}

#[test]
fn the_opening_has_a_limit_and_its_errors_are_those_of_connecting() {
    let silent = |reads, ends| Script { reads, ends, ..script(|| Poll::Pending, Ok(&[])) };
    let error = opened(silent(vec![Ok(&GREETING[..])], false), Duration::ZERO).unwrap_err();
    let kind = error.kind();
    assert!(matches!(kind, ErrorKind::Connect(ConnectionError::HandshakeTimedOut { .. })));
    let error = opened(silent(vec![Ok(&GREETING[..])], true), Duration::ZERO).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Connect(ConnectionError::Closed { .. })), "{error}");
    assert!(error.to_string().starts_with("connecting to host:1 failed"), "{error}");
}
