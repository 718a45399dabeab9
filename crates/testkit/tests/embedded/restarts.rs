//! A server that ends and begins again, and one that pauses.

use std::net::{Ipv6Addr, TcpListener};
use std::time::{Duration, Instant};

use tarantool_blocking::{Client, ErrorCode, Outcome, connect};
use tarantool_proto::Key;
use tarantool_testkit::{Listen, RequestType, Server};

use crate::raw::{Body, Raw, event};

type Row = (u64,);

fn start(listen: Listen) -> Server {
    let server = Server::builder().listen(listen).user("ann", "old").start().unwrap();
    server.space("t").field("id", "unsigned").primary_key("id").create().unwrap();
    server.function("sum", |(a, b): (i64, i64)| Ok(a + b));
    server
}

fn insert(client: &Client, id: u64) -> Result<(), Option<ErrorCode>> {
    client.space::<Row>("t").insert(&(id,)).map_err(|error| error.code())
}

#[test]
fn connects_are_refused_until_it_listens_again() {
    let has_ipv6 = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok();
    for listen in [Listen::Tcp, Listen::Tcp6, Listen::Unix] {
        if listen == Listen::Tcp6 && !has_ipv6 {
            continue;
        }
        let server = start(listen);
        let client = connect(server.uri()).unwrap();
        for _ in 0..3 {
            server.stop_listening();
            server.stop_listening();
            assert!(connect(server.uri()).is_err());
            client.ping().unwrap();
            server.listen_again().unwrap();
            server.listen_again().unwrap();
            connect(server.uri()).unwrap().ping().unwrap();
        }
        assert_eq!(server.accepted(), 4);
    }
}

#[test]
fn a_restart_keeps_the_data_and_ends_connections_and_transactions() {
    for listen in [Listen::Tcp, Listen::Unix] {
        let server = start(listen);
        server.broadcast("k", &1).unwrap();
        let client = connect(server.uri()).unwrap();
        let other = connect(server.uri()).unwrap();
        insert(&client, 1).unwrap();
        let transaction = client.transaction().begin().unwrap();
        transaction.space::<Row>("t").insert(&(2,)).unwrap();

        server.restart().unwrap();
        assert_eq!(server.connected(), 0);
        let error = transaction.space::<Row>("t").insert(&(3,)).unwrap_err();
        assert_ne!(error.outcome(), Outcome::Answered);
        assert!(transaction.commit().is_err());
        other.ping().unwrap();
        let client = connect(server.uri()).unwrap();
        assert_eq!(client.space::<Row>("t").select(()).send().unwrap(), [(1,)]);
        assert_eq!(client.call::<i64>("sum", (40, 2)).unwrap(), 42);
        assert_eq!(client.watch_once::<Option<u64>>("k").unwrap(), None);
        assert_eq!(server.accepted(), 4);
    }
}

#[test]
fn a_killed_server_is_not_there_until_it_starts_again() {
    let server = start(Listen::Tcp);
    let client = connect(server.uri()).unwrap();
    server.kill();
    server.kill();
    assert!(client.ping().is_err());
    assert!(connect(server.uri()).is_err());
    server.restart().unwrap();
    assert_eq!(insert(&connect(server.uri()).unwrap(), 1), Ok(()));
    assert_eq!(insert(&connect(server.uri()).unwrap(), 1), Err(Some(ErrorCode::TUPLE_FOUND)));
}

#[test]
fn after_a_shutdown_and_a_restart_nobody_is_told_to_go() {
    let server = start(Listen::Tcp);
    let watch = Body::new().with(Key::EVENT_KEY, "box.shutdown");
    for _ in 0..2 {
        let mut raw = Raw::connect(&server);
        raw.send(RequestType::WATCH, 1, 0, &watch);
        assert_eq!(event(&raw.receive().unwrap()), (1, None));
        drop(raw);
        server.shutdown();
        assert!(connect(server.uri()).is_err());
        server.restart().unwrap();
    }
}

#[test]
fn a_server_in_memory_has_nothing_to_listen_with() {
    let server = Server::builder().in_memory().start().unwrap();
    server.stop_listening();
    server.listen_again().unwrap();
    server.restart().unwrap();
    assert_eq!(server.uri(), "memory");
}

#[test]
fn a_paused_server_executes_nothing_until_it_goes_on() {
    let server = start(Listen::Tcp);
    let client = connect(server.uri()).unwrap();
    client.ping().unwrap();
    server.pause();
    std::thread::scope(|scope| {
        let late = scope.spawn(|| insert(&client, 1));
        let opening = scope.spawn(|| connect(server.uri()).map(drop));
        std::thread::sleep(Duration::from_millis(100));
        assert!(!late.is_finished() && !opening.is_finished());
        assert_eq!(server.len("t"), Some(0));
        server.resume();
        assert_eq!(late.join().unwrap(), Ok(()));
        opening.join().unwrap().unwrap();
    });
}

#[test]
fn a_paused_server_can_be_ended_in_every_way() {
    let server = start(Listen::Tcp);
    let begun = Instant::now();
    for end in [Server::kill, Server::shutdown, Server::stop_listening, |server: &Server| {
        server.restart().unwrap();
    }] {
        let client = connect(server.uri()).unwrap();
        client.ping().unwrap();
        server.pause();
        end(&server);
        assert_eq!(server.len("t"), Some(0));
        server.restart().unwrap();
        client.ping().unwrap();
    }
    connect(server.uri()).unwrap().ping().unwrap();
    server.pause();
    drop(server);
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[test]
fn passwords_change_and_users_go() {
    let server = start(Listen::Tcp);
    let with = |user: &str, password: &str| {
        let uri = format!("tarantool://{user}:{password}@{}", server.uri());
        connect(uri.as_str()).map_err(|error| error.code())
    };
    let client = with("ann", "old").unwrap();
    let refused = with("ann", "new").unwrap_err();
    assert!(refused.is_some());
    server.set_password("ann", "new");
    client.ping().unwrap();
    assert_eq!(with("ann", "old").unwrap_err(), refused);
    with("ann", "new").unwrap();
    server.set_password("bob", "his");
    with("bob", "his").unwrap();
    assert!(server.remove_user("bob"));
    assert!(!server.remove_user("bob"));
    assert_eq!(with("bob", "his").unwrap_err(), refused);
    server.restart().unwrap();
    assert_eq!(with("ann", "old").unwrap_err(), refused);
    with("ann", "new").unwrap();
}
