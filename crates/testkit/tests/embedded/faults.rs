//! Each fault, as a client sees it.

use std::time::{Duration, Instant};

use tarantool_blocking::request::Insert;
use tarantool_blocking::{Client, Config, Outcome, connect};
use tarantool_testkit::{ErrorCode, Fault, RequestType, Server, ServerError};

fn start() -> (Server, Client) {
    let server = Server::start().unwrap();
    server.space("t").primary_key("id").create().unwrap();
    server.function("echo", |(value,): (u64,)| Ok(value));
    let client = connect(server.uri()).unwrap();
    client.ping().unwrap();
    (server, client)
}

fn insert(client: &Client, id: u64) -> Result<(), tarantool_blocking::Error> {
    client.space::<(u64,)>("t").insert(&(id,))
}

#[test]
fn closed_before_and_after_executing() {
    for (fault, rows) in [(Fault::CloseBeforeExecuting, 0), (Fault::CloseAfterExecuting, 1)] {
        let (server, client) = start();
        let rule = server.fault(fault);
        rule.on(RequestType::INSERT).once();
        let error = insert(&client, 1).unwrap_err();
        assert_eq!(error.outcome(), Outcome::MaybeExecuted, "{error}");
        assert_eq!(server.len("t"), Some(rows));
        assert!(rule.is_over());
        assert!(insert(&connect(server.uri()).unwrap(), 2).is_ok());
    }
}

#[test]
fn broken_replies_end_the_connection() {
    for fault in [Fault::CloseInFrame, Fault::Garbage, Fault::WrongSync] {
        let (server, client) = start();
        server.fault(fault.clone()).on(RequestType::INSERT);
        let error = insert(&client, 1).unwrap_err();
        assert_eq!(error.outcome(), Outcome::MaybeExecuted, "{fault:?}: {error}");
        assert_eq!(server.len("t"), Some(1), "{fault:?}");
    }
}

#[test]
fn a_reply_that_never_comes_or_comes_late() {
    let (server, client) = start();
    let patient = client.with_timeout(Duration::from_millis(50));
    server.fault(Fault::NeverAnswer).on(RequestType::INSERT);
    let error = insert(&patient, 1).unwrap_err();
    assert!(error.is_timeout() && error.outcome() == Outcome::MaybeExecuted, "{error}");
    server.fault(Fault::Delay(Duration::from_millis(200))).on_call("echo");
    let error = patient.call::<u64>("echo", (1,)).unwrap_err();
    assert!(error.is_timeout(), "{error}");
    let begun = Instant::now();
    server.fault(Fault::Delay(Duration::from_millis(100))).on_call("echo");
    assert_eq!(client.call::<u64>("echo", (2,)).unwrap(), 2);
    assert!(begun.elapsed() >= Duration::from_millis(100));
    std::thread::sleep(Duration::from_millis(150));
    client.ping().unwrap();
    assert_eq!(client.stats().late_replies, 1);
}

#[test]
fn overtaken_and_trickled_replies_are_good_replies() {
    let (server, client) = start();
    server.fault(Fault::OutOfOrder).on(RequestType::INSERT);
    let first = client.submit(Insert::into("t").row((1,)));
    let second = client.submit(Insert::into("t").row((2,)));
    assert_eq!(second.wait().unwrap().first().unwrap(), Some((2,)));
    assert_eq!(first.wait().unwrap().first().unwrap(), Some((1,)));
    server.fault(Fault::ByteByByte).on_call("echo");
    assert_eq!(client.call::<u64>("echo", (3,)).unwrap(), 3);
}

#[test]
fn a_second_answer_is_nobodys() {
    let (server, client) = start();
    server.fault(Fault::AnswerTwice).on_call("echo");
    assert_eq!(client.call::<u64>("echo", (3,)).unwrap(), 3);
    client.ping().unwrap();
    assert_eq!(client.stats().late_replies, 1);
}

#[test]
fn a_server_that_stops_reading_or_closes_its_half() {
    let (server, _) = start();
    let config = Config::parse(server.uri()).unwrap();
    let client = connect(config.request_timeout(Duration::from_millis(50))).unwrap();
    server.fault(Fault::StopReading).on_call("echo");
    assert_eq!(client.call::<u64>("echo", (3,)).unwrap(), 3);
    let error = client.ping().unwrap_err();
    assert!(error.is_timeout(), "{error}");

    let (server, _) = start();
    let config = Config::parse(server.uri()).unwrap();
    let client = connect(config.reconnect(false)).unwrap();
    server.fault(Fault::HalfClose).on_call("echo");
    assert_eq!(client.call::<u64>("echo", (3,)).unwrap(), 3);
    assert!(client.ping().is_err());
    assert!(client.failure().is_some());
}

#[test]
fn an_error_instead_of_executing() {
    let (server, client) = start();
    let error = ServerError::new(ErrorCode::READONLY, "Can't modify data on a read-only instance");
    let rule = server.fault(Fault::Error(error));
    rule.on(RequestType::INSERT).after(1).times(2);
    let codes: Vec<_> =
        (1..=4).map(|id| insert(&client, id).map_err(|error| error.code())).collect();
    let refused = Err(Some(ErrorCode::READONLY));
    assert_eq!(codes, [Ok(()), refused, refused, Ok(())]);
    assert_eq!(server.len("t"), Some(2));
}

#[test]
fn at_the_opening() {
    let (server, _) = start();
    server.fault(Fault::Refuse);
    assert!(connect(server.uri()).is_err());
    let slow = server.fault(Fault::SlowGreeting(Duration::from_millis(300)));
    slow.times(2);
    let config = Config::parse(server.uri()).unwrap();
    let error = connect(config.clone().connect_timeout(Duration::from_millis(50))).unwrap_err();
    assert!(error.to_string().contains("greeting"), "{error}");
    connect(config).unwrap().ping().unwrap();
    assert!(slow.is_over());
}

#[test]
fn faults_of_one_connection_and_their_end() {
    let (server, client) = start();
    let other = connect(server.uri()).unwrap();
    let refusal = || Fault::Error(ServerError::new(ErrorCode::READONLY, "no"));
    let rule = server.fault(refusal());
    rule.on(RequestType::INSERT).on_connection(2).always();
    insert(&client, 1).unwrap();
    assert!(insert(&other, 2).is_err());
    assert!(insert(&other, 2).is_err());
    rule.remove();
    insert(&other, 2).unwrap();
}
