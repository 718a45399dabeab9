//! The driver's steps by hand: what is written when, and what becomes of wakers.

use std::any::Any;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use tarantool_client::{Address, Client, Config, Driver, Output, Transaction, connect};
use tarantool_testkit::conformance::packets::{GREETING, ID, Request, ok, parse, reply};

const BEGIN: u64 = 14;
const ROLLBACK: u64 = 16;
const PING: u64 = 64;

struct Link {
    client: Client,
    driver: Driver,
    input: BytesMut,
}

fn cx() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut cx())
}

impl Link {
    /// After the handshake with a server that has everything.
    fn ready(configure: impl FnOnce(Config) -> Config) -> Self {
        let config = configure(
            Config::new(Address::Tcp { host: "x".into(), port: 1 })
                .graceful_shutdown(Duration::ZERO),
        );
        let (client, mut drivers) = connect(&config);
        let mut driver = drivers.remove(0);
        driver.handle_timeout(Instant::now());
        match driver.poll_output(&mut cx(), &mut Vec::new()) {
            Poll::Ready(Ok(Output::Connect { attempt, .. })) => {
                assert!(driver.handle_connected(attempt));
            }
            other => panic!("{other:?}"),
        }
        let mut link = Self { client, driver, input: BytesMut::new() };
        let mut greeting = *GREETING;
        greeting[10..15].copy_from_slice(b"3.7.0");
        link.feed(&greeting);
        let id = link.write();
        assert_eq!(id[0].kind, ID);
        let mut body = vec![0x82, 0x54, 10, 0x55, 0x9d];
        body.extend(0..=12_u8);
        link.feed(&reply(0, id[0].sync, &body));
        assert!(poll(pin!(link.client.clone().ready()).as_mut()).is_ready());
        link
    }

    fn feed(&mut self, bytes: &[u8]) {
        self.input.extend_from_slice(bytes);
        self.driver.handle_input(&mut self.input, bytes.len());
    }

    /// All that is to be written now.
    fn write(&mut self) -> Vec<Request> {
        let mut all = Vec::new();
        loop {
            let mut output = Vec::new();
            match self.driver.poll_output(&mut cx(), &mut output) {
                Poll::Ready(Ok(Output::Write)) => {}
                Poll::Ready(Ok(Output::Yield)) => continue,
                Poll::Ready(other) => panic!("{other:?}"),
                Poll::Pending => return all,
            }
            let mut rest = output.as_slice();
            while let Some((request, length)) = parse(rest) {
                rest = &rest[length..];
                all.push(request);
            }
        }
    }

    fn kinds(&mut self) -> Vec<u64> {
        self.write().iter().map(|request| request.kind).collect()
    }

    fn begin(&mut self) -> Transaction {
        let mut beginning = pin!(self.client.transaction().begin());
        let sent = self.write();
        assert_eq!(sent[0].kind, BEGIN);
        self.feed(&ok(sent[0].sync));
        match poll(beginning.as_mut()) {
            Poll::Ready(Ok(transaction)) => transaction,
            other => panic!("{other:?}"),
        }
    }
}

/// The server would hold the transaction open for as long as the connection lives.
#[test]
fn a_rollback_that_finds_no_place_in_time_is_tried_again() {
    let limits = |config: Config| config.in_flight_max(1).close_timeout(Duration::from_millis(30));
    let mut link = Link::ready(limits);
    let transaction = link.begin();
    let _long = link.client.with_timeout(Duration::ZERO).call::<_, ()>("long", ());
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
        let mut reply = pin!(link.client.call::<_, ()>("f", ()));
        let other = link.client.call::<_, ()>("g", ());
        let owner = Waker::from(Arc::new(Owner { _owned: Mutex::new(Some(Box::new(other))) }));
        assert!(reply.as_mut().poll(&mut Context::from_waker(&owner)).is_pending());
        drop(owner);
        assert!(poll(reply.as_mut()).is_pending());
        done.send(()).unwrap();
    });
    over.recv_timeout(Duration::from_secs(5)).expect("it waits for a lock that it holds");
}
