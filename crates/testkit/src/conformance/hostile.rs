//! Peers that mean harm, over real sockets: what they cost in memory and processor time.
//!
//! As in [`resources`](super::resources), these are figures of the whole process, the peer's thread
//! included, so these cases run alone.

use std::thread;
use std::time::{Duration, Instant};

use tarantool_client::{ErrorKind, Outcome};

use super::packets::{GREETING, ok, ok_with, reply};
use super::peer::serve;
use super::{Adapter, connect_as};
use crate::{memory, processor};

const MIB: u64 = 1 << 20;

/// What memory and processor time were at some moment.
struct Before {
    resident: u64,
    used: Duration,
}

impl Before {
    fn now() -> Self {
        Self {
            resident: memory::resident().unwrap_or_default(),
            used: processor::used().unwrap_or_default(),
        }
    }

    /// No more was taken since.
    fn at_most(&self, bytes: u64, time: Duration) {
        let now = Self::now();
        let (grown, used) = (now.resident.saturating_sub(self.resident), now.used - self.used);
        println!("{} KiB more, {used:?}", grown >> 10);
        assert!(grown <= bytes, "{grown} bytes more");
        assert!(used <= time, "{used:?} of processor time");
    }
}

/// A reply to one request, and ten million more to it.
pub async fn a_flood_of_late_replies_is_dropped_as_it_comes<A: Adapter>() {
    const REPLIES: u64 = 10_000_000;

    let (config, peer) = serve(|link| {
        link.log_in();
        let first = link.request().unwrap();
        link.write(&ok(first.sync));
        let next = link.request().unwrap();
        let flood = ok(first.sync).repeat(1000);
        for _ in 0..REPLIES / 1000 {
            link.write(&flood);
        }
        link.write(&ok(next.sync));
        link.linger();
    });
    let client = connect_as::<A>(config.request_timeout(Duration::from_secs(60))).await;
    A::wait(client.ping()).await.unwrap();
    let before = Before::now();
    A::wait(client.ping()).await.unwrap();
    before.at_most(16 * MIB, Duration::from_micros(20 * REPLIES));
    assert_eq!(client.stats().late_replies, REPLIES);
    drop(client);
    peer.join().await;
}

/// As many packets of other kinds: events of keys that nobody watches, messages of calls that nobody
/// makes.
pub async fn a_flood_of_events_and_messages_is_dropped_as_it_comes<A: Adapter>() {
    const PACKETS: u64 = 500_000;

    let (config, peer) = serve(|link| {
        link.log_in();
        let request = link.request().unwrap();
        let event = reply(76, 0, &[0x82, 0x57, 0xa1, b'k', 0x58, 0x01]);
        let message = reply(128, request.sync + 1000, &[0x81, 0x30, 0x91, 0x01]);
        let flood = [event, message].concat().repeat(500);
        for _ in 0..PACKETS / 1000 {
            link.write(&flood);
        }
        link.write(&ok(request.sync));
        link.linger();
    });
    let client = connect_as::<A>(config.request_timeout(Duration::from_secs(60))).await;
    let before = Before::now();
    A::wait(client.ping()).await.unwrap();
    before.at_most(16 * MIB, Duration::from_micros(40 * PACKETS));
    assert_eq!(client.stats().unsolicited, PACKETS);
    drop(client);
    peer.join().await;
}

/// 100 MiB are announced, and come byte by byte.
pub async fn a_packet_that_drips_costs_what_has_come_of_it<A: Adapter>() {
    let (config, peer) = serve(|link| {
        link.log_in();
        link.request().unwrap();
        if link.try_write(&[0xce, 0x06, 0x40, 0, 0, 0x82]).is_ok() {
            while link.try_write(&[0]).is_ok() {
                thread::sleep(Duration::from_millis(2));
            }
        }
    });
    let client = connect_as::<A>(config.request_timeout(Duration::from_millis(700))).await;
    let before = Before::now();
    let error = A::wait(client.ping()).await.unwrap_err();
    before.at_most(8 * MIB, Duration::from_millis(600));
    assert!(error.is_timeout(), "{error}");
    assert_eq!(error.outcome(), Outcome::MaybeExecuted);
    drop(client);
    peer.join().await;
}

/// Each byte of the greeting comes in time for another.
pub async fn a_greeting_that_drips_is_given_up_in_time<A: Adapter>() {
    let (config, peer) = serve(|link| {
        for byte in GREETING {
            if link.try_write(&[*byte]).is_err() {
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
    });
    let started = Instant::now();
    let limit = Duration::from_millis(400);
    let error = A::connect(config.connect_timeout(limit)).await.unwrap_err();
    let took = started.elapsed();
    assert!(error.to_string().contains("timed out in the server's greeting"), "{error}");
    assert!(took >= limit && took < limit + Duration::from_millis(600), "{took:?}");
    peer.join().await;
}

/// Bodies that claim four thousand million values, or are as deep as they are long, are errors of
/// their requests alone.
pub async fn lies_inside_of_replies_are_errors_of_their_requests<A: Adapter>() {
    let bodies: [Vec<u8>; 5] = [
        vec![0x81, 0x30, 0xdd, 0xff, 0xff, 0xff, 0xff],
        vec![0x81, 0x30, 0xdf, 0xff, 0xff, 0xff, 0xff],
        vec![0x81, 0x30, 0xdb, 0xff, 0xff, 0xff, 0xff],
        [vec![0x81, 0x30], vec![0x91; 1 << 20]].concat(),
        vec![0xdf, 0xff, 0xff, 0xff, 0xff, 0x30],
    ];
    let count = bodies.len();
    let (config, peer) = serve(move |link| {
        link.log_in();
        for body in bodies {
            let request = link.request().unwrap();
            link.write(&reply(0, request.sync, &body));
        }
        let last = link.request().unwrap();
        link.write(&ok_with(last.sync, &[7]));
        link.linger();
    });
    let client = connect_as::<A>(config).await;
    let before = Before::now();
    for _ in 0..count {
        let error = A::wait(client.call::<Vec<u64>>("f", ())).await.unwrap_err();
        println!("{error}");
        assert!(matches!(error.kind(), ErrorKind::Decode(_)), "{error}");
    }
    let seven: u64 = A::wait(client.call("f", ())).await.unwrap();
    assert_eq!(seven, 7);
    before.at_most(16 * MIB, Duration::from_secs(2));
    drop(client);
    peer.join().await;
}
