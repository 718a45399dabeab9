//! Transactions, by bytes of our own.

use tarantool_proto::Key;
use tarantool_testkit::{ErrorCode, RequestType, Server};

use crate::raw::{Body, Raw};

fn start() -> (Server, Raw) {
    let server = Server::start().unwrap();
    let space = server.space("t").id(600).field("id", "unsigned").field("v", "unsigned");
    space.primary_key("id").create().unwrap();
    let raw = Raw::connect(&server);
    (server, raw)
}

fn row(id: u64, value: u64) -> Body {
    Body::new().with(Key::SPACE_ID, &600).with(Key::TUPLE, &(id, value))
}

fn key(id: u64) -> Body {
    Body::new().with(Key::SPACE_ID, &600).with(Key::LIMIT, &10).with(Key::KEY, &(id,))
}

const NONE: [Vec<u64>; 0] = [];

#[test]
fn a_transaction_is_seen_when_it_is_committed() {
    let (server, mut raw) = start();
    let empty = Body::new();
    assert!(raw.ask(RequestType::BEGIN, 1, &empty).is_ok());
    assert_eq!(raw.ask(RequestType::INSERT, 1, &row(1, 5)).unwrap(), [[1, 5]]);
    assert_eq!(raw.ask(RequestType::SELECT, 1, &key(1)).unwrap(), [[1, 5]]);
    assert_eq!(raw.ask(RequestType::SELECT, 0, &key(1)).unwrap(), NONE);
    assert_eq!(raw.ask(RequestType::SELECT, 2, &key(1)).unwrap(), NONE);
    assert!(raw.ask(RequestType::COMMIT, 1, &empty).is_ok());
    assert_eq!(raw.ask(RequestType::SELECT, 0, &key(1)).unwrap(), [[1, 5]]);

    assert!(raw.ask(RequestType::BEGIN, 1, &empty).is_ok());
    assert!(raw.ask(RequestType::REPLACE, 1, &row(1, 6)).is_ok());
    assert!(raw.ask(RequestType::ROLLBACK, 1, &empty).is_ok());
    assert_eq!(server.rows::<(u64, u64)>("t").unwrap(), [(1, 5)]);
    assert!(raw.ask(RequestType::COMMIT, 1, &empty).is_ok());
}

#[test]
fn the_second_of_two_conflicting_transactions_fails() {
    let (server, mut raw) = start();
    let empty = Body::new();
    for stream in [1, 2] {
        assert!(raw.ask(RequestType::BEGIN, stream, &empty).is_ok());
        assert_eq!(raw.ask(RequestType::SELECT, stream, &key(1)).unwrap(), NONE);
        assert!(raw.ask(RequestType::REPLACE, stream, &row(1, stream)).is_ok());
    }
    assert!(raw.ask(RequestType::COMMIT, 1, &empty).is_ok());
    let conflict = Err(ErrorCode::TRANSACTION_CONFLICT);
    assert_eq!(raw.ask(RequestType::SELECT, 2, &key(1)), conflict);
    assert_eq!(raw.ask(RequestType::COMMIT, 2, &empty), conflict);
    assert!(raw.ask(RequestType::BEGIN, 2, &empty).is_ok());
    assert_eq!(raw.ask(RequestType::BEGIN, 2, &empty), Err(ErrorCode::ACTIVE_TRANSACTION));
    assert_eq!(server.rows::<(u64, u64)>("t").unwrap(), [(1, 1)]);
}

#[test]
fn a_transaction_that_only_reads_sees_one_moment() {
    let (_server, mut raw) = start();
    let empty = Body::new();
    assert!(raw.ask(RequestType::BEGIN, 1, &empty).is_ok());
    assert_eq!(raw.ask(RequestType::SELECT, 1, &key(1)).unwrap(), NONE);
    assert!(raw.ask(RequestType::REPLACE, 0, &row(1, 1)).is_ok());
    assert_eq!(raw.ask(RequestType::SELECT, 1, &key(1)).unwrap(), NONE);
    assert!(raw.ask(RequestType::COMMIT, 1, &empty).is_ok());
}

#[test]
fn timeouts_and_levels() {
    let (_server, mut raw) = start();
    let timeout = Body::new().with(Key::TIMEOUT, &0.02_f64);
    assert!(raw.ask(RequestType::BEGIN, 1, &timeout).is_ok());
    assert!(raw.ask(RequestType::INSERT, 1, &row(1, 1)).is_ok());
    std::thread::sleep(std::time::Duration::from_millis(30));
    let late = Err(ErrorCode::TRANSACTION_TIMEOUT);
    assert_eq!(raw.ask(RequestType::SELECT, 1, &key(1)), late);
    assert_eq!(raw.ask(RequestType::COMMIT, 1, &Body::new()), late);
    assert_eq!(raw.ask(RequestType::SELECT, 0, &key(1)).unwrap(), NONE);

    let linearizable = Body::new().with(Key::TXN_ISOLATION, &4);
    assert!(raw.ask(RequestType::BEGIN, 1, &linearizable).is_ok());
    assert_eq!(raw.ask(RequestType::INSERT, 1, &row(1, 1)), Err(ErrorCode::UNSUPPORTED));
    assert!(raw.ask(RequestType::ROLLBACK, 1, &Body::new()).is_ok());
    let unknown = Body::new().with(Key::TXN_ISOLATION, &5);
    assert_eq!(raw.ask(RequestType::BEGIN, 1, &unknown), Err(ErrorCode::ILLEGAL_PARAMS));
    let negative = Body::new().with(Key::TIMEOUT, &-1.0_f64);
    assert_eq!(raw.ask(RequestType::BEGIN, 1, &negative), Err(ErrorCode::ILLEGAL_PARAMS));
}

#[test]
fn a_closed_connection_leaves_nothing() {
    let (server, mut raw) = start();
    assert!(raw.ask(RequestType::BEGIN, 1, &Body::new()).is_ok());
    assert!(raw.ask(RequestType::INSERT, 1, &row(1, 1)).is_ok());
    drop(raw);
    let mut other = Raw::connect(&server);
    assert_eq!(other.ask(RequestType::SELECT, 0, &key(1)).unwrap(), NONE);
}
