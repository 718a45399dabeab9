//! Replies that come together are told of in parts, so that the next requests of some are written
//! before the others go on.

use std::collections::VecDeque;
use std::future::{Future, ready};
use std::io;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use tarantool_client::{
    Batching, Client, Config, Drive, Error, Output, Pending, Timer, Transport, connect,
};
use tarantool_testkit::conformance::packets::{GREETING, id_unknown, ok, parse};

use crate::link::*;

/// Those that are answered are taken out.
fn answered(calls: &mut Vec<Pending<()>>) -> Vec<Result<(), Error>> {
    let mut results = Vec::new();
    calls.retain_mut(|call| match poll(Pin::new(call)) {
        Poll::Ready(result) => {
            results.push(result);
            false
        }
        Poll::Pending => true,
    });
    results
}

fn pings(client: &Client, count: usize) -> Vec<Pending<()>> {
    (0..count).map(|_| client.ping()).collect()
}

/// So many pings, and the replies to them.
fn asked(link: &mut Link, count: usize) -> (Vec<Pending<()>>, Vec<u8>) {
    let calls = pings(&link.client, count);
    let replies = link.write().iter().flat_map(|request| ok(request.sync)).collect();
    (calls, replies)
}

#[test]
fn the_first_of_many_go_on_before_the_others_are_told() {
    let mut link = Link::ready(|config| config);
    let (mut calls, replies) = asked(&mut link, 40);
    link.feed(&replies);
    assert_eq!(answered(&mut calls).len(), 7, "a sixth of 40");
    assert!(link.driver.has_input());
    let next = pings(&link.client, 7);
    let mut output = Vec::new();
    let decision = link.driver.poll_output(&mut cx(), &mut output);
    assert!(matches!(decision, Poll::Ready(Ok(Output::Write))), "{decision:?}");
    let mut rest = output.as_slice();
    let mut written = 0;
    while let Some((_, length)) = parse(rest) {
        rest = &rest[length..];
        written += 1;
    }
    assert_eq!(written, 7);
    // One turn for those who were answered, then the next. All of them go on.
    let mut told = Vec::new();
    let mut next = next;
    while link.driver.has_input() {
        match link.driver.poll_output(&mut cx(), &mut Vec::new()) {
            Poll::Ready(Ok(Output::Yield | Output::Write)) => {}
            Poll::Ready(Ok(Output::Input)) => {
                link.driver.handle_part(&mut link.input, 0);
                told.push(answered(&mut calls).len());
                next.extend(pings(&link.client, 7));
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(told, [7, 7, 7, 7, 5], "5 are more than a third of 12");
    assert!(calls.is_empty());
    assert!(link.input.is_empty());
}

/// As other threads may, while something is written.
#[test]
fn those_who_keep_queueing_do_not_keep_others_from_being_told() {
    let mut link = Link::ready(|config| config);
    let (mut calls, replies) = asked(&mut link, 40);
    link.feed(&replies);
    let mut others = Vec::new();
    let mut told = vec![answered(&mut calls).len()];
    let mut writes = 0;
    while link.driver.has_input() {
        let mut output = Vec::new();
        match link.driver.poll_output(&mut cx(), &mut output) {
            Poll::Ready(Ok(Output::Write)) => writes += 1,
            Poll::Ready(Ok(Output::Yield)) => {}
            Poll::Ready(Ok(Output::Input)) => {
                link.driver.handle_part(&mut link.input, 0);
                told.push(answered(&mut calls).len());
            }
            other => panic!("{other:?}"),
        }
        others.extend(pings(&link.client, 7));
        assert!(writes <= 8 * told.len(), "{told:?}");
    }
    assert!(calls.is_empty(), "{told:?}");
}

#[test]
fn each_part_has_its_turn() {
    let mut link = Link::ready(|config| config);
    let (mut calls, replies) = asked(&mut link, 60);
    link.feed(&replies);
    // Nobody goes on.
    for _ in 0..2 {
        answered(&mut calls);
        let outputs = [(); 2].map(|()| link.driver.poll_output(&mut cx(), &mut Vec::new()));
        let expected = [Output::Yield, Output::Input].map(|output| Poll::Ready(Ok(output)));
        assert_eq!(outputs, expected);
        link.driver.handle_part(&mut link.input, 0);
    }
}

#[test]
fn a_small_rest_is_told_with_the_part_before() {
    let mut link = Link::ready(|config| config);
    let (mut calls, replies) = asked(&mut link, 40);
    let each = replies.len() / 40;
    let (first, rest) = replies.split_at(10 * each);
    link.feed(first);
    assert_eq!(answered(&mut calls).len(), 10, "3 beyond the part of 7");
    assert!(!link.driver.has_input());
    let _next = pings(&link.client, 10);
    link.feed(&rest[..11 * each]);
    assert_eq!(answered(&mut calls).len(), 7, "4 are more than a third of 11");
    assert!(link.driver.has_input());
}

#[test]
fn few_are_told_at_once() {
    let mut link = Link::ready(|config| config);
    let (mut calls, replies) = asked(&mut link, 31);
    link.feed(&replies);
    assert_eq!(answered(&mut calls).len(), 31);
    assert!(!link.driver.has_input());
}

#[test]
fn a_loop_may_tell_all_at_once() {
    let mut link = Link::ready(|config| config);
    let (mut calls, replies) = asked(&mut link, 100);
    link.input.extend_from_slice(&replies);
    link.driver.handle_input(&mut link.input, replies.len());
    assert_eq!(answered(&mut calls).len(), 100);
    assert!(!link.driver.has_input());
}

#[test]
fn other_policies_tell_all_at_once() {
    let mut link = Link::ready(|config| config.batching(Batching::immediate()));
    let (mut calls, replies) = asked(&mut link, 100);
    link.feed(&replies);
    assert_eq!(answered(&mut calls).len(), 100);
}

#[test]
fn what_is_left_goes_with_its_connection() {
    let mut link = Link::ready(|config| config);
    let (mut calls, replies) = asked(&mut link, 40);
    link.feed(&replies);
    assert!(link.driver.has_input());
    link.driver.handle_failure(&"gone");
    assert!(!link.driver.has_input());
    // The others are pings, which go out again.
    assert_eq!(answered(&mut calls).len(), 7);
    link.input.clear();
    link.connect();
    assert!(!link.driver.has_input(), "the next connection has nothing yet");
}

/// A server that answers what is written once it is told to, and how the transport writes.
#[derive(Default)]
struct Peer {
    to_read: VecDeque<u8>,
    written: Vec<u8>,
    held: Vec<u8>,
    holds: bool,
    writes: Writes,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Writes {
    #[default]
    All,
    Blocked,
    Broken,
}

impl Peer {
    fn take(&mut self, output: &[u8]) {
        self.written.extend_from_slice(output);
        let mut at = 0;
        while let Some((request, length)) = parse(&self.written[at..]) {
            at += length;
            let is_id = request.kind == tarantool_testkit::conformance::packets::ID;
            let reply = if is_id { id_unknown(request.sync) } else { ok(request.sync) };
            if self.holds { self.held.extend(reply) } else { self.to_read.extend(reply) }
        }
        self.written.drain(..at);
    }
}

struct Scripted(Arc<Mutex<Peer>>);

impl Transport for Scripted {
    fn poll_read(&mut self, _: &mut Context<'_>, input: &mut BytesMut) -> Poll<io::Result<usize>> {
        let bytes: Vec<u8> = self.0.lock().unwrap().to_read.drain(..).collect();
        input.extend_from_slice(&bytes);
        if bytes.is_empty() { Poll::Pending } else { Poll::Ready(Ok(bytes.len())) }
    }

    fn poll_write(&mut self, _: &mut Context<'_>, output: &[u8]) -> Poll<io::Result<usize>> {
        let mut peer = self.0.lock().unwrap();
        match peer.writes {
            Writes::All => peer.take(output),
            Writes::Blocked => return Poll::Pending,
            Writes::Broken => return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
        Poll::Ready(Ok(output.len()))
    }
}

struct Clock;

impl Timer for Clock {
    fn poll_deadline(&mut self, _: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        if deadline <= Instant::now() { Poll::Ready(()) } else { Poll::Pending }
    }
}

/// What drives a client, and whether it wants to go on.
struct Driven {
    drive: Pin<Box<dyn Future<Output = ()>>>,
    wakes: Arc<Wakes>,
}

#[derive(Default)]
struct Wakes(AtomicBool);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl Driven {
    /// One poll. Whether it is over.
    fn poll(&mut self) -> bool {
        self.wakes.0.store(false, Ordering::SeqCst);
        let waker = Waker::from(Arc::clone(&self.wakes));
        self.drive.as_mut().poll(&mut Context::from_waker(&waker)).is_ready()
    }

    /// Until it is over or sleeps. Whether it is over.
    fn run(&mut self) -> bool {
        loop {
            if self.poll() {
                return true;
            }
            if !self.wakes.0.load(Ordering::SeqCst) {
                return false;
            }
        }
    }
}

/// A client in use, what drives it, and its server.
fn driven(timeout: Duration) -> (Client, Driven, Arc<Mutex<Peer>>) {
    let peer = Arc::new(Mutex::new(Peer::default()));
    peer.lock().unwrap().to_read.extend(GREETING);
    let config: Config = config("x").over_one_stream().request_timeout(timeout);
    let (client, mut drivers) = connect(&config);
    let transport = Arc::clone(&peer);
    let open = move |_| ready(Ok(Scripted(Arc::clone(&transport))));
    let drive = Drive::new(drivers.remove(0), open, Clock);
    let drive = Box::pin(async { drop(drive.await) });
    let mut driven = Driven { drive, wakes: Arc::default() };
    assert!(!driven.run());
    assert!(poll(pin!(client.ready()).as_mut()).is_ready());
    (client, driven, peer)
}

/// 40 calls whose replies were just read, and the first of them told.
fn partly_told(client: &Client, driven: &mut Driven, peer: &Mutex<Peer>) -> Vec<Pending<()>> {
    peer.lock().unwrap().holds = true;
    let mut calls = pings(client, 40);
    assert!(!driven.run());
    {
        let mut peer = peer.lock().unwrap();
        let replies = std::mem::take(&mut peer.held);
        peer.to_read.extend(replies);
    }
    assert!(!driven.poll());
    assert_eq!(answered(&mut calls).len(), 7);
    calls
}

/// A server whose own output is stuck reads no more: reading never waits for writing.
#[test]
fn all_are_told_while_nothing_can_be_written() {
    let (client, mut driven, peer) = driven(Duration::from_secs(5));
    let mut calls = partly_told(&client, &mut driven, &peer);
    peer.lock().unwrap().writes = Writes::Blocked;
    let mut next = pings(&client, 7);
    assert!(!driven.run());
    assert_eq!(answered(&mut calls).len(), 33);
    assert_eq!(answered(&mut next).len(), 0);
}

#[test]
fn a_write_that_fails_does_not_hide_answers_that_came_before() {
    let (client, mut driven, peer) = driven(Duration::from_secs(5));
    let mut calls = partly_told(&client, &mut driven, &peer);
    peer.lock().unwrap().writes = Writes::Broken;
    let mut next = pings(&client, 7);
    assert!(driven.run());
    let results = answered(&mut calls);
    assert_eq!(results.len(), 33);
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    assert!(answered(&mut next).iter().all(Result::is_err));
}

#[test]
fn a_deadline_does_not_pass_over_answers_that_came_before() {
    let (client, mut driven, peer) = driven(Duration::from_millis(100));
    let mut calls = partly_told(&client, &mut driven, &peer);
    std::thread::sleep(Duration::from_millis(110));
    let late = client.ping();
    assert!(!driven.run());
    let results = answered(&mut calls);
    assert_eq!(results.len(), 33);
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    drop(late);
}
