//! Many tasks on one connection.

use std::future::Future;

use tarantool_client::Async;
use tarantool_testkit::Tarantool;
use tarantool_tokio::{Batching, Client, Config};

use crate::suite::support::connect_as;
use crate::suite::{bounded, connect, create_space, server, unique};
use crate::{on_current_thread, on_multi_thread};

fn with_server<F: Future<Output = ()>>(
    test: &'static str,
    run: impl FnOnce(F) + Send + 'static,
    body: impl FnOnce(&'static Tarantool) -> F + Send + 'static,
) {
    bounded(move || {
        if let Some(server) = server(test) {
            run(body(server));
        }
    });
}

/// Every task makes requests one after the other and knows what each must be answered with.
async fn echo_from_tasks(client: &Client, tasks: usize, requests: usize) {
    let running: Vec<_> = (0..tasks)
        .map(|task| {
            let client = client.clone();
            tokio::spawn(async move {
                for request in 0..requests {
                    let unique = (task * requests + request) as u64;
                    let text = "x".repeat(unique as usize % 200);
                    let back: (u64, String) = if unique % 2 == 0 {
                        client.call("echo", (unique, &text)).await.unwrap()
                    } else {
                        client.eval("return ...", (unique, &text)).await.unwrap()
                    };
                    assert_eq!(back, (unique, text));
                }
            })
        })
        .collect();
    for task in running {
        task.await.unwrap();
    }
}

async fn any_number_of_tasks_get_their_own_answers(server: &Tarantool) {
    for (tasks, requests) in [(1, 200), (2, 200), (10, 100), (100, 20), (1000, 5)] {
        let client = connect::<Async>(server).await;
        echo_from_tasks(&client, tasks, requests).await;
        let stats = client.stats();
        assert_eq!(stats.answered, (tasks * requests) as u64);
        assert_eq!((stats.timed_out, stats.cancelled, stats.late_replies), (0, 0, 0));
        assert_eq!(client.in_flight(), 0);
    }
}

#[test]
fn any_number_of_tasks_get_their_own_answers_on_one_thread() {
    with_server(
        "any_number_of_tasks_get_their_own_answers_on_one_thread",
        on_current_thread,
        any_number_of_tasks_get_their_own_answers,
    );
}

#[test]
fn any_number_of_tasks_get_their_own_answers_on_several_threads() {
    with_server(
        "any_number_of_tasks_get_their_own_answers_on_several_threads",
        on_multi_thread,
        any_number_of_tasks_get_their_own_answers,
    );
}

#[test]
fn a_full_connection_answers_all_in_their_order() {
    with_server(
        "a_full_connection_answers_all_in_their_order",
        on_current_thread,
        async |server: &Tarantool| {
            for in_flight_max in [1, 2, 7] {
                let config = Config::parse(&server.uri()).unwrap();
                let client = connect_as::<Async>(config.in_flight_max(in_flight_max)).await;
                let name = unique("trace");
                let tasks: Vec<_> = (0..200_u64)
                    .map(|id| {
                        let (client, name) = (client.clone(), name.clone());
                        tokio::spawn(async move { client.call("trace", (name, id)).await })
                    })
                    .collect();
                for task in tasks {
                    let () = task.await.unwrap().unwrap();
                }
                let order: Vec<u64> = client.call("traced", name).await.unwrap();
                assert_eq!(order, Vec::from_iter(0..200), "{in_flight_max} in flight");
                let together = client.stats().batch_requests;
                let widest = together.buckets().iter().rposition(|count| *count > 0);
                // The two requests of the handshake leave together too.
                assert!(1 << widest.unwrap() <= in_flight_max.max(2), "{together:?}");
            }
        },
    );
}

async fn every_batching_serves_many_tasks(server: &Tarantool) {
    use std::time::Duration;

    for batching in [
        Batching::adaptive(),
        Batching::immediate(),
        Batching::linger(Duration::from_millis(1)),
        Batching::immediate().up_to(1),
        Batching::linger(Duration::from_micros(50)).up_to(300),
    ] {
        let config = Config::parse(&server.uri()).unwrap().batching(batching);
        let client = connect_as::<Async>(config).await;
        echo_from_tasks(&client, 50, 20).await;
        assert_eq!(client.in_flight(), 0, "{batching:?}");
    }
}

#[test]
fn every_batching_serves_many_tasks_on_one_thread() {
    with_server(
        "every_batching_serves_many_tasks_on_one_thread",
        on_current_thread,
        every_batching_serves_many_tasks,
    );
}

#[test]
fn every_batching_serves_many_tasks_on_several_threads() {
    with_server(
        "every_batching_serves_many_tasks_on_several_threads",
        on_multi_thread,
        every_batching_serves_many_tasks,
    );
}

#[test]
fn forty_tasks_share_their_system_calls() {
    const TASKS: u64 = 40;
    const REQUESTS: u64 = 20_000;

    with_server(
        "forty_tasks_share_their_system_calls",
        on_current_thread,
        async |server: &Tarantool| {
            let client = connect::<Async>(server).await;
            let (name, number) = create_space(
                &client,
                "{{'id', 'unsigned'}, {'text', 'string'}}",
                "{{name = 'id'}}",
            )
            .await;
            let before = client.stats();
            let tasks: Vec<_> = (0..TASKS)
                .map(|task| {
                    let client = client.clone();
                    tokio::spawn(async move {
                        let space = client.space::<(u64, String)>(number);
                        for request in 0..REQUESTS / TASKS / 2 {
                            let id = task * 1_000 + request % 100;
                            space.replace(&(id, "x".repeat(100))).await.unwrap();
                            let back: u64 = client.call("echo", id).await.unwrap();
                            assert_eq!(back, id);
                        }
                    })
                })
                .collect();
            for task in tasks {
                task.await.unwrap();
            }
            let stats = client.stats();
            let requests = stats.requests - before.requests;
            assert_eq!(requests, REQUESTS);
            let calls = stats.reads + stats.writes - before.reads - before.writes;
            let each = calls as f64 / requests as f64;
            println!("{each:.3} system calls a request; {stats}");
            assert!(each < 0.5, "{each} system calls a request");
            let rows: u64 = client.eval("return box.space[...]:count()", name).await.unwrap();
            assert_eq!(rows, TASKS * 100);
        },
    );
}
