//! Servers that are away: what waits, what fails, and what ends.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use tarantool_client::{Async, Config, Error, ErrorKind, Outcome, Status};

use super::heard::{Heard, Lives, before_long, until};
use super::mixed::Mixed;
use super::waiting::{join, pause, soon};
use super::{Adapter, Backend, Task, Wanted, connect_as};
use crate::Proxy;

const SHORT: Duration = Duration::from_millis(10);
const LONG: Duration = Duration::from_millis(200);

/// How long a server is away.
const OUTAGE: Duration = Duration::from_secs(10);

/// Nobody listens, and connections are cut.
fn take_away(proxy: &Proxy) {
    proxy.refuse(true).unwrap();
    proxy.cut_now();
}

pub async fn requests_of_an_outage_are_answered_after_it<A: Adapter<Mode: Lives>>(
    server: &Backend,
) {
    const TASKS: usize = 50;

    let writes = Arc::new(Mixed::create::<A>(server).await);
    let (proxy, config) = server.proxy();
    let heard = Heard::default();
    let client = connect_as::<A>(heard.hear(config).backoff(SHORT, LONG)).await;
    take_away(&proxy);
    until(&client, |status| !is_ready(status)).await;
    let back = thread::spawn(move || {
        thread::sleep(OUTAGE);
        proxy.refuse(false).unwrap();
        (proxy, Instant::now())
    });
    let tasks = (0..TASKS).map(|task| {
        let (client, writes) = (client.clone(), Arc::clone(&writes));
        let running = async move {
            pause(OUTAGE.mul_f64(task as f64 / TASKS as f64)).await;
            writes.write::<A>(&client, task).await.unwrap();
        };
        Box::pin(running) as Task
    });
    A::tasks(tasks.collect()).await;
    let over = Instant::now();
    let (proxy, back) = join(back).await;
    assert!(over - back < Duration::from_secs(5), "{:?} after the outage", over - back);
    let attempts = heard.attempts() as f64;
    // Each wait but the first is half of the longest at least.
    let most = OUTAGE.as_secs_f64() / LONG.as_secs_f64() * 2.0 + 10.0;
    assert!(attempts > 3.0 && attempts < most, "{attempts} attempts");
    assert_eq!((proxy.connected(), client.in_flight()), (1, 0));
    let summary = writes.compare::<A>(&server.config()).await;
    assert_eq!((summary.executed, summary.writes()), (TASKS as u64, TASKS as u64));
}

/// Round and round.
pub async fn a_killed_server_is_followed_by_the_next<A: Adapter<Mode: Lives>>(server: &Backend) {
    let servers = [(); 2].map(|()| server.another(&Wanted::default()));
    let addresses = servers.each_ref().map(|server| server.config().addresses()[0].clone());
    let config = servers[0].config().or_address(addresses[1].clone());
    let client = connect_as::<A>(config.backoff(SHORT, LONG)).await;
    for round in 0..4 {
        let (present, next) = (round % 2, (round + 1) % 2);
        let status = until(&client, is_ready).await;
        let connection = round as u64 + 1;
        assert_eq!(status, Status::Ready { address: addresses[present].clone(), connection });
        let lost = A::all(&client, 20, |client, index| {
            if index == 0 {
                // The others have been written by then.
                thread::sleep(Duration::from_millis(100));
                servers[present].kill();
            }
            client.call::<u64>("slow", (2, 7))
        });
        for result in lost.await {
            // Those that were not written are executed by the next.
            if let Err(error) = result {
                assert!(matches!(error.kind(), ErrorKind::Lost { .. }), "{error}");
                assert_eq!(error.outcome(), Outcome::MaybeExecuted);
            }
        }
        assert_eq!(client.in_flight(), 0);
        let seven: u64 = A::wait(client.call("echo", 7)).await.unwrap();
        assert_eq!(seven, 7);
        let status = client.status();
        let Status::Ready { address, .. } = status else { panic!("{status:?}") };
        assert_eq!(address, addresses[next]);
        servers[present].restart();
    }
}

pub async fn attempts_are_spaced_while_a_server_is_down<A: Adapter<Mode: Lives>>(server: &Backend) {
    let (proxy, config) = server.proxy();
    let heard = Heard::default();
    let client = connect_as::<A>(heard.hear(config).backoff(LONG / 2, LONG)).await;
    take_away(&proxy);
    until(&client, |status| !is_ready(status)).await;
    // A blocking client tries while somebody waits.
    let hasty = client.with_timeout(10 * LONG);
    let error = A::wait(hasty.ping()).await.unwrap_err();
    assert!(error.is_timeout() && error.is_retry_safe(), "{error}");
    let attempts = heard.attempts();
    assert!((5..=25).contains(&attempts), "{attempts} attempts in {:?}", 10 * LONG);
    assert_eq!(client.in_flight(), 0);
    proxy.refuse(false).unwrap();
    A::wait(client.ping()).await.unwrap();
}

