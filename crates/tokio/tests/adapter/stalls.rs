//! Peers that stop reading: the task of their connection ends all the same.

use std::time::Duration;

use tarantool_testkit::conformance::bounded;
use tarantool_testkit::conformance::stalls::{deaf, deaf_and_half_closed, too_much};
use tarantool_tokio::connect;

use crate::{at_most_tasks, on_current_thread};

/// Nobody is left who could be told anything.
#[test]
fn a_deaf_peer_does_not_keep_the_task_of_a_dropped_client() {
    bounded(|| {
        on_current_thread(async {
            let (config, _peer) = deaf();
            let limit = Duration::from_millis(200);
            let config = config.request_timeout(limit).close_timeout(limit);
            let client = connect(config).await.unwrap();
            client.call::<()>("echo", too_much()).await.unwrap_err();
            drop(client);
            at_most_tasks(0).await;
        });
    });
}

#[test]
fn a_peer_that_closes_without_reading_costs_no_processor_time() {
    bounded(|| {
        on_current_thread(async {
            let (config, peer) = deaf_and_half_closed();
            let client = connect(config).await.unwrap();
            client.call::<()>("echo", too_much()).await.unwrap_err();
            // The connection is over for everyone, so its task must be.
            at_most_tasks(0).await;
            drop(peer);
        });
    });
}
