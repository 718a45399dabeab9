//! Peers that are there and say nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tarantool_client::{ConnectionError, ErrorKind, Outcome, Status};

use super::heard::{Heard, Lives, until};
use super::mixed::Mixed;
use super::reconnects::write_until;
use super::waiting::join;
use super::{Adapter, Backend, Wanted, connect_as};
use crate::Direction;

const SHORT: Duration = Duration::from_millis(10);
const LONG: Duration = Duration::from_millis(100);
/// Longer than a process is kept waiting on a busy machine.
const SILENCE: Duration = Duration::from_millis(300);

fn is_unresponsive(reason: &ConnectionError) -> bool {
    matches!(reason, ConnectionError::Unresponsive { timeout } if *timeout == SILENCE)
}

/// What was written is told to be uncertain, what was not waits for the server to go on.
pub async fn a_paused_server_is_given_up_and_come_back_to<A: Adapter<Mode: Lives>>(
    server: &Backend,
) {
    let server = Arc::new(server.another(&Wanted::default()));
    let writes = Arc::new(Mixed::create::<A>(&server).await);
    let heard = Heard::default();
    let config = heard.hear(server.config()).heartbeat(SILENCE, SILENCE);
    let config = config.connect_timeout(2 * SILENCE).backoff(SHORT, LONG);
    let client = connect_as::<A>(config).await;
    let is_over = Arc::new(AtomicBool::new(false));
    let pauser = thread::spawn({
        let (server, is_over) = (Arc::clone(&server), Arc::clone(&is_over));
        move || {
            thread::sleep(LONG);
            server.pause();
            thread::sleep(10 * SILENCE);
            server.resume();
            is_over.store(true, Ordering::Relaxed);
        }
    });
    write_until::<A>(&client, (&writes, &is_over), 20).await;
    join(pauser).await;
    let losses = heard.losses(true);
    assert!(losses.len() == 1 && losses.iter().all(is_unresponsive), "{losses:?}");
    // The system accepts connections of a server that is paused.
    let attempts = heard.losses(false);
    let is_late =
        |reason: &ConnectionError| matches!(reason, ConnectionError::HandshakeTimedOut { .. });
    assert!(!attempts.is_empty() && attempts.iter().all(is_late), "{attempts:?}");
    assert_eq!(client.in_flight(), 0);
    // What the server has still read of the former connection is executed by then.
    let () = A::wait(client.call("slow", 0.2)).await.unwrap();
    let summary = writes.compare::<A>(&server.config()).await;
    assert!(summary.maybe_executed > 0 && summary.maybe_executed <= 20, "{summary}");
}

/// The peer's end of the stream never comes, nor do replies.
pub async fn a_half_open_connection_is_given_up<A: Adapter<Mode: Lives>>(server: &Backend) {
    let (proxy, config) = server.proxy();
    let heard = Heard::default();
    let config = heard.hear(config).heartbeat(SILENCE, SILENCE).backoff(SHORT, LONG);
    let client = connect_as::<A>(config).await;
    A::wait(client.ping()).await.unwrap();
    for direction in [Direction::ToServer, Direction::ToClient] {
        proxy.black_hole(direction, true);
        let started = Instant::now();
        let error = A::wait(client.call::<u64>("echo", 7)).await.unwrap_err();
        let took = started.elapsed();
        println!("{error}, after {took:?}");
        let ErrorKind::Lost { outcome, cause } = error.kind() else { panic!("{error}") };
        assert!(is_unresponsive(cause), "{error}");
        assert_eq!(*outcome, Outcome::MaybeExecuted);
        // A silence of up to twice the first time, then the second.
        assert!(took >= SILENCE && took < 10 * SILENCE, "{took:?}");
        proxy.black_hole(direction, false);
        let eight: u64 = A::wait(client.call("echo", 8)).await.unwrap();
        assert_eq!(eight, 8);
    }
    assert_eq!(heard.losses(true).len(), 2);
    assert_eq!(client.in_flight(), 0);
}

/// While a call runs, pings are answered.
pub async fn a_long_call_is_no_silence<A: Adapter>(server: &Backend) {
    let heard = Heard::default();
    let config = heard.hear(server.config()).heartbeat(SILENCE / 2, SILENCE);
    let client = connect_as::<A>(config).await;
    let seven: u64 = A::wait(client.call("slow", (2.0, 7))).await.unwrap();
    assert_eq!(seven, 7);
    assert_eq!((heard.attempts(), heard.losses(true)), (1, vec![]));
    assert!(matches!(client.status(), Status::Ready { connection: 1, .. }));
    // Pings are the connection's own affair.
    assert_eq!((client.stats().requests, client.stats().answered), (1, 1));
    assert!(client.stats().writes > 3, "nothing was asked: {}", client.stats());
}

/// Within the time for connecting.
pub async fn a_server_that_never_greets_is_left_for_the_next<A: Adapter<Mode: Lives>>(
    server: &Backend,
) {
    let (proxy, config) = server.proxy();
    proxy.stay_silent(true);
    let heard = Heard::default();
    let [second] = <[_; 1]>::try_from(server.config().addresses().to_vec()).unwrap();
    let config = heard.hear(config).or_address(second.clone()).connect_timeout(SILENCE);
    let started = Instant::now();
    let client = connect_as::<A>(config).await;
    let took = started.elapsed();
    assert!(took >= SILENCE && took < SILENCE + Duration::from_secs(2), "{took:?}");
    let status = until(&client, |status| matches!(status, Status::Ready { .. })).await;
    assert_eq!(status, Status::Ready { address: second, connection: 1 });
    let losses = heard.losses(false);
    assert!(matches!(losses[..], [ConnectionError::HandshakeTimedOut { .. }]), "{losses:?}");
    let seven: u64 = A::wait(client.call("echo", 7)).await.unwrap();
    assert_eq!(seven, 7);
}

pub async fn a_lazy_client_says_why_it_has_no_connection<A: Adapter>(server: &Backend) {
    let (proxy, config) = server.proxy();
    proxy.stay_silent(true);
    let config = config.lazy(true).connect_timeout(SILENCE).backoff(SHORT, LONG);
    let client = connect_as::<A>(config).await;
    let hasty = client.with_timeout(3 * SILENCE);
    let started = Instant::now();
    let error = A::wait(hasty.call::<u64>("echo", 7)).await.unwrap_err();
    println!("{error}, after {:?}", started.elapsed());
    assert!(error.is_timeout() && error.is_retry_safe(), "{error}");
    assert_eq!(error.outcome(), Outcome::NotSent);
    let ErrorKind::TimedOut { cause: Some(cause), .. } = error.kind() else { panic!("{error}") };
    assert!(matches!(cause, ConnectionError::HandshakeTimedOut { .. }), "{error}");
    let text = error.to_string();
    let says = format!("call echo: timed out waiting for a connection to {} (", proxy.uri());
    assert!(text.starts_with(&says) && text.contains("greeting"), "{text}");
    assert_eq!(client.in_flight(), 0);
    // The next attempt knows nothing of those before.
    proxy.stay_silent(false);
    let eight: u64 = A::wait(client.call("echo", 8)).await.unwrap();
    assert_eq!(eight, 8);
}
