//! Watched keys and messages of calls, by bytes of our own.

use tarantool_proto::Key;
use tarantool_testkit::{RequestType, Server};

use crate::raw::{Body, Raw, event};

fn watch(key: &str) -> Body {
    Body::new().with(Key::EVENT_KEY, key)
}

#[test]
fn the_newest_value_comes_once_it_is_asked_for() {
    let server = Server::start().unwrap();
    let mut raw = Raw::connect(&server);
    raw.send(RequestType::WATCH, 1, 0, &watch("k"));
    assert_eq!(event(&raw.receive().unwrap()), (1, None));
    server.broadcast("k", &1).unwrap();
    assert!(raw.is_silent());
    raw.send(RequestType::WATCH, 2, 0, &watch("k"));
    assert_eq!(event(&raw.receive().unwrap()), (2, Some(1)));
    server.broadcast("k", &2).unwrap();
    server.broadcast("k", &3).unwrap();
    raw.send(RequestType::WATCH, 3, 0, &watch("k"));
    assert_eq!(event(&raw.receive().unwrap()), (3, Some(3)));
    raw.send(RequestType::WATCH, 4, 0, &watch("k"));
    assert!(raw.is_silent());
    server.broadcast("k", &3).unwrap();
    assert_eq!(event(&raw.receive().unwrap()), (4, Some(3)));
    raw.send(RequestType::WATCH, 5, 0, &watch("k"));
    raw.send(RequestType::UNWATCH, 6, 0, &watch("k"));
    assert!(raw.ask(RequestType::PING, 0, &Body::new()).is_ok());
    server.broadcast("k", &4).unwrap();
    assert!(raw.is_silent());
}

#[test]
fn each_connection_watches_for_itself() {
    let server = Server::start().unwrap();
    let mut watchers = [Raw::connect(&server), Raw::connect(&server)];
    for raw in &mut watchers {
        raw.send(RequestType::WATCH, 1, 0, &watch("k"));
        assert_eq!(event(&raw.receive().unwrap()), (1, None));
        raw.send(RequestType::WATCH, 2, 0, &watch("k"));
        assert!(raw.ask(RequestType::PING, 0, &Body::new()).is_ok());
    }
    server.broadcast("k", &7).unwrap();
    for raw in &mut watchers {
        assert_eq!(event(&raw.receive().unwrap()), (2, Some(7)));
    }
}

#[test]
fn once() {
    let server = Server::start().unwrap();
    server.broadcast("k", &[5]).unwrap();
    let mut raw = Raw::connect(&server);
    assert_eq!(raw.ask(RequestType::WATCH_ONCE, 0, &watch("k")).unwrap(), [[5]]);
    let none: [Vec<u64>; 0] = [];
    assert_eq!(raw.ask(RequestType::WATCH_ONCE, 0, &watch("nothing")).unwrap(), none);
}

#[test]
fn messages_come_before_the_result() {
    let server = Server::start().unwrap();
    server.function_with("count", |context, (to,): (u64,)| {
        (1..=to).try_for_each(|number| context.push(&number))?;
        Ok([to])
    });
    let mut raw = Raw::connect(&server);
    let call = Body::new().with(Key::FUNCTION_NAME, "count").with(Key::TUPLE, &(2,));
    raw.send(RequestType::CALL, 9, 0, &call);
    for _ in 0..2 {
        let chunk = raw.receive().unwrap();
        assert_eq!((chunk.header.request_type, chunk.header.sync), (RequestType::CHUNK, 9));
    }
    let packet = raw.receive().unwrap();
    assert_eq!((packet.header.request_type, packet.header.sync), (RequestType::OK, 9));
    assert_eq!(crate::raw::reply(packet).unwrap(), [[2]]);
}
