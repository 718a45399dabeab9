//! Memory and processor time, in a process of their own.

use std::future::Future;

use tarantool_testkit::conformance::{Adapter, Task, hostile, resources};
use tarantool_tokio::{Client, Config, Error};

struct CurrentThread;

impl Adapter for CurrentThread {
    type Mode = tarantool_client::Async;

    fn connect(config: Config) -> impl Future<Output = Result<Client, Error>> {
        tarantool_tokio::connect(config)
    }

    fn run(case: impl Future<Output = ()>) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.unwrap().block_on(case);
    }

    async fn tasks(tasks: Vec<Task>) {
        let running: Vec<_> = tasks.into_iter().map(tokio::spawn).collect();
        for task in running {
            task.await.unwrap();
        }
    }
}

#[test]
fn a_paused_server_does_not_fill_the_memory() {
    resources::alone::<CurrentThread, _>(
        resources::a_paused_server_does_not_fill_the_memory::<CurrentThread>,
    );
}

#[test]
fn requests_cancelled_at_random_keep_no_memory() {
    resources::alone::<CurrentThread, _>(
        resources::requests_cancelled_at_random_keep_no_memory::<CurrentThread>,
    );
}

#[test]
fn a_watcher_that_nobody_reads_keeps_no_memory() {
    resources::alone::<CurrentThread, _>(
        resources::a_watcher_that_nobody_reads_keeps_no_memory::<CurrentThread>,
    );
}

#[test]
fn a_server_that_is_away_costs_no_processor_time() {
    resources::alone::<CurrentThread, _>(
        resources::a_server_that_is_away_costs_no_processor_time::<CurrentThread>,
    );
}

#[test]
fn a_flood_of_late_replies_is_dropped_as_it_comes() {
    resources::alone::<CurrentThread, _>(
        hostile::a_flood_of_late_replies_is_dropped_as_it_comes::<CurrentThread>,
    );
}

#[test]
fn a_flood_of_events_and_messages_is_dropped_as_it_comes() {
    resources::alone::<CurrentThread, _>(
        hostile::a_flood_of_events_and_messages_is_dropped_as_it_comes::<CurrentThread>,
    );
}

#[test]
fn a_packet_that_drips_costs_what_has_come_of_it() {
    resources::alone::<CurrentThread, _>(
        hostile::a_packet_that_drips_costs_what_has_come_of_it::<CurrentThread>,
    );
}

#[test]
fn a_greeting_that_drips_is_given_up_in_time() {
    resources::alone::<CurrentThread, _>(
        hostile::a_greeting_that_drips_is_given_up_in_time::<CurrentThread>,
    );
}

#[test]
fn lies_inside_of_replies_are_errors_of_their_requests() {
    resources::alone::<CurrentThread, _>(
        hostile::lies_inside_of_replies_are_errors_of_their_requests::<CurrentThread>,
    );
}
