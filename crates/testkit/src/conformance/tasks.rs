//! Many tasks, or threads, on one connection.

use std::time::Duration;

use tarantool_client::{Batching, Client};

use super::backend::unique;
use super::{Adapter, Backend, Task, connect, connect_as};

/// Every task makes requests one after the other and knows what each must be answered with.
async fn echo_from_tasks<A: Adapter>(client: &Client<A::Mode>, tasks: usize, requests: usize) {
    let tasks = (0..tasks).map(|task| {
        let client = client.clone();
        let running = async move {
            for request in 0..requests {
                let unique = (task * requests + request) as u64;
                let text = "x".repeat(unique as usize % 200);
                let reply = A::wait(client.call("echo", (unique, &text)));
                let back: (u64, String) = reply.await.unwrap();
                assert_eq!(back, (unique, text));
            }
        };
        Box::pin(running) as Task
    });
    A::tasks(tasks.collect()).await;
}

pub async fn any_number_of_tasks_get_their_own_answers<A: Adapter>(server: &Backend) {
    for (tasks, requests) in [(1, 200), (2, 200), (10, 100), (100, 20), (1000, 5)] {
        let client = connect::<A>(server).await;
        echo_from_tasks::<A>(&client, tasks, requests).await;
        let stats = client.stats();
        assert_eq!(stats.answered, (tasks * requests) as u64);
        assert_eq!((stats.timed_out, stats.cancelled, stats.late_replies), (0, 0, 0));
        assert_eq!(client.in_flight(), 0);
    }
}

pub async fn every_batching_serves_many_tasks<A: Adapter>(server: &Backend) {
    for batching in [
        Batching::adaptive(),
        Batching::immediate(),
        Batching::linger(Duration::from_millis(1)),
        Batching::immediate().up_to(1),
        Batching::linger(Duration::from_micros(50)).up_to(300),
    ] {
        let client = connect_as::<A>(server.config().batching(batching)).await;
        echo_from_tasks::<A>(&client, 50, 20).await;
        assert_eq!(client.in_flight(), 0, "{batching:?}");
    }
}

pub async fn a_full_connection_answers_all<A: Adapter>(server: &Backend) {
    for in_flight_max in [1, 2, 7] {
        let config = server.config().in_flight_max(in_flight_max).graceful_shutdown(Duration::ZERO);
        let client = connect_as::<A>(config).await;
        let name = unique("trace");
        let tasks = (0..200_u64).map(|id| {
            let (client, name) = (client.clone(), name.clone());
            let running = async move {
                let () = A::wait(client.call("trace", (name, id))).await.unwrap();
            };
            Box::pin(running) as Task
        });
        A::tasks(tasks.collect()).await;
        let mut order: Vec<u64> = A::wait(client.call("traced", name)).await.unwrap();
        order.sort_unstable();
        assert_eq!(order, Vec::from_iter(0..200), "{in_flight_max} in flight");
        let together = client.stats().batch_requests;
        let widest = together.buckets().iter().rposition(|count| *count > 0);
        // The two requests of the handshake leave together too.
        assert!(1 << widest.unwrap() <= in_flight_max.max(2), "{together:?}");
    }
}