pub async fn what_may_not_wait_fails_at_once<A: Adapter<Mode: Lives>>(server: &Backend) {
    let (proxy, config) = server.proxy();
    let client = connect_as::<A>(config.backoff(SHORT, LONG).wait_while_down(false)).await;
    take_away(&proxy);
    until(&client, |status| !is_ready(status)).await;
    for _ in 0..1000 {
        let error = A::wait(client.call::<u64>("echo", 7)).await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::NotAccepted { .. }), "{error}");
        assert_eq!((error.outcome(), error.is_retry_safe()), (Outcome::NotSent, true));
        assert!(error.to_string().contains(proxy.uri()), "{error}");
    }
    assert_eq!(client.in_flight(), 0);
    proxy.refuse(false).unwrap();
    until(&client, is_ready).await;
    let eight: u64 = A::wait(client.call("echo", 8)).await.unwrap();
    assert_eq!(eight, 8);
}

/// Settings with which each phase lasts longer than the case.
fn slow(config: Config) -> Config {
    let minute = Duration::from_secs(60);
    config.lazy(true).connect_timeout(minute).request_timeout(minute).backoff(minute, minute)
}

/// Its name, how it comes about, and how it is known.
type Phase = (&'static str, fn(&Proxy), fn(&Status) -> bool);

fn is_ready(status: &Status) -> bool {
    matches!(status, Status::Ready { .. })
}

fn is_connecting(status: &Status) -> bool {
    matches!(status, Status::Connecting { .. })
}

fn is_waiting(status: &Status) -> bool {
    matches!(status, Status::Down { until: Some(_) })
}

pub async fn the_last_handle_dropped_in_any_phase_ends_it<A: Adapter<Mode: Lives>>(
    server: &Backend,
) {
    let (proxy, config) = server.proxy();
    let phases: [Phase; 3] = [
        ("ready", |_| {}, is_ready),
        ("connecting", |proxy| proxy.stay_silent(true), is_connecting),
        ("waiting", take_away, is_waiting),
    ];
    for (phase, prepare, is_there) in phases {
        prepare(&proxy);
        let heard = Heard::default();
        let client = connect_as::<A>(heard.hear(slow(config.clone()))).await;
        until(&client, is_there).await;
        assert!(heard.is_used());
        drop(client);
        let started = Instant::now();
        soon("the driver ends", || !heard.is_used() && proxy.connected() == 0).await;
        assert!(started.elapsed() < Duration::from_secs(1), "{phase}: {:?}", started.elapsed());
    }
}

/// While a request is under way that takes longer than closing may.
pub async fn a_handle_dropped_while_its_server_shuts_down_ends_it<A: Adapter<Mode = Async>>(
    server: &Backend,
) {
    let server = Arc::new(server.another(&Wanted::default()));
    let heard = Heard::default();
    let config = heard.hear(slow(server.config())).close_timeout(LONG);
    let client = connect_as::<A>(config.graceful_shutdown(Duration::from_secs(60))).await;
    let call = client.call::<()>("slow", 5);
    soon("the call runs", || client.stats().requests_out > 0).await;
    client.ping().await.unwrap();
    let ending = thread::spawn({
        let server = Arc::clone(&server);
        move || server.shut_down()
    });
    until(&client, |status| matches!(status, Status::Draining { .. })).await;
    drop((call, client));
    let started = Instant::now();
    soon("the driver ends", || !heard.is_used()).await;
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    join(ending).await;
}

/// Closing gives them a while, and no longer.
pub async fn a_client_closed_in_any_phase_tells_those_who_wait<A: Adapter>(server: &Backend) {
    let (proxy, config) = server.proxy();
    let phases: [Phase; 2] = [
        ("connecting", |proxy| proxy.stay_silent(true), is_connecting),
        ("waiting", take_away, is_waiting),
    ];
    for (phase, prepare, is_there) in phases {
        prepare(&proxy);
        let heard = Heard::default();
        let config = heard.hear(slow(config.clone())).close_timeout(LONG);
        let client = connect_as::<A>(config).await;
        let closer = thread::spawn({
            let client = client.clone();
            move || {
                before_long("it is there", || is_there(&client.status()));
                before_long("it waits", || client.stats().requests == 5);
                client.close();
                Instant::now()
            }
        });
        let results = A::all(&client, 5, |client, _| client.call::<u64>("echo", 7)).await;
        let over = Instant::now();
        let closed = join(closer).await;
        let took = over.saturating_duration_since(closed);
        assert!(took < Duration::from_secs(2), "{phase}: {took:?}");
        for error in results.into_iter().map(Result::unwrap_err) {
            println!("{error}");
            assert_eq!(error.outcome(), Outcome::NotSent, "{error}");
        }
        assert_eq!(client.status(), Status::Closed);
        assert_eq!(client.in_flight(), 0);
        assert!(client.failure().as_ref().is_some_and(is_closed));
        drop(client);
        soon("the driver ends", || !heard.is_used()).await;
    }
}

fn is_closed(error: &Error) -> bool {
    use tarantool_client::ConnectionError::Shutdown;
    matches!(error.kind(), ErrorKind::Ended { cause: Shutdown })
}
