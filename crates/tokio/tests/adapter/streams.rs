//! Streams of the user's own, and servers that go away.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tarantool_testkit::conformance::backend::{create_space, index};
use tarantool_testkit::conformance::packets::{GREETING, ID, id_unknown, ok_with, parse};
use tarantool_testkit::conformance::{Backend, Wanted, bounded};
use tarantool_tokio::{Address, Config, ErrorKind, Outcome, connect_over};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::{Tokio, connected, on_current_thread, on_multi_thread, with_server};

/// A server in memory that answers every call with 7.
async fn seven(mut stream: DuplexStream) {
    stream.write_all(GREETING).await.unwrap();
    let mut input = Vec::new();
    loop {
        while let Some((request, length)) = parse(&input) {
            input.drain(..length);
            let answer = match request.kind {
                ID => id_unknown(request.sync),
                _ => ok_with(request.sync, &[7]),
            };
            if stream.write_all(&answer).await.is_err() {
                return;
            }
        }
        match stream.read_buf(&mut input).await {
            Ok(1..) => {}
            _ => return,
        }
    }
}

fn config() -> Config {
    let host = "in-memory".to_owned();
    Config::new(Address::Tcp { host, port: 1 })
}

#[test]
fn a_pipe_of_any_width_carries_everything() {
    bounded(|| {
        on_current_thread(async {
            for width in [1, 2, 7, 64, 1 << 16] {
                let (near, far) = duplex(width);
                let far = tokio::spawn(seven(far));
                let client = connect_over(&config(), near).await.unwrap();
                for length in [0, 1, 100, 1_000] {
                    let answer: u64 = client.call("f", "x".repeat(length)).await.unwrap();
                    assert_eq!(answer, 7);
                }
                let replies: Vec<_> = (0..50).map(|id| client.call::<u64>("f", id)).collect();
                for reply in replies {
                    assert_eq!(reply.await.unwrap(), 7);
                }
                drop(client);
                far.await.unwrap();
            }
        });
    });
}

#[test]
fn a_stream_that_ends_is_told_with_the_address_given() {
    bounded(|| {
        on_current_thread(async {
            let (near, far) = duplex(1 << 16);
            let far = tokio::spawn(seven(far));
            let client = connect_over(&config(), near).await.unwrap();
            far.abort();
            while client.failure().is_none() {
                sleep(Duration::from_millis(1)).await;
            }
            let error = client.ping().await.unwrap_err();
            assert!(error.to_string().contains("in-memory:1"), "{error}");
        });
    });
}

#[test]
fn a_stream_opened_by_the_user_works_as_one_opened_here() {
    async fn test(server: &Backend) {
        let stream = TcpStream::connect(server.uri()).await.unwrap();
        let client = connect_over(&config(), stream).await.unwrap();
        let seven: u64 = client.call("echo", 7).await.unwrap();
        assert_eq!(seven, 7);
    }
    with_server("a_stream_opened_by_the_user_works_as_one_opened_here", test);
}

/// Tasks that make one request after the other when the server dies.
#[test]
fn every_request_under_load_gets_one_outcome_when_the_server_is_killed() {
    bounded(|| {
        let test = "every_request_under_load_gets_one_outcome_when_the_server_is_killed";
        let Some(server) = Backend::real(test, &Wanted::default()) else {
            return;
        };
        on_multi_thread(async move {
            static ANSWERED: AtomicU64 = AtomicU64::new(0);

            let client = connected(&server).await;
            let tasks: Vec<_> = (0..50_u64)
                .map(|task| {
                    let client = client.clone();
                    tokio::spawn(async move {
                        for round in 0.. {
                            let unique = task << 32 | round;
                            match client.call::<u64>("echo", unique).await {
                                Ok(back) => assert_eq!(back, unique),
                                Err(error) => return error,
                            }
                            ANSWERED.fetch_add(1, Ordering::Relaxed);
                        }
                        unreachable!()
                    })
                })
                .collect();
            while ANSWERED.load(Ordering::Relaxed) < 2_000 {
                sleep(Duration::from_millis(1)).await;
            }
            tokio::task::spawn_blocking(move || server.kill()).await.unwrap();
            for task in tasks {
                let error = task.await.unwrap();
                match error.kind() {
                    ErrorKind::Lost { outcome, .. } => assert_eq!(error.outcome(), *outcome),
                    ErrorKind::NotAccepted { cause, .. } => {
                        assert!(cause.is_some(), "{error}");
                        assert_eq!(error.outcome(), Outcome::NotSent);
                    }
                    // It was queued still, and waited for a connection.
                    ErrorKind::TimedOut { outcome, .. } => assert_eq!(*outcome, Outcome::NotSent),
                    _ => panic!("{error}"),
                }
            }
            let stats = client.stats();
            assert!(stats.answered >= ANSWERED.load(Ordering::Relaxed), "{stats}");
            assert!(stats.requests - stats.answered <= 50, "{stats}");
            assert_eq!(client.in_flight(), 0);
        });
    });
}

/// Numbers of indexes change owners: a name must never find rows by another index.
#[test]
fn a_name_never_finds_rows_by_another_index() {
    async fn test(server: &Backend) {
        let client = connected(server).await;
        let other = connected(server).await;
        let format = &[("id", "unsigned"), ("name", "string"), ("city", "string")];
        let indexes = [index("id", &["id"]), index("name", &["name"]), index("city", &["city"])];
        let (name, _) = create_space::<Tokio>(server, format, &indexes).await;
        let space = client.space::<(u64, String, String)>(&name);
        space.insert(&(1, "Ann".into(), "Rome".into())).await.unwrap();
        let by_name = space.index("name");
        assert!(by_name.get("Ann").await.unwrap().is_some());

        let swap = "local space = box.space[...]
                space.index.name:drop()
                space.index.city:drop()
                space:create_index('city', {parts = {'city'}})
                space:create_index('name', {parts = {'name'}})";
        let () = other.eval(swap, &name).await.unwrap();
        let deleted = by_name.delete("Rome").await;
        assert!(!matches!(deleted, Ok(Some(_))), "deleted by city: {deleted:?}");
    }
    with_server("a_name_never_finds_rows_by_another_index", test);
}
