//! Connections from their opening to their end.

use std::io::{self, Write};
use std::net::{Ipv6Addr, TcpListener};
use std::thread;
use std::time::{Duration, Instant};

use tarantool_client::{Client, Config, ErrorKind, Outcome, Version};

use super::{Adapter, Backend, Wanted, connect, connect_as, create_space, index};
use crate::Listen;

pub async fn a_unix_socket_works_as_tcp_does<A: Adapter>(server: &Backend) {
    let server = &server.another(&Wanted { listen: Listen::Unix, ..Wanted::default() });
    let uri = server.uri();
    assert!(uri.starts_with("unix/:/"), "{uri}");
    let config = Config::parse(&format!("tarantool://{uri}?request_timeout=10")).unwrap();
    rows_come_back::<A>(server, config).await;

    let config = Config::parse(&format!("{uri}.missing")).unwrap();
    let error = A::connect(config).await.unwrap_err();
    println!("{error}");
    assert!(error.to_string().contains(".missing"), "{error}");
    assert!(error.is_retry_safe());
}

/// Where the machine has no IPv6 this says so and does nothing.
pub async fn an_ipv6_address_works_too<A: Adapter>(server: &Backend) {
    if let Err(error) = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)) {
        let _ = writeln!(io::stderr(), "SKIPPED an_ipv6_address_works_too: ::1: {error}");
        return;
    }
    let server = &server.another(&Wanted { listen: Listen::Tcp6, ..Wanted::default() });
    let uri = server.uri();
    assert!(uri.starts_with("[::1]:"), "{uri}");
    rows_come_back::<A>(server, server.config()).await;
}

async fn rows_come_back<A: Adapter>(server: &Backend, config: Config) {
    let format = &[("id", "unsigned"), ("text", "string")];
    let (name, _) = create_space::<A>(server, format, &[index("id", &["id"])]).await;
    let client = connect_as::<A>(config).await;
    let space = client.space::<(u64, String)>(&name);
    let long = "x".repeat(1 << 19);
    A::wait(space.insert(&(1, long.clone()))).await.unwrap();
    assert_eq!(A::wait(space.get(1)).await.unwrap(), Some((1, long)));
}

pub async fn the_server_is_known<A: Adapter>(server: &Backend) {
    let client = connect::<A>(server).await;
    let info = client.server().unwrap();
    assert_eq!(info.version(), server.version());
    if server.tarantool().is_some() {
        let uuid: String = A::wait(client.eval("return box.info.uuid", ())).await.unwrap();
        assert_eq!(info.greeting().instance_uuid(), Some(&*uuid));
    }
    if server.version() < Version::new(2, 10, 0) {
        assert_eq!(info.protocol_version(), 0);
    }
    assert_eq!(client.failure().map(|error| error.to_string()), None);
    assert!(format!("{client:?}").contains(&server.uri()), "{client:?}");
}

pub async fn a_closed_client_refuses_requests_and_answers_those_accepted<A: Adapter>(
    server: &Backend,
) {
    let client = connect::<A>(server).await;
    let closer = thread::spawn({
        let client = client.clone();
        move || {
            while client.in_flight() < 20 {
                thread::sleep(Duration::from_millis(5));
            }
            client.close();
        }
    });
    let echoed = A::all(&client, 20, |client, id| client.call::<usize>("slow", (0.2, id))).await;
    closer.join().unwrap();
    for (id, answer) in echoed.into_iter().enumerate() {
        assert_eq!(id, answer.unwrap());
    }
    let error = A::wait(client.ping()).await.unwrap_err();
    println!("{error}");
    assert!(matches!(error.kind(), ErrorKind::NotAccepted { .. }), "{error}");
    assert_eq!(error.outcome(), Outcome::NotSent);
    assert!(error.to_string().starts_with("ping: not sent: "), "{error}");
}

