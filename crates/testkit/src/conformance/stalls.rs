//! Peers that stop reading.

use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use tarantool_client::{Config, Outcome};

use super::packets::{GREETING, ok_with};
use super::peer::{Link, Peer, serve};
use super::{Adapter, Task, connect_as};

/// Requests to a peer of [`writes_before_it_reads`].
pub const REQUESTS: usize = 24;

/// A request to such a peer.
pub fn request_bytes() -> String {
    "x".repeat(4 << 20)
}

/// Far more than the buffers of a socket take.
pub fn too_much() -> String {
    "x".repeat(32 << 20)
}

/// Writes each reply of 1 MiB in full before it reads on.
pub fn writes_before_it_reads() -> (Config, Peer) {
    serve(|link| {
        let mut value = vec![0xdb, 0, 0x10, 0, 0];
        value.resize(5 + (1 << 20), b'x');
        link.log_in();
        for _ in 0..REQUESTS {
            let request = link.request().unwrap();
            link.write(&ok_with(request.sync, &value));
        }
        link.linger();
    })
}

/// A peer that takes no more bytes, until this is dropped.
pub struct Deaf {
    _until: Sender<()>,
}

/// Logs in and reads no more.
pub fn deaf() -> (Config, Deaf) {
    deaf_after(Link::log_in)
}

/// Logs in, reads no more, and after a while ends its own side of the stream.
pub fn deaf_and_half_closed() -> (Config, Deaf) {
    deaf_after(|link| {
        link.log_in();
        thread::sleep(Duration::from_millis(200));
        link.half_close();
    })
}

fn deaf_after(begin: impl FnOnce(&mut Link) + Send + 'static) -> (Config, Deaf) {
    let (until, over) = channel::<()>();
    let (config, _) = serve(move |link| {
        begin(link);
        let _ = over.recv();
    });
    (config, Deaf { _until: until })
}

pub async fn a_peer_that_reads_only_after_it_has_written_gets_everything<A: Adapter>() {
    let (config, peer) = writes_before_it_reads();
    let client = connect_as::<A>(config).await;
    let tasks = (0..REQUESTS).map(|_| {
        let client = client.clone();
        let running = async move {
            let back: String = A::wait(client.call("echo", request_bytes())).await.unwrap();
            assert_eq!(back.len(), 1 << 20);
        };
        Box::pin(running) as Task
    });
    A::tasks(tasks.collect()).await;
    drop(client);
    peer.join().await;
}

pub async fn a_slow_reader_gets_everything<A: Adapter>() {
    const TASKS: usize = 8;

    let (config, peer) = serve(|link| {
        link.log_in();
        link.read_slowly(16 << 10, Duration::from_millis(1));
        while let Some(request) = link.request() {
            link.write(&ok_with(request.sync, &[7]));
        }
    });
    // Fewer bytes may wait than are sent, so that tasks wait for room as well.
    let client = connect_as::<A>(config.queued_bytes_max(1 << 20)).await;
    let tasks = (0..TASKS).map(|_| {
        let client = client.clone();
        let running = async move {
            for _ in 0..2 {
                let text = "x".repeat(512 << 10);
                assert_eq!(A::wait(client.call::<u64>("f", text)).await.unwrap(), 7);
            }
        };
        Box::pin(running) as Task
    });
    A::tasks(tasks.collect()).await;
    assert_eq!(client.in_flight(), 0);
    drop(client);
    peer.join().await;
}

/// The deadline of a request holds while an earlier one can not be written.
pub async fn a_deaf_peer_does_not_delay_timeouts<A: Adapter>() {
    let (config, peer) = deaf();
    let client = connect_as::<A>(config.request_timeout(Duration::from_secs(3))).await;
    let started = Instant::now();
    let results = A::all(&client, 2, |client, index| {
        if index == 0 {
            return client.call("echo", too_much());
        }
        thread::sleep(Duration::from_millis(100));
        client.with_timeout(Duration::from_millis(200)).ping()
    });
    let results = results.await;
    let took = started.elapsed();
    for error in results.into_iter().map(Result::unwrap_err) {
        println!("{error}, after {took:?}");
        assert!(error.is_timeout(), "{error}");
    }
    assert!(took < Duration::from_secs(6), "{took:?}");
    let started = Instant::now();
    let hurried = client.with_timeout(Duration::from_millis(100));
    let error = A::wait(hurried.ping()).await.unwrap_err();
    println!("{error}, after {:?}", started.elapsed());
    assert!(error.is_timeout(), "{error}");
    assert_eq!(error.outcome(), Outcome::NotSent);
    assert!(started.elapsed() < Duration::from_secs(1));
    drop(peer);
}

pub async fn a_request_that_a_deaf_peer_takes_in_part_times_out<A: Adapter>() {
    let (config, _peer) = deaf();
    let client = connect_as::<A>(config.request_timeout(Duration::from_millis(200))).await;
    let started = Instant::now();
    let error = A::wait(client.call::<()>("echo", too_much())).await.unwrap_err();
    println!("{error}, after {:?}", started.elapsed());
    assert!(error.is_timeout(), "{error}");
    assert_eq!(error.outcome(), Outcome::MaybeExecuted);
    assert!(started.elapsed() < Duration::from_secs(2));
}

pub async fn a_peer_that_closes_without_reading_ends_the_wait<A: Adapter>() {
    let (config, peer) = deaf_and_half_closed();
    let client = connect_as::<A>(config).await;
    let error = A::wait(client.call::<()>("echo", too_much())).await.unwrap_err();
    println!("{error}");
    assert!(error.to_string().contains("closed the connection"), "{error}");
    drop(peer);
}

pub async fn a_deaf_peer_in_the_handshake_is_given_up<A: Adapter>() {
    let (config, _peer) = serve(|link| {
        link.write(GREETING);
        thread::sleep(Duration::from_secs(2));
    });
    let started = Instant::now();
    let connected = A::connect(config.connect_timeout(Duration::from_millis(200))).await;
    let error = connected.unwrap_err();
    assert!(error.to_string().contains("timed out during login"), "{error}");
    assert!(started.elapsed() < Duration::from_secs(1));
}

/// What came before the end of the stream counts; what was not answered is lost.
pub async fn answers_before_a_half_close_are_delivered<A: Adapter>() {
    const REQUESTS: usize = 10;

    let (config, peer) = serve(|link| {
        link.log_in();
        let requests: Vec<_> = (0..REQUESTS).map(|_| link.request().unwrap()).collect();
        for request in requests.iter().take(REQUESTS / 2) {
            link.write(&ok_with(request.sync, &[7]));
        }
        link.half_close();
        link.linger();
    });
    let client = connect_as::<A>(config).await;
    let results = A::all(&client, REQUESTS, |client, _| client.call::<u64>("f", ())).await;
    let (answered, lost): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    assert_eq!((answered.len(), lost.len()), (REQUESTS / 2, REQUESTS / 2));
    for error in lost.into_iter().map(Result::unwrap_err) {
        assert!(error.to_string().contains("closed the connection"), "{error}");
        assert_eq!(error.outcome(), Outcome::MaybeExecuted);
    }
    drop(client);
    peer.join().await;
}
