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

struct Flag(std::sync::atomic::AtomicBool);
impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, std::sync::atomic::Ordering::SeqCst);
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
            assert_eq!(error.outcome(), tarantool_client::Outcome::MaybeExecuted, "{error}");
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
    let woken = flag.0.load(std::sync::atomic::Ordering::SeqCst);
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
    let woken = flag.0.load(std::sync::atomic::Ordering::SeqCst);
    assert!(link.driver.poll_output(&mut cx(), &mut Vec::new()).is_ready(), "nothing to do");
    assert!(woken, "not woken");
}

#[test]
fn errors_name_the_address_that_they_are_about() {
    let config = Config::new(Address::Tcp { host: "dead".into(), port: 1 })
        .or_address(Address::Tcp { host: "alive".into(), port: 2 })
        .graceful_shutdown(Duration::ZERO)
        .request_timeout(Duration::from_millis(5));
    let (client, mut drivers) = connect(&config);
    let mut driver = drivers.remove(0);
    driver.handle_timeout(Instant::now());
    let Poll::Ready(Ok(Output::Connect { attempt, .. })) =
        driver.poll_output(&mut cx(), &mut Vec::new())
    else {
        panic!()
    };
    driver.handle_connect_failed(attempt, &"refused");
    driver.handle_timeout(Instant::now());
    let Poll::Ready(Ok(Output::Connect { attempt, address })) =
        driver.poll_output(&mut cx(), &mut Vec::new())
    else {
        panic!()
    };
    assert_eq!(address.to_string(), "alive:2");
    assert!(driver.handle_connected(attempt));
    let mut link = Link { client, driver, input: BytesMut::new() };
    let mut greeting = *GREETING;
    greeting[10..15].copy_from_slice(b"3.7.0");
    link.feed(&greeting);
    let id = link.write();
    let mut body = vec![0x82, 0x54, 10, 0x55, 0x9d];
    body.extend(0..=12_u8);
    link.feed(&reply(0, id[0].sync, &body));
    link.driver.handle_timeout(Instant::now());
    let mut call = pin!(link.client.call::<()>("a", ()));
    let _ = link.write();
    thread::sleep(Duration::from_millis(10));
    link.driver.handle_timeout(Instant::now());
    let Poll::Ready(Err(error)) = poll(call.as_mut()) else { panic!() };
    let text = format!("{error:?} {error}");
    assert!(!text.contains("dead"), "{text}");
}

/// The end of the present connection names the present connection.
#[test]
fn the_end_has_its_own_cause() {
    let config = Config::new(Address::Tcp { host: "dead".into(), port: 1 })
        .or_address(Address::Tcp { host: "alive".into(), port: 2 })
        .graceful_shutdown(Duration::ZERO);
    let (client, mut drivers) = connect(&config);
    let mut link = Link { client, driver: drivers.remove(0), input: BytesMut::new() };
    for round in 0..2 {
        link.driver.handle_timeout(Instant::now());
        let attempt = loop {
            match link.driver.poll_output(&mut cx(), &mut Vec::new()) {
                Poll::Ready(Ok(Output::Connect { attempt, .. })) => break attempt,
                Poll::Ready(Ok(Output::Close)) => {}
                Poll::Pending => {
                    thread::sleep(Duration::from_millis(5));
                    link.driver.handle_timeout(Instant::now());
                }
                other => panic!("{other:?}"),
            }
        };
        assert!(link.driver.handle_connected(attempt));
        let mut greeting = *GREETING;
        greeting[10..15].copy_from_slice(b"3.7.0");
        link.feed(&greeting);
        let id = link.write();
        let mut body = vec![0x82, 0x54, 10, 0x55, 0x9d];
        body.extend(0..=12_u8);
        link.feed(&reply(0, id[0].sync, &body));
        link.driver.handle_timeout(Instant::now());
        if round == 0 {
            link.driver.handle_failure(&"EARLIER");
        }
    }
    let mut call = pin!(link.client.call::<()>("a", ()));
    assert_eq!(link.write().len(), 1);
    let Link { client, driver, .. } = link;
    drop(driver);
    let Poll::Ready(Err(error)) = poll(call.as_mut()) else { panic!() };
    let text = format!("{error} / {}", client.failure().unwrap());
    assert!(!text.contains("EARLIER") && !text.contains("dead:1"), "{text}");
}

