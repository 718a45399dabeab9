//! Futures, clients and connections that are dropped at any time.

use std::time::{Duration, Instant};

use tarantool_client::Async;
use tarantool_testkit::Tarantool;
use tarantool_tokio::Config;
use tokio::runtime::Handle;
use tokio::time::{sleep, timeout};

use crate::on_current_thread;
use crate::on_multi_thread;
use crate::suite::peer::serve;
use crate::suite::support::connect_as;
use crate::suite::{bounded, connect, create_space, server};

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

/// Waits for what must come to hold soon.
async fn soon(what: &str, holds: impl Fn() -> bool) {
    let until = Instant::now() + Duration::from_secs(10);
    while !holds() {
        assert!(Instant::now() < until, "not after 10 s: {what}");
        sleep(Duration::from_millis(2)).await;
    }
}

async fn futures_may_be_dropped_at_any_time(server: &Tarantool) {
    for in_flight_max in [5, 16_384] {
        let config = Config::parse(&server.uri()).unwrap();
        let client = connect_as::<Async>(config.in_flight_max(in_flight_max)).await;
        let tasks: Vec<_> = (0..40_u64)
            .map(|task| {
                let client = client.clone();
                let mut dice = Dice(task + 1);
                tokio::spawn(async move {
                    for round in 0..40_u64 {
                        let unique = task * 1_000 + round;
                        let reply = client.call::<_, u64>("slow", (0.000_5, unique));
                        let patience = Duration::from_micros(dice.below(2_000));
                        match dice.below(4) {
                            0 => drop(reply),
                            1 => {
                                tokio::task::yield_now().await;
                                drop(reply);
                            }
                            2 => tokio::select! {
                                answer = reply => assert_eq!(answer.unwrap(), unique),
                                () = sleep(patience) => {}
                            },
                            _ => {
                                if let Ok(answer) = timeout(patience, reply).await {
                                    assert_eq!(answer.unwrap(), unique);
                                }
                            }
                        }
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        soon("nothing is in flight", || client.in_flight() == 0).await;
        for unique in 0..100_u64 {
            let back: u64 = client.call("echo", unique).await.unwrap();
            assert_eq!(back, unique);
        }
        // All that was written is answered by now, taken or not.
        let () = client.call("slow", 0.05).await.unwrap();
        let stats = client.stats();
        println!("{stats}");
        assert!(stats.cancelled > 0);
        assert!(stats.late_replies <= stats.cancelled);
        assert!(stats.answered + stats.cancelled >= stats.requests);
        assert_eq!(client.in_flight(), 0);
    }
}

#[test]
fn futures_may_be_dropped_at_any_time_on_one_thread() {
    bounded(|| {
        if let Some(server) = server("futures_may_be_dropped_at_any_time_on_one_thread") {
            on_current_thread(futures_may_be_dropped_at_any_time(server));
        }
    });
}

#[test]
fn futures_may_be_dropped_at_any_time_on_several_threads() {
    bounded(|| {
        if let Some(server) = server("futures_may_be_dropped_at_any_time_on_several_threads") {
            on_multi_thread(futures_may_be_dropped_at_any_time(server));
        }
    });
}

/// The tasks of this runtime, the drivers of connections among them.
fn tasks() -> usize {
    Handle::current().metrics().num_alive_tasks()
}

#[test]
fn requests_of_a_dropped_client_are_executed_and_its_task_ends() {
    bounded(|| {
        let test = "requests_of_a_dropped_client_are_executed_and_its_task_ends";
        let Some(server) = server(test) else {
            return;
        };
        on_current_thread(async {
            let witness = connect::<Async>(server).await;
            let (_, number) =
                create_space(&witness, "{{'id', 'unsigned'}}", "{{name = 'id'}}").await;
            let seen = witness.space::<(u64, String)>(number);
            let before = tasks();

            let client = connect::<Async>(server).await;
            let space = client.space::<(u64, String)>(number);
            let replies: Vec<_> = (0..500).map(|id| space.insert(&(id, "x".repeat(100)))).collect();
            let slow = client.call::<_, u64>("slow", (0.1, 7));
            drop((client, space));
            assert_eq!(slow.await.unwrap(), 7);
            for reply in replies {
                reply.await.unwrap();
            }
            soon("the driver's task ends", || tasks() == before).await;
            assert_eq!(seen.select(()).await.unwrap().len(), 500);
        });
    });
}

#[test]
fn requests_that_nobody_waits_for_are_executed() {
    const ROWS: u64 = 5_000;

    bounded(|| {
        let Some(server) = server("requests_that_nobody_waits_for_are_executed") else {
            return;
        };
        on_current_thread(async {
            let witness = connect::<Async>(server).await;
            let (name, number) =
                create_space(&witness, "{{'id', 'unsigned'}}", "{{name = 'id'}}").await;
            let before = tasks();
            let client = connect::<Async>(server).await;
            let space = client.space::<(u64, String)>(number);
            for id in 0..ROWS {
                drop(space.insert(&(id, "x".repeat(100))));
            }
            drop((client, space));
            soon("the driver's task ends", || tasks() == before).await;
            let mut rows = 0;
            for _ in 0..100 {
                let count = "return box.space[...]:count()";
                rows = witness.eval::<_, u64>(count, &name).await.unwrap();
                if rows == ROWS {
                    return;
                }
                sleep(Duration::from_millis(10)).await;
            }
            panic!("{rows} of {ROWS} rows were inserted");
        });
    });
}

#[test]
fn a_connect_that_is_given_up_leaves_no_task() {
    bounded(|| {
        on_current_thread(async {
            let before = tasks();
            let (config, peer) = serve(|link| link.linger());
            let connecting = tarantool_tokio::connect(config.connect_timeout(Duration::ZERO));
            timeout(Duration::from_millis(50), connecting).await.unwrap_err();
            soon("the driver's task ends", || tasks() == before).await;
            tokio::task::spawn_blocking(|| peer.join()).await.unwrap();
        });
    });
}

#[test]
fn closing_ends_the_task_while_handles_live() {
    bounded(|| {
        let Some(server) = server("closing_ends_the_task_while_handles_live") else {
            return;
        };
        on_current_thread(async {
            let before = tasks();
            let client = connect::<Async>(server).await;
            let clone = client.clone();
            let under_way = client.call::<_, u64>("slow", (0.05, 7));
            client.close();
            assert_eq!(under_way.await.unwrap(), 7);
            soon("the driver's task ends", || tasks() == before).await;
            let error = clone.ping().await.unwrap_err();
            assert!(error.to_string().starts_with("ping: not sent: "), "{error}");
        });
    });
}
