//! Clients and connections that are dropped: their tasks end.

use std::time::Duration;

use tarantool_testkit::conformance::backend::{create_space, index};
use tarantool_testkit::conformance::{Backend, bounded, peer::serve};
use tokio::time::timeout;

use crate::{Tokio, at_most_tasks, connected, on_current_thread, tasks, with_server};

#[test]
fn requests_of_a_dropped_client_are_executed_and_its_task_ends() {
    async fn test(server: &Backend) {
        let format = &[("id", "unsigned"), ("text", "string")];
        let (_, number) = create_space::<Tokio>(server, format, &[index("id", &["id"])]).await;
        let witness = connected(server).await;
        let seen = witness.space::<(u64, String)>(number);
        let before = tasks();

        let client = connected(server).await;
        let space = client.space::<(u64, String)>(number);
        let replies: Vec<_> = (0..500).map(|id| space.insert(&(id, "x".repeat(100)))).collect();
        let slow = client.call::<u64>("slow", (0.1, 7));
        drop((client, space));
        assert_eq!(slow.await.unwrap(), 7);
        for reply in replies {
            reply.await.unwrap();
        }
        at_most_tasks(before).await;
        assert_eq!(seen.select(()).await.unwrap().len(), 500);
    }
    with_server("requests_of_a_dropped_client_are_executed_and_its_task_ends", test);
}

#[test]
fn a_connect_that_is_given_up_leaves_no_task() {
    bounded(|| {
        on_current_thread(async {
            let before = tasks();
            let (config, peer) = serve(|link| link.linger());
            let connecting = tarantool_tokio::connect(config.connect_timeout(Duration::ZERO));
            timeout(Duration::from_millis(50), connecting).await.unwrap_err();
            at_most_tasks(before).await;
            peer.join().await;
        });
    });
}

#[test]
fn closing_ends_the_task_while_handles_live() {
    async fn test(server: &Backend) {
        let before = tasks();
        let client = connected(server).await;
        let clone = client.clone();
        let under_way = client.call::<u64>("slow", (0.05, 7));
        client.close();
        assert_eq!(under_way.await.unwrap(), 7);
        at_most_tasks(before).await;
        let error = clone.ping().await.unwrap_err();
        assert!(error.to_string().starts_with("ping: not sent: "), "{error}");
    }
    with_server("closing_ends_the_task_while_handles_live", test);
}
