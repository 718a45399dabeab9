//! A driver whose server is played by the test: what it writes is parsed, what it reads is fed.

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use tarantool_client::{Address, Client, Config, Driver, Output, Transaction, connect};
use tarantool_testkit::conformance::packets::{GREETING, ID, Request, ok, parse, reply};

pub(crate) const AUTH: u64 = 7;
pub(crate) const BEGIN: u64 = 14;
pub(crate) const ROLLBACK: u64 = 16;
pub(crate) const PING: u64 = 64;

pub(crate) struct Link {
    pub(crate) client: Client,
    pub(crate) driver: Driver,
    pub(crate) input: BytesMut,
}

pub(crate) fn cx() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

pub(crate) fn poll<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut cx())
}

/// Without the watch that tells of the server's shutdown, which would be written with all else.
pub(crate) fn config(host: &str) -> Config {
    Config::new(address(host)).graceful_shutdown(Duration::ZERO)
}

pub(crate) fn address(host: &str) -> Address {
    Address::Tcp { host: host.into(), port: 1 }
}

impl Link {
    /// One for each lane, none of them connected.
    pub(crate) fn all(config: &Config) -> Vec<Self> {
        let (client, drivers) = connect(config);
        let link = |driver| Self { client: client.clone(), driver, input: BytesMut::new() };
        drivers.into_iter().map(link).collect()
    }

    /// One for each lane, all of them in use.
    pub(crate) fn all_ready(config: &Config) -> Vec<Self> {
        let mut links = Self::all(config);
        for link in &mut links {
            link.connect();
            let handshake = link.greet();
            link.accept(&handshake);
        }
        links
    }

    /// After the handshake with a server that has everything.
    pub(crate) fn ready(configure: impl FnOnce(Config) -> Config) -> Self {
        let link = Self::all_ready(&configure(config("x"))).remove(0);
        assert!(poll(pin!(link.client.clone().ready()).as_mut()).is_ready());
        link
    }

    /// The attempt, and the address, of the next connection that is asked for.
    pub(crate) fn asked(&mut self) -> (u64, Address) {
        loop {
            self.driver.handle_timeout(Instant::now());
            match self.driver.poll_output(&mut cx(), &mut Vec::new()) {
                Poll::Ready(Ok(Output::Connect { attempt, address })) => return (attempt, address),
                Poll::Ready(Ok(Output::Close)) => {}
                Poll::Pending => thread::sleep(Duration::from_millis(5)),
                other => panic!("{other:?}"),
            }
        }
    }

    pub(crate) fn connect(&mut self) {
        let (attempt, _) = self.asked();
        assert!(self.driver.handle_connected(attempt));
    }

    /// What the client sends on a greeting: its identification, and its login if it has one.
    pub(crate) fn greet(&mut self) -> Vec<Request> {
        let mut greeting = *GREETING;
        greeting[10..15].copy_from_slice(b"3.7.0");
        self.feed(&greeting);
        let handshake = self.write();
        assert_eq!(handshake[0].kind, ID);
        handshake
    }

    /// Answers that, with all features.
    pub(crate) fn accept(&mut self, handshake: &[Request]) {
        let mut body = vec![0x82, 0x54, 10, 0x55, 0x9d];
        body.extend(0..=12_u8);
        self.feed(&reply(0, handshake[0].sync, &body));
        for login in &handshake[1..] {
            assert_eq!(login.kind, AUTH);
            self.feed(&ok(login.sync));
        }
        self.driver.handle_timeout(Instant::now());
    }

    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        self.input.extend_from_slice(bytes);
        self.driver.handle_part(&mut self.input, bytes.len());
    }

    /// All that is to be written now.
    pub(crate) fn write(&mut self) -> Vec<Request> {
        let mut all = Vec::new();
        loop {
            let mut output = Vec::new();
            match self.driver.poll_output(&mut cx(), &mut output) {
                Poll::Ready(Ok(Output::Write)) => {}
                Poll::Ready(Ok(Output::Yield)) => continue,
                Poll::Ready(Ok(Output::Input)) => {
                    self.driver.handle_part(&mut self.input, 0);
                    continue;
                }
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

    pub(crate) fn kinds(&mut self) -> Vec<u64> {
        self.write().iter().map(|request| request.kind).collect()
    }

    pub(crate) fn begin(&mut self) -> Transaction {
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
