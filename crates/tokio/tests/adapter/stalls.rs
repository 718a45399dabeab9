//! Peers that stop reading.

use std::time::{Duration, Instant};

use tarantool_tokio::{Config, Outcome, connect};
use tokio::runtime::Handle;
use tokio::time::sleep;

use crate::on_current_thread;
use crate::on_multi_thread;
use crate::suite::bounded;
use crate::suite::stalls::{REQUESTS, deaf, request_bytes, too_much, writes_before_it_reads};

async fn a_peer_that_reads_only_after_it_has_written_gets_everything() {
    let (config, peer) = writes_before_it_reads();
    let client = connect(config).await.unwrap();
    let tasks: Vec<_> = (0..REQUESTS)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move {
                let back: String = client.call("echo", request_bytes()).await.unwrap();
                assert_eq!(back.len(), 1 << 20);
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    drop(client);
    tokio::task::spawn_blocking(|| peer.join()).await.unwrap();
}

#[test]
fn a_peer_that_reads_only_after_it_has_written_gets_everything_on_one_thread() {
    bounded(|| on_current_thread(a_peer_that_reads_only_after_it_has_written_gets_everything()));
}

#[test]
fn a_peer_that_reads_only_after_it_has_written_gets_everything_on_several_threads() {
    bounded(|| on_multi_thread(a_peer_that_reads_only_after_it_has_written_gets_everything()));
}

/// The deadline of a request holds while an earlier one can not be written.
#[test]
fn a_deaf_peer_does_not_delay_timeouts() {
    bounded(|| {
        on_current_thread(async {
            let (config, _peer) = deaf();
            let client = connect(config.request_timeout(Duration::ZERO)).await.unwrap();
            let stuck = client.call::<_, ()>("echo", too_much());
            sleep(Duration::from_millis(50)).await;

            let hurried = client.with_timeout(Duration::from_millis(100));
            let started = Instant::now();
            let error = tokio::time::timeout(Duration::from_secs(5), hurried.ping()).await;
            let error = error.expect("no timeout came").unwrap_err();
            println!("{error}, after {:?}", started.elapsed());
            assert!(error.is_timeout(), "{error}");
            assert_eq!(error.outcome(), Outcome::NotSent);
            drop(stuck);
        });
    });
}

#[test]
fn a_request_that_a_deaf_peer_takes_in_part_times_out() {
    bounded(|| {
        on_current_thread(async {
            let (config, _peer) = deaf();
            let client = connect(config.request_timeout(Duration::from_millis(200))).await.unwrap();
            let started = Instant::now();
            let error = client.call::<_, ()>("echo", too_much()).await.unwrap_err();
            println!("{error}, after {:?}", started.elapsed());
            assert!(error.is_timeout(), "{error}");
            assert_eq!(error.outcome(), Outcome::MaybeExecuted);
            assert!(started.elapsed() < Duration::from_secs(2));
        });
    });
}

/// Nobody is left who could be told anything.
#[test]
fn a_deaf_peer_does_not_keep_the_task_of_a_dropped_client() {
    bounded(|| {
        on_current_thread(async {
            let (config, _peer) = deaf();
            let client = connect(config.request_timeout(Duration::from_millis(200))).await.unwrap();
            client.call::<_, ()>("echo", too_much()).await.unwrap_err();
            drop(client);
            let until = Instant::now() + Duration::from_secs(3);
            while Handle::current().metrics().num_alive_tasks() > 0 {
                assert!(Instant::now() < until, "the task lives on");
                sleep(Duration::from_millis(10)).await;
            }
        });
    });
}

#[test]
fn a_peer_that_closes_without_reading_costs_no_processor_time() {
    bounded(|| {
        on_current_thread(async {
            let (config, peer) = crate::suite::stalls::deaf_and_half_closed();
            let client = connect(config).await.unwrap();
            let error = client.call::<_, ()>("echo", too_much()).await.unwrap_err();
            println!("{error}");
            assert!(error.to_string().contains("closed the connection"), "{error}");
            // The connection is over for everyone, so its task must be.
            let until = Instant::now() + Duration::from_secs(3);
            while Handle::current().metrics().num_alive_tasks() > 0 {
                assert!(Instant::now() < until, "the task lives on");
                sleep(Duration::from_millis(10)).await;
            }
            drop(peer);
        });
    });
}

#[test]
fn a_deaf_peer_in_the_handshake_is_given_up() {
    bounded(|| {
        on_current_thread(async {
            let (config, _peer) = crate::suite::peer::serve(|link| {
                link.write(crate::suite::packets::GREETING);
                std::thread::sleep(Duration::from_secs(2));
            });
            let config: Config = config.connect_timeout(Duration::from_millis(200));
            let started = Instant::now();
            let error = connect(config).await.unwrap_err();
            assert!(error.to_string().contains("timed out during login"), "{error}");
            assert!(started.elapsed() < Duration::from_secs(1));
        });
    });
}
