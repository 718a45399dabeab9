//! Clients that are closed in an orderly way.

use std::net::{Ipv4Addr, TcpListener};
use std::thread;
use std::time::{Duration, Instant};

use tarantool_client::request::{Call, Ping};
use tarantool_client::{
    Address, Config, ConnectionError, ConnectionEvent, ErrorKind, Outcome, Status,
};

use super::heard::{Heard, Lives, before_long};
use super::peer::serve;
use super::submits::Submits;
use super::waiting::join;
use super::{Adapter, Backend, Wanted, block_on, connect, connect_as};

const SHORT: Duration = Duration::from_millis(50);
const HOUR: Duration = Duration::from_secs(3600);

pub async fn a_client_that_is_closed_ends_with_all_answered<A: Adapter<Mode: Submits + Lives>>(
    server: &Backend,
) {
    const REQUESTS: usize = 100;

    let client = connect_as::<A>(server.config().lanes(2)).await;
    let mut submitted = Vec::new();
    for id in 0..REQUESTS {
        submitted.push(A::Mode::start(&client, Call::new("echo").arguments((id,))));
    }
    client.close();
    let error = A::wait(client.ping()).await.unwrap_err();
    assert_eq!(error.to_string(), "ping: not sent: the client was closed");
    assert_eq!(error.outcome(), Outcome::NotSent);
    assert!(!error.is_retry_safe(), "it would be refused for ever");

    A::Mode::closed(&client).await;
    assert_eq!(client.status(), Status::Closed);
    assert_eq!(client.in_flight(), 0);
    let failure = client.failure().unwrap();
    assert!(matches!(failure.kind(), ErrorKind::Ended { cause: ConnectionError::Shutdown }));
    assert_eq!(failure.to_string(), "the client was closed");
    for (id, submitted) in submitted.into_iter().enumerate() {
        let reply = A::Mode::finish(submitted).await.unwrap();
        assert_eq!(reply.returned(), Ok(id));
    }
    let error = A::wait(client.ping()).await.unwrap_err();
    assert_eq!(error.to_string(), "ping: not sent: the client was closed");
    A::Mode::closed(&client).await;
}

/// Not when the last handle goes: this one stays.
pub async fn a_client_that_is_closed_closes_its_connection<A: Adapter<Mode: Lives>>() {
    let (config, peer) = serve(|link| {
        link.log_in();
        link.linger();
    });
    let client = connect_as::<A>(config).await;
    client.close();
    A::Mode::closed(&client).await;
    peer.join().await;
    assert_eq!(client.status(), Status::Closed);
}

/// Whether it waits for its next attempt, or for a peer that answers nobody; on one lane or several;
/// and whoever closes it, and has driven it before.
pub async fn a_client_without_a_connection_ends_when_it_is_closed<A: Adapter<Mode: Lives>>() {
    let nobody = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let refusing = Config::new(tcp(nobody.local_addr().unwrap().port()));
    drop(nobody);
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let silent_config = Config::new(tcp(silent.local_addr().unwrap().port()));

    for (config, lanes) in
        [(&refusing, 1), (&refusing, 2), (&silent_config, 1), (&silent_config, 2)]
    {
        for by_another in [false, true] {
            let heard = Heard::default();
            let config = heard.hear(config.clone()).backoff(HOUR, HOUR).lazy(true).lanes(lanes);
            let client = connect_as::<A>(config).await;
            // Another thread, on which it is driven for a while.
            let other = thread::spawn({
                let client = client.clone();
                move || block_on(async { A::wait(client.with_timeout(SHORT).ping()).await })
            });
            let error = join(other).await.unwrap_err();
            assert_eq!(error.outcome(), Outcome::NotSent, "{error}");
            let start = Instant::now();
            let closer = by_another.then(|| {
                let client = client.clone();
                thread::spawn(move || {
                    thread::sleep(SHORT);
                    client.close();
                })
            });
            if !by_another {
                client.close();
            }
            A::Mode::closed(&client).await;
            assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
            if let Some(closer) = closer {
                closer.join().unwrap();
            }
            assert_eq!(client.status(), Status::Closed);
            let is_end = |event: &&ConnectionEvent| matches!(event, ConnectionEvent::Closed { .. });
            let is_told = || heard.all().iter().filter(is_end).count() == lanes;
            before_long("the end is told", is_told);
        }
    }
}

fn tcp(port: u16) -> Address {
    Address::Tcp { host: Ipv4Addr::LOCALHOST.to_string(), port }
}

pub async fn closing_takes_the_close_timeout_at_most<A: Adapter<Mode: Submits + Lives>>() {
    let (config, peer) = serve(|link| {
        link.log_in();
        // And answers nothing.
        link.linger();
    });
    let timeout = Duration::from_millis(100);
    let client = connect_as::<A>(config.close_timeout(timeout)).await;
    let submitted = A::Mode::start(&client, Ping);
    client.close();
    let start = Instant::now();
    A::Mode::closed(&client).await;
    assert!(start.elapsed() >= timeout, "{:?}", start.elapsed());
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    let error = A::Mode::finish(submitted).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::MaybeExecuted, "{error}");
    drop(client);
    peer.join().await;
}

/// Whether closed here or by the server.
pub async fn the_end_of_a_client_can_be_waited_for_elsewhere<A: Adapter<Mode: Lives>>(
    server: &Backend,
) {
    let closed = connect::<A>(server).await;
    let closer = thread::spawn({
        let closed = closed.clone();
        move || {
            thread::sleep(Duration::from_millis(50));
            closed.close();
        }
    });
    A::Mode::closed(&closed).await;
    closer.join().unwrap();

    let server = server.another(&Wanted::default());
    let client = connect_as::<A>(server.config().reconnect(false)).await;
    let uri = server.uri();
    let killer = thread::spawn(move || {
        thread::sleep(Duration::from_millis(50));
        server.kill();
    });
    A::Mode::closed(&client).await;
    killer.join().unwrap();
    let failure = client.failure().unwrap();
    assert!(matches!(failure.kind(), ErrorKind::Ended { .. }), "{failure}");
    assert!(failure.to_string().starts_with(&format!("connection to {uri} has ended (")));
}