#[test]
fn a_lane_that_logs_in_as_the_former_user_is_made_anew() {
    let config = Config::new(Address::Tcp { host: "x".into(), port: 1 })
        .user("old")
        .password("old")
        .lanes(2)
        .graceful_shutdown(Duration::ZERO);
    let (client, drivers) = connect(&config);
    let mut links: Vec<Link> = drivers
        .into_iter()
        .map(|driver| Link { client: client.clone(), driver, input: BytesMut::new() })
        .collect();
    let mut handshakes = Vec::new();
    for link in &mut links {
        link.driver.handle_timeout(Instant::now());
        let Poll::Ready(Ok(Output::Connect { attempt, .. })) =
            link.driver.poll_output(&mut cx(), &mut Vec::new())
        else {
            panic!()
        };
        assert!(link.driver.handle_connected(attempt));
        let mut greeting = *GREETING;
        greeting[10..15].copy_from_slice(b"3.7.0");
        link.feed(&greeting);
        handshakes.push(link.write());
    }
    let mut body = vec![0x82, 0x54, 10, 0x55, 0x9d];
    body.extend(0..=12_u8);
    let finish = |link: &mut Link, handshake: &[Request]| {
        link.feed(&reply(0, handshake[0].sync, &body));
        link.feed(&ok(handshake[1].sync));
        link.driver.handle_timeout(Instant::now());
    };
    finish(&mut links[0], &handshakes[0]);
    let mut login = pin!(client.log_in("new", "new"));
    let auth = links[0].write();
    assert_eq!(auth[0].kind, 7);
    links[0].feed(&ok(auth[0].sync));
    assert!(matches!(poll(login.as_mut()), Poll::Ready(Ok(()))));
    // The other lane has sent the old user's login: it is made anew.
    let output = links[1].driver.poll_output(&mut cx(), &mut Vec::new());
    assert!(matches!(output, Poll::Ready(Ok(Output::Close))), "{output:?}");
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

#[test]
fn a_login_waits_for_a_place_on_every_lane() {
    let config = Config::new(Address::Tcp { host: "x".into(), port: 1 })
        .user("old")
        .password("old")
        .lanes(2)
        .in_flight_max(1)
        .graceful_shutdown(Duration::ZERO);
    let (client, drivers) = connect(&config);
    let mut links: Vec<Link> = drivers
        .into_iter()
        .map(|driver| Link { client: client.clone(), driver, input: BytesMut::new() })
        .collect();
    let mut body = vec![0x82, 0x54, 10, 0x55, 0x9d];
    body.extend(0..=12_u8);
    for link in &mut links {
        link.driver.handle_timeout(Instant::now());
        let Poll::Ready(Ok(Output::Connect { attempt, .. })) =
            link.driver.poll_output(&mut cx(), &mut Vec::new())
        else {
            panic!()
        };
        assert!(link.driver.handle_connected(attempt));
        let mut greeting = *GREETING;
        greeting[10..15].copy_from_slice(b"3.7.0");
        link.feed(&greeting);
        let handshake = link.write();
        link.feed(&reply(0, handshake[0].sync, &body));
        link.feed(&ok(handshake[1].sync));
        link.driver.handle_timeout(Instant::now());
    }
    let busy = client.lanes()[1].call::<()>("busy", ());
    let sent = links[1].write();
    let mut login = pin!(client.log_in("new", "new"));
    let auth = links[0].write();
    links[0].feed(&ok(auth[0].sync));
    assert!(matches!(poll(login.as_mut()), Poll::Ready(Ok(()))));
    links[1].feed(&ok(sent[0].sync));
    drop(busy);
    let _call = client.lanes()[1].call::<()>("f", ());
    let kinds = links[1].kinds();
    assert!(kinds.contains(&7), "executed as `old`: {kinds:?}");
}

#[test]
fn a_lane_that_is_over_is_not_taken() {
    let config = Config::new(Address::Tcp { host: "x".into(), port: 1 })
        .lanes(2)
        .graceful_shutdown(Duration::ZERO);
    let (client, drivers) = connect(&config);
    let mut links: Vec<Link> = drivers
        .into_iter()
        .map(|driver| Link { client: client.clone(), driver, input: BytesMut::new() })
        .collect();
    let mut body = vec![0x82, 0x54, 10, 0x55, 0x9d];
    body.extend(0..=12_u8);
    for link in &mut links {
        link.driver.handle_timeout(Instant::now());
        let Poll::Ready(Ok(Output::Connect { attempt, .. })) =
            link.driver.poll_output(&mut cx(), &mut Vec::new())
        else {
            panic!()
        };
        assert!(link.driver.handle_connected(attempt));
        let mut greeting = *GREETING;
        greeting[10..15].copy_from_slice(b"3.7.0");
        link.feed(&greeting);
        let handshake = link.write();
        link.feed(&reply(0, handshake[0].sync, &body));
        link.driver.handle_timeout(Instant::now());
    }
    drop(links.pop());
    let failed = (0..10)
        .filter(|_| {
            let mut call = pin!(client.call::<()>("f", ()));
            matches!(poll(call.as_mut()), Poll::Ready(Err(_)))
        })
        .count();
    assert_eq!(failed, 0);
}
