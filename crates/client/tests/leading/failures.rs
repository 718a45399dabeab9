//! A socket that fails, or ends.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use tarantool_client::{Blocking, Client, Error, ErrorKind, Outcome};

use crate::socket::{Script, State, TICK};
use tarantool_testkit::conformance::bounded;
use tarantool_testkit::conformance::packets::ok;

const THREADS: usize = 6;

/// Calls from several threads that are all under way when `fail` changes the socket; their errors.
fn fails(script: &Script, client: &Client<Blocking>, fail: impl FnOnce(&mut State)) -> Vec<Error> {
    thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(|| client.ping())).collect();
        script.take_requests(THREADS);
        let started = Instant::now();
        script.change(fail);
        let results = threads.into_iter().map(|thread| thread.join().unwrap());
        let errors: Vec<_> = results.map(Result::unwrap_err).collect();
        assert!(started.elapsed() < TICK + Duration::from_secs(1));
        errors
    })
}

fn expect_lost(errors: &[Error], why: &str) {
    for error in errors {
        let text = error.to_string();
        assert!(matches!(error.kind(), ErrorKind::Lost { .. }), "{text}");
        assert_eq!(error.outcome(), Outcome::MaybeExecuted);
        let start = format!("ping: connection to scripted:1 lost ({why}");
        assert!(text.starts_with(&start), "{text}");
    }
}

fn expect_refused(client: &Client<Blocking>, why: &str) {
    assert_eq!(client.in_flight(), 0);
    let error = client.ping().unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::NotAccepted { .. }), "{error}");
    assert!(error.to_string().contains(why), "{error}");
    let error = client.submit(tarantool_client::request::Ping).wait().unwrap_err();
    assert_eq!(error.outcome(), Outcome::NotSent, "{error}");
}

#[test]
fn a_failing_read_is_told_to_everybody() {
    bounded(|| {
        let script = Script::silent();
        let client = script.connect();
        let errors = fails(&script, &client, |state| {
            state.read_error = Some(io::ErrorKind::ConnectionReset);
        });
        expect_lost(&errors, "connection reset");
        expect_refused(&client, "connection reset");
    });
}

#[test]
fn the_end_of_the_stream_is_told_to_everybody() {
    bounded(|| {
        let script = Script::silent();
        let client = script.connect();
        let errors = fails(&script, &client, |state| state.ended = true);
        expect_lost(&errors, "the server closed the connection while in use");
        expect_refused(&client, "the server closed the connection");
    });
}

#[test]
fn a_failing_write_is_told_to_everybody() {
    bounded(|| {
        let script = Script::silent();
        let client = script.connect();
        thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(|| client.ping())).collect();
            script.take_requests(THREADS);
            script.change(|state| state.write_error = Some(io::ErrorKind::BrokenPipe));
            let started = Instant::now();
            let error = client.ping().unwrap_err();
            assert_eq!(error.outcome(), Outcome::NotSent, "{error}");
            assert!(error.to_string().contains("broken pipe"), "{error}");
            let results = threads.into_iter().map(|thread| thread.join().unwrap());
            let errors: Vec<_> = results.map(Result::unwrap_err).collect();
            expect_lost(&errors, "broken pipe");
            assert!(started.elapsed() < TICK + Duration::from_secs(1));
        });
        expect_refused(&client, "broken pipe");
    });
}

#[test]
fn a_write_that_fails_half_way_leaves_the_rest_unsent() {
    bounded(|| {
        let script = Script::silent();
        let client = script.connect();
        script.change(|state| state.room = 30);
        thread::scope(|scope| {
            let begun = scope.spawn(|| client.call::<()>("f", "x".repeat(1_000)));
            script.wait_for(|calls| calls.waits >= 1);
            let behind = scope.spawn(|| client.ping());
            while client.in_flight() < 2 {
                thread::sleep(Duration::from_millis(1));
            }
            script.change(|state| state.write_error = Some(io::ErrorKind::BrokenPipe));
            let begun = begun.join().unwrap().unwrap_err();
            assert_eq!(begun.outcome(), Outcome::MaybeExecuted, "{begun}");
            let behind = behind.join().unwrap().unwrap_err();
            assert_eq!(behind.outcome(), Outcome::NotSent, "{behind}");
        });
    });
}

#[test]
fn a_write_that_takes_nothing_ends_the_connection() {
    bounded(|| {
        let script = Script::silent();
        let client = script.connect();
        script.change(|state| state.write_error = Some(io::ErrorKind::WriteZero));
        let error = client.ping().unwrap_err();
        assert_eq!(error.outcome(), Outcome::NotSent, "{error}");
        expect_refused(&client, &io::ErrorKind::WriteZero.to_string());
    });
}

#[test]
fn interruptions_are_no_failure() {
    bounded(|| {
        let script = Script::silent();
        let client = script.connect();
        thread::scope(|scope| {
            let calling = scope.spawn(|| client.ping());
            let request = script.take_requests(1).remove(0);
            script.change(|state| state.read_error = Some(io::ErrorKind::Interrupted));
            script.wait_for(|calls| calls.receives > 10);
            script.change(|state| state.read_error = None);
            script.give(&ok(request.sync));
            calling.join().unwrap().unwrap();
        });
    });
}

/// What came before the end counts.
#[test]
fn an_answer_before_the_end_of_the_stream_is_taken() {
    bounded(|| {
        let script = Script::silent();
        let client = script.connect();
        thread::scope(|scope| {
            let first = scope.spawn(|| client.ping());
            let answered = script.take_requests(1).remove(0);
            let second = scope.spawn(|| client.ping());
            script.take_requests(1);
            script.give_and_end(&ok(answered.sync));
            first.join().unwrap().unwrap();
            let error = second.join().unwrap().unwrap_err();
            assert_eq!(error.outcome(), Outcome::MaybeExecuted, "{error}");
        });
    });
}

#[test]
fn a_handshake_that_fails_or_takes_too_long_gives_its_reason() {
    bounded(|| {
        let host = "scripted".to_owned();
        let address = tarantool_client::Address::Tcp { host, port: 1 };
        let config = tarantool_client::Config::new(address).user("app");
        let config = config.connect_timeout(Duration::from_millis(50));
        let connect = |script: &Script| {
            tarantool_client::connect_blocking(&config, script.clone()).unwrap_err()
        };
        let error = connect(&Script::silent());
        assert!(error.to_string().contains("timed out during login"), "{error}");
        let script = Script::silent();
        script.change(|state| state.write_error = Some(io::ErrorKind::BrokenPipe));
        let error = connect(&script);
        assert!(error.to_string().contains("broken pipe"), "{error}");
        let script = Script::silent();
        script.change(|state| state.ended = true);
        let error = connect(&script);
        assert!(error.to_string().contains("closed the connection"), "{error}");
    });
}
