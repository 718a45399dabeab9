//! The end of a server.

use std::time::{Duration, Instant};

use tarantool_blocking::connect;
use tarantool_proto::Key;
use tarantool_testkit::{RequestType, Server};

use crate::raw::{Body, Raw};

#[test]
fn those_who_watch_are_told_and_waited_for() {
    let server = Server::builder().shutdown_timeout(Duration::from_secs(10)).start().unwrap();
    let mut watching = Raw::connect(&server);
    let mut other = Raw::connect(&server);
    let key = Body::new().with(Key::EVENT_KEY, "box.shutdown");
    watching.send(RequestType::WATCH, 1, 0, &key);
    watching.receive().unwrap();
    watching.send(RequestType::WATCH, 2, 0, &key);
    assert!(watching.ask(RequestType::PING, 0, &Body::new()).is_ok());
    assert!(other.ask(RequestType::PING, 0, &Body::new()).is_ok());
    let begun = Instant::now();
    std::thread::scope(|scope| {
        let shutdown = scope.spawn(|| server.shutdown());
        let event = watching.receive().unwrap();
        assert_eq!((event.header.request_type, event.header.sync), (RequestType::EVENT, 2));
        assert!(other.receive().is_none());
        assert!(watching.ask(RequestType::PING, 0, &Body::new()).is_ok());
        assert!(!shutdown.is_finished());
        drop(watching);
        shutdown.join().unwrap();
    });
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert!(connect(server.uri()).is_err());
}

#[test]
fn those_who_stay_are_cut_off() {
    let server = Server::builder().shutdown_timeout(Duration::from_millis(50)).start().unwrap();
    let mut watching = Raw::connect(&server);
    watching.send(RequestType::WATCH, 1, 0, &Body::new().with(Key::EVENT_KEY, "box.shutdown"));
    watching.receive().unwrap();
    server.shutdown();
    assert_eq!(server.connected(), 0);
    assert!(watching.receive().is_none());
}

#[test]
fn dropping_a_server_frees_its_address() {
    let server = Server::start().unwrap();
    let uri = server.uri().to_owned();
    let client = connect(uri.as_str()).unwrap();
    drop(server);
    assert!(client.ping().is_err());
    assert!(std::net::TcpListener::bind(uri).is_ok());
}
