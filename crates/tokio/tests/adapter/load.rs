//! Many tasks on one connection.

use tarantool_testkit::conformance::Backend;
use tarantool_testkit::conformance::backend::{create_space, index, unique};
use tarantool_tokio::connect;

use crate::{Tokio, connected, with_server};

/// Tasks of the current-thread runtime run in the order of their making.
#[test]
fn a_full_connection_answers_all_in_their_order() {
    async fn test(server: &Backend) {
        for in_flight_max in [1, 2, 7] {
            let config = server.config().in_flight_max(in_flight_max);
            let client = connect(config).await.unwrap();
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
        }
    }
    with_server("a_full_connection_answers_all_in_their_order", test);
}

#[test]
fn forty_tasks_share_their_system_calls() {
    const TASKS: u64 = 40;
    const REQUESTS: u64 = 20_000;

    async fn test(server: &Backend) {
        let format = &[("id", "unsigned"), ("text", "string")];
        let (name, number) = create_space::<Tokio>(server, format, &[index("id", &["id"])]).await;
        let client = connected(server).await;
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
    }
    with_server("forty_tasks_share_their_system_calls", test);
}
