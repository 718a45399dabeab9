//! Clients that are closed in an orderly way.

use std::thread;
use std::time::{Duration, Instant};

use tarantool_client::request::{Call, Ping};
use tarantool_client::{ConnectionError, ErrorKind, Outcome, Status};

use super::heard::Lives;
use super::peer::serve;
use super::submits::Submits;
use super::{Adapter, Backend, Wanted, connect, connect_as};

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
