//! Memory and processor time, in a process of their own.

use std::future::{Future, ready};
use std::thread;

use tarantool_blocking::{Client, Config, Error};
use tarantool_testkit::conformance::{Adapter, Task, block_on, hostile, resources};

struct Threads;

impl Adapter for Threads {
    type Mode = tarantool_client::Blocking;

    fn connect(config: Config) -> impl Future<Output = Result<Client, Error>> {
        ready(tarantool_blocking::connect(config))
    }

    fn run(case: impl Future<Output = ()>) {
        block_on(case);
    }

    async fn tasks(tasks: Vec<Task>) {
        thread::scope(|scope| {
            for task in tasks {
                scope.spawn(move || block_on(task));
            }
        });
    }
}

#[test]
fn a_paused_server_does_not_fill_the_memory() {
    resources::alone::<Threads, _>(resources::a_paused_server_does_not_fill_the_memory::<Threads>);
}

#[test]
fn requests_cancelled_at_random_keep_no_memory() {
    resources::alone::<Threads, _>(
        resources::requests_cancelled_at_random_keep_no_memory::<Threads>,
    );
}

#[test]
fn a_watcher_that_nobody_reads_keeps_no_memory() {
    resources::alone::<Threads, _>(
        resources::a_watcher_that_nobody_reads_keeps_no_memory::<Threads>,
    );
}

#[test]
fn a_server_that_is_away_costs_no_processor_time() {
    resources::alone::<Threads, _>(
        resources::a_server_that_is_away_costs_no_processor_time::<Threads>,
    );
}

#[test]
fn a_flood_of_late_replies_is_dropped_as_it_comes() {
    resources::alone::<Threads, _>(
        hostile::a_flood_of_late_replies_is_dropped_as_it_comes::<Threads>,
    );
}

#[test]
fn a_flood_of_events_and_messages_is_dropped_as_it_comes() {
    resources::alone::<Threads, _>(
        hostile::a_flood_of_events_and_messages_is_dropped_as_it_comes::<Threads>,
    );
}

#[test]
fn a_packet_that_drips_costs_what_has_come_of_it() {
    resources::alone::<Threads, _>(
        hostile::a_packet_that_drips_costs_what_has_come_of_it::<Threads>,
    );
}

#[test]
fn a_greeting_that_drips_is_given_up_in_time() {
    resources::alone::<Threads, _>(hostile::a_greeting_that_drips_is_given_up_in_time::<Threads>);
}

#[test]
fn lies_inside_of_replies_are_errors_of_their_requests() {
    resources::alone::<Threads, _>(
        hostile::lies_inside_of_replies_are_errors_of_their_requests::<Threads>,
    );
}
