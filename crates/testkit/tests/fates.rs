//! What becomes of requests when their connection is lost: the table of the guide's page `outcomes`,
//! column by column.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use tarantool_testkit::Server;
use tarantool_testkit::conformance::bounded;
use tarantool_tokio::{Client, Config, ErrorKind, Outcome, Pending, Status, connect};

type Call = Pending<u64>;

/// What is told of a request: its value, or its outcome and whether its connection is gone.
#[derive(Debug, PartialEq)]
enum Fate {
    Value,
    Failed(Outcome),
    Gone,
}

use Fate::{Failed, Gone, Value};
use Outcome::{MaybeExecuted, NotSent};

async fn fate(call: Call) -> Fate {
    match call.await {
        Ok(_) => Value,
        Err(error) if matches!(error.kind(), ErrorKind::ConnectionGone { .. }) => {
            assert_eq!(error.outcome(), NotSent, "{error}");
            Gone
        }
        Err(error) => Failed(error.outcome()),
    }
}

/// A server, and whether it was killed: its slow function returns only then.
fn serve() -> (Server, Arc<AtomicBool>) {
    let server = Server::start().unwrap();
    let killed = Arc::new(AtomicBool::new(false));
    let is_killed = Arc::clone(&killed);
    server.function("quick", |(): ()| Ok(1));
    server.function("slow", move |(): ()| {
        while !is_killed.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(1));
        }
        Ok(1)
    });
    (server, killed)
}

fn call(client: &Client, function: &str) -> Call {
    client.call(function, ())
}

/// The rows of the table, in its order, with another one for what is made once all is well again.
async fn fates(configure: fn(Config) -> Config) -> [Fate; 7] {
    let (server, killed) = serve();
    let client = connect(configure(Config::parse(server.uri()).unwrap())).await.unwrap();
    let answered = call(&client, "quick");
    while client.in_flight() > 0 {
        tokio::task::yield_now().await;
    }
    let transaction = client.transaction().begin().await.unwrap();
    let idempotent = call(&client.idempotent(), "slow");
    let written = call(&client, "slow");
    let in_transaction = call(&transaction, "slow");
    while client.stats().requests_out < 5 {
        tokio::task::yield_now().await;
    }
    let ready = client.status();
    assert!(matches!(ready, Status::Ready { .. }), "{ready:?}");
    server.kill();
    killed.store(true, Ordering::Relaxed);
    client.status_changed(&ready).await;
    let of_the_transaction = call(&transaction, "quick");
    let meanwhile = call(&client, "quick");
    server.restart().unwrap();
    let mut fates = Vec::new();
    let calls = [answered, idempotent, written, in_transaction, of_the_transaction, meanwhile];
    for call in calls {
        fates.push(fate(call).await);
    }
    let mut status = client.status();
    while !matches!(status, Status::Ready { .. } | Status::Closed) {
        status = client.status_changed(&status).await;
    }
    fates.push(fate(call(&client, "quick")).await);
    fates.try_into().unwrap()
}

fn check(configure: fn(Config) -> Config, expected: [Fate; 7]) {
    bounded(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        assert_eq!(runtime.unwrap().block_on(fates(configure)), expected);
    });
}

#[test]
fn requests_wait_for_the_next_connection_or_are_told() {
    let lost = || Failed(MaybeExecuted);
    check(|config| config, [Value, Value, lost(), lost(), Gone, Value, Value]);
}

#[test]
fn nothing_waits_if_it_shall_not() {
    let lost = || Failed(MaybeExecuted);
    let expected = [Value, lost(), lost(), lost(), Gone, Failed(NotSent), Value];
    check(|config| config.wait_while_down(false), expected);
}

#[test]
fn without_another_connection_all_is_over() {
    let (lost, not_sent) = (|| Failed(MaybeExecuted), || Failed(NotSent));
    let expected = [Value, lost(), lost(), lost(), not_sent(), not_sent(), not_sent()];
    check(|config| config.reconnect(false), expected);
}