pub async fn a_killed_server_is_told_to_all_and_named<A: Adapter>(server: &Backend) {
    const REQUESTS: usize = 40;

    let server = server.another(&Wanted::default());
    let uri = server.uri();
    let client = connect_as::<A>(server.config().reconnect(false)).await;
    let (name, _) =
        create_space::<A>(&server, &[("id", "unsigned")], &[index("id", &["id"])]).await;
    let space = client.space::<(u64,)>(&name);
    A::wait(space.insert(&(1,))).await.unwrap();
    let killer = thread::spawn({
        let client = client.clone();
        move || {
            while client.in_flight() < REQUESTS {
                thread::sleep(Duration::from_millis(5));
            }
            thread::sleep(Duration::from_millis(50));
            server.kill();
        }
    });
    let lost = A::all(&client, REQUESTS, |client, _| client.call::<u64>("slow", (30, 1))).await;
    killer.join().unwrap();
    for error in lost.into_iter().map(Result::unwrap_err) {
        assert!(matches!(error.kind(), ErrorKind::Lost { .. }), "{error}");
        assert_eq!(error.outcome(), Outcome::MaybeExecuted, "{error}");
        let text = error.to_string();
        let start = format!("call slow: connection to {uri} lost (");
        assert!(text.starts_with(&start), "{text}");
        assert!(text.ends_with("it may have been executed"), "{text}");
        assert!(!error.is_retry_safe());
    }
    assert_eq!(client.in_flight(), 0);
    let failure = client.failure().unwrap().to_string();
    println!("{failure}");

    let error = A::wait(space.get(1)).await.unwrap_err();
    println!("{error}");
    let ErrorKind::NotAccepted { cause: Some(cause), .. } = error.kind() else {
        panic!("{error}");
    };
    assert!(failure.contains(&cause.to_string()), "{failure}: {cause}");
    assert_eq!(error.outcome(), Outcome::NotSent);
    assert!(!error.is_retry_safe(), "the client is over");
    assert!(error.to_string().contains(&uri), "{error}");

    let started = Instant::now();
    let refused = A::connect(Config::parse(&uri).unwrap()).await.unwrap_err();
    println!("{refused}");
    assert!(refused.to_string().contains(&uri), "{refused}");
    assert!(started.elapsed() < Duration::from_secs(5));
}

pub async fn requests_of_a_killed_server_know_whether_they_were_sent<A: Adapter>(server: &Backend) {
    const PLACES: usize = 10;
    const REQUESTS: usize = 40;

    let server = server.another(&Wanted::default());
    let config = server.config();
    let client = connect_as::<A>(config.in_flight_max(PLACES)).await;
    let killer = thread::spawn({
        let client = client.clone();
        move || {
            while client.stats().requests < REQUESTS as u64 {
                thread::sleep(Duration::from_millis(5));
            }
            thread::sleep(Duration::from_millis(50));
            server.kill();
        }
    });
    let lost = A::all(&client, REQUESTS, |client, _| client.call::<u64>("slow", (30, 1))).await;
    killer.join().unwrap();
    let outcomes = lost.into_iter().map(|result| result.unwrap_err().outcome());
    let (sent, unsent): (Vec<_>, Vec<_>) =
        outcomes.partition(|outcome| *outcome == Outcome::MaybeExecuted);
    assert_eq!(sent.len(), PLACES);
    assert_eq!(unsent, [Outcome::NotSent; REQUESTS - PLACES]);
    assert_eq!(client.in_flight(), 0);
}

pub async fn a_server_that_shuts_down_is_told_to_all<A: Adapter>(server: &Backend) {
    const REQUESTS: usize = 20;

    let server = server.another(&Wanted::default());
    let client = connect::<A>(&server).await;
    let stopper = thread::spawn({
        let client = client.clone();
        move || {
            while client.in_flight() < REQUESTS {
                thread::sleep(Duration::from_millis(5));
            }
            thread::sleep(Duration::from_millis(50));
            server.shut_down();
        }
    });
    let lost = A::all(&client, REQUESTS, |client, _| client.call::<u64>("slow", (30, 1))).await;
    stopper.join().unwrap();
    for error in lost.into_iter().map(Result::unwrap_err) {
        assert!(matches!(error.kind(), ErrorKind::Lost { .. }), "{error}");
        assert_eq!(error.outcome(), Outcome::MaybeExecuted, "{error}");
    }
    assert_eq!(client.in_flight(), 0);
}

pub async fn a_dropped_client_closes_its_connection<A: Adapter>(server: &Backend) {
    let server = server.another(&Wanted::default());
    let witness = connect::<A>(&server).await;
    let clients = [connect::<A>(&server).await, connect::<A>(&server).await];
    for client in &clients {
        A::wait(client.ping()).await.unwrap();
    }
    assert_eq!(connections::<A>(&server, &witness).await, 3);
    drop(clients);
    let until = Instant::now() + Duration::from_secs(5);
    while connections::<A>(&server, &witness).await > 1 {
        assert!(Instant::now() < until, "the connections are still open");
        let () = A::wait(witness.call("slow", 0.01)).await.unwrap();
    }
}

/// How many connections a server has.
async fn connections<A: Adapter>(server: &Backend, client: &Client<A::Mode>) -> usize {
    match server.server() {
        Some(server) => server.connected(),
        None => A::wait(client.call("connections", ())).await.unwrap(),
    }
}
