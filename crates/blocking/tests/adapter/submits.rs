//! Requests that one thread has under way together.

use std::thread;
use std::time::{Duration, Instant};

use tarantool_blocking::request::{Call, Insert};
use tarantool_blocking::{Client, ErrorCode, Outcome, connect};
use tarantool_testkit::conformance::backend::unique;
use tarantool_testkit::conformance::{Backend, bounded};

fn create_space(client: &Client) -> (String, u32) {
    let name = unique("space");
    let code = "return create(..., {{'id', 'unsigned'}}, {{'id', {'id'}, true}})";
    let number = client.eval(code, &name).unwrap();
    (name, number)
}

fn count(client: &Client, space: &str) -> u64 {
    client.eval("return box.space[...]:count()", space).unwrap()
}

/// Waits until the space holds so many rows.
fn expect_rows(client: &Client, space: &str, rows: u64) {
    let until = Instant::now() + Duration::from_secs(2);
    while count(client, space) != rows {
        let now = count(client, space);
        assert!(Instant::now() < until, "{now} of {rows} rows were inserted");
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn ten_thousand_requests_under_way_are_answered_each_with_its_own() {
    bounded(|| {
        let test = "ten_thousand_requests_under_way_are_answered_each_with_its_own";
        let Some(server) = Backend::shared_real(test) else {
            return;
        };
        let client = connect(server.config()).unwrap();
        let submitted: Vec<_> =
            (0..10_000_u64).map(|id| client.submit(Call::new("echo").arguments(id))).collect();
        for (id, reply) in submitted.into_iter().enumerate() {
            let back: usize = reply.wait().unwrap().returned().unwrap();
            assert_eq!(back, id);
        }
        let stats = client.stats();
        println!("{stats}");
        assert!(stats.system_calls_per_request() < 0.1, "{stats}");
        assert_eq!(client.in_flight(), 0);

        // Waited for from the last to the first, by several threads.
        let mut submitted: Vec<_> =
            (0..2_000_u64).map(|id| (id, client.submit(Call::new("echo").arguments(id)))).collect();
        thread::scope(|scope| {
            while !submitted.is_empty() {
                let part = submitted.split_off(submitted.len().saturating_sub(500));
                scope.spawn(move || {
                    for (id, reply) in part.into_iter().rev() {
                        assert_eq!(reply.wait().unwrap().returned::<u64>(), Ok(id));
                    }
                });
            }
        });
    });
}

#[test]
fn a_full_connection_takes_all_in_their_order() {
    bounded(|| {
        let Some(server) = Backend::shared_real("a_full_connection_takes_all_in_their_order")
        else {
            return;
        };
        for in_flight_max in [1, 2, 7] {
            let client = connect(server.config().in_flight_max(in_flight_max)).unwrap();
            let name = unique("trace");
            let submitted: Vec<_> = (0..200_u64)
                .map(|id| client.submit(Call::new("trace").arguments((&name, id))))
                .collect();
            for reply in submitted {
                reply.wait().unwrap();
            }
            let order: Vec<u64> = client.call("traced", name).unwrap();
            assert_eq!(order, Vec::from_iter(0..200), "{in_flight_max} in flight");
        }
    });
}

#[test]
fn errors_of_submitted_requests_are_seen_when_waited_for() {
    bounded(|| {
        let Some(server) =
            Backend::shared_real("errors_of_submitted_requests_are_seen_when_waited_for")
        else {
            return;
        };
        let client = connect(server.config()).unwrap();
        let (_, number) = create_space(&client);
        let first = client.submit(Insert::into(number).row((1,)));
        let second = client.submit(Insert::into(number).row((1,)));
        let late = client.with_timeout(Duration::from_millis(50));
        let late = late.submit(Call::new("slow").arguments(5));
        first.wait().unwrap();
        let error = second.wait().unwrap_err();
        assert_eq!(error.code(), Some(ErrorCode::TUPLE_FOUND), "{error}");
        let error = late.wait().unwrap_err();
        assert!(error.is_timeout(), "{error}");
        client.close();
        let error = client.submit(Call::new("echo")).wait().unwrap_err();
        assert_eq!(error.outcome(), Outcome::NotSent);
    });
}

#[test]
fn what_nobody_waits_for_is_executed_while_the_client_lives() {
    bounded(|| {
        let test = "what_nobody_waits_for_is_executed_while_the_client_lives";
        let Some(server) = Backend::shared_real(test) else {
            return;
        };
        let witness = connect(server.config()).unwrap();
        let client = connect(server.config()).unwrap();
        let (name, number) = create_space(&witness);
        drop(client.submit(Insert::into(number).row((0, "alone"))));
        expect_rows(&witness, &name, 1);
        for id in 1..1_000 {
            drop(client.submit(Insert::into(number).row((id, "x".repeat(100)))));
        }
        client.flush();
        expect_rows(&witness, &name, 1_000);
        client.ping().unwrap();
        assert_eq!(client.in_flight(), 0);
    });
}

#[test]
fn what_nobody_waits_for_is_executed_after_the_client_is_dropped() {
    const ROWS: u64 = 5_000;

    bounded(|| {
        let test = "what_nobody_waits_for_is_executed_after_the_client_is_dropped";
        let Some(server) = Backend::shared_real(test) else {
            return;
        };
        let witness = connect(server.config()).unwrap();
        let (name, number) = create_space(&witness);
        let client = connect(server.config()).unwrap();
        for id in 0..ROWS {
            drop(client.submit(Insert::into(number).row((id, "x".repeat(100)))));
        }
        drop(client);
        expect_rows(&witness, &name, ROWS);
    });
}

#[test]
fn what_was_submitted_can_be_waited_for_after_the_client_is_dropped() {
    bounded(|| {
        let test = "what_was_submitted_can_be_waited_for_after_the_client_is_dropped";
        let Some(server) = Backend::shared_real(test) else {
            return;
        };
        let client = connect(server.config()).unwrap();
        let submitted: Vec<_> =
            (0..500_u64).map(|id| client.submit(Call::new("echo").arguments(id))).collect();
        drop(client);
        for (id, reply) in submitted.into_iter().enumerate() {
            assert_eq!(reply.wait().unwrap().returned(), Ok(id));
        }
    });
}
