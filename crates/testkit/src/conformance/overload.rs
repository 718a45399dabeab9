//! More than a client or a server can take: late replies, cancelled requests, watchers that nobody
//! reads, full queues.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use tarantool_client::request::{Call, Ping};
use tarantool_client::{
    Async, Blocking, Client, ConnectionEvent, ErrorKind, Mode, Outcome, Status, msgpack,
};
use tarantool_proto::SendError;

use super::backend::unique;
use super::drops::Dice;
use super::events::Events;
use super::heard::{Heard, Lives, before_long, until};
use super::waiting::{join, polled, soon, turn};
use super::{Adapter, Backend, Task, connect_as};
use crate::Direction;

const SHORT: Duration = Duration::from_millis(10);
const LONG: Duration = Duration::from_millis(100);

/// The reply is under way for longer than its request has time.
pub async fn a_late_reply_meets_the_next_owner_of_its_slot<A: Adapter>(server: &Backend) {
    const ROUNDS: u64 = 5;

    let (proxy, config) = server.proxy();
    let proxy = Arc::new(proxy);
    let heard = Heard::default();
    let client = connect_as::<A>(heard.hear(config).in_flight_max(1)).await;
    let hasty = client.with_timeout(LONG);
    for round in 0..ROUNDS {
        proxy.hold(Direction::ToClient, true);
        let error = A::wait(hasty.call::<u64>("echo", 2 * round)).await.unwrap_err();
        assert!(error.is_timeout(), "{error}");
        assert_eq!(error.outcome(), Outcome::MaybeExecuted);
        assert_eq!(client.stats().late_replies, round);
        let passing = thread::spawn({
            let (proxy, client) = (Arc::clone(&proxy), client.clone());
            move || {
                let written = 2 * round + 2;
                before_long("both are written", || {
                    client.in_flight() == 1 && client.stats().requests_out >= written
                });
                proxy.hold(Direction::ToClient, false);
            }
        });
        let own: u64 = A::wait(client.call("echo", 2 * round + 1)).await.unwrap();
        assert_eq!(own, 2 * round + 1);
        join(passing).await;
        assert_eq!(client.stats().late_replies, round + 1);
    }
    // Events are told after replies.
    let told = || {
        let counts = heard.all().into_iter().filter_map(|event| match event {
            ConnectionEvent::LateReplies { count } => Some(count),
            _ => None,
        });
        counts.collect::<Vec<_>>()
    };
    soon("all are told of", || told() == [1; ROUNDS as usize]).await;
    assert_eq!(client.in_flight(), 0);
}

/// How an adapter makes requests that it does not wait for, or not to the end.
pub trait Cancels: Mode {
    /// Calls `echo`, and stops waiting at a random point, which may be after the reply.
    fn echo_perhaps(
        client: &Client<Self>,
        unique: u64,
        dice: &mut Dice,
    ) -> impl Future<Output = ()> + Send;
}

impl Cancels for Async {
    async fn echo_perhaps(client: &Client, unique: u64, dice: &mut Dice) {
        let reply = client.call::<u64>("echo", unique);
        let answer = match dice.below(4) {
            0 => None,
            1 => {
                turn().await;
                None
            }
            2 => polled(reply, dice.below(3) as usize).await,
            _ => Some(reply.await),
        };
        if let Some(answer) = answer {
            assert_eq!(answer.unwrap(), unique);
        }
    }
}

impl Cancels for Blocking {
    async fn echo_perhaps(client: &Client<Self>, unique: u64, dice: &mut Dice) {
        let arguments = (unique,);
        let submitted = client.submit(Call::new("echo").arguments(&arguments));
        match dice.below(4) {
            0 => {}
            1 => client.flush(),
            2 => thread::yield_now(),
            _ => {
                let response = submitted.wait().unwrap();
                let data = response.data().unwrap().unwrap();
                let (answer,): (u64,) = msgpack::from_slice(data).unwrap();
                assert_eq!(answer, unique);
            }
        }
    }
}

/// Starts `count` requests from several tasks, most of which are left before their reply.
pub(super) async fn cancel_at_random<A: Adapter<Mode: Cancels>>(
    client: &Client<A::Mode>,
    count: u64,
) {
    const TASKS: u64 = 20;

    let tasks = (0..TASKS).map(|task| {
        let client = client.clone();
        let mut dice = Dice::of(task + 1);
        let running = async move {
            for number in 0..count / TASKS {
                A::Mode::echo_perhaps(&client, task * count + number, &mut dice).await;
            }
        };
        Box::pin(running) as Task
    });
    A::tasks(tasks.collect()).await;
}

pub async fn requests_cancelled_at_random_leave_nothing_behind<A: Adapter<Mode: Cancels>>(
    server: &Backend,
) {
    const REQUESTS: u64 = 100_000;

    // Without a key that the client watches by itself.
    let config = server.config().graceful_shutdown(Duration::ZERO);
    let client = connect_as::<A>(config).await;
    cancel_at_random::<A>(&client, REQUESTS).await;
    // By when it is answered, all that were written are.
    let seven: u64 = A::wait(client.call("slow", (0.1, 7))).await.unwrap();
    assert_eq!(seven, 7);
    let stats = client.stats();
    println!("{stats}");
    assert_eq!(client.in_flight(), 0);
    assert_eq!(stats.requests, REQUESTS + 1);
    assert_eq!(stats.requests, stats.answered + stats.cancelled);
    assert_eq!(stats.requests_out - 1, stats.answered + stats.late_replies, "beside ID");
    assert!(stats.cancelled > REQUESTS / 10 && stats.answered > REQUESTS / 4, "{stats}");
    for unique in 0..100_u64 {
        let back: u64 = A::wait(client.call("echo", unique)).await.unwrap();
        assert_eq!(back, unique);
    }
}

/// While there is no connection.
pub async fn more_requests_than_may_wait_are_refused<A: Adapter<Mode: Lives>>(server: &Backend) {
    const PLACES: usize = 10;
    const REQUESTS: usize = 40;

    let (proxy, config) = server.proxy();
    let config = config.waiting_max(PLACES).backoff(SHORT, LONG);
    let client = connect_as::<A>(config).await;
    proxy.refuse(true).unwrap();
    proxy.cut_now();
    until(&client, |status| !matches!(status, Status::Ready { .. })).await;
    // What would have to wait for a connection.
    let error = A::wait(client.try_send(Ping)).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::NotAccepted { .. }), "{error}");
    assert_eq!((error.outcome(), error.is_retry_safe()), (Outcome::NotSent, true));
    let refused = Arc::new(AtomicUsize::new(0));
    let back = thread::spawn({
        let client = client.clone();
        move || {
            before_long("all were made", || client.stats().requests == PLACES as u64);
            thread::sleep(LONG);
            proxy.refuse(false).unwrap();
            proxy
        }
    });
    let tasks = (0..REQUESTS).map(|_| {
        let (client, refused) = (client.clone(), Arc::clone(&refused));
        let running = async move {
            match A::wait(client.call::<u64>("echo", 7)).await {
                Ok(seven) => assert_eq!(seven, 7),
                Err(error) => {
                    let ErrorKind::NotAccepted { error: why, .. } = error.kind() else {
                        panic!("{error}");
                    };
                    assert_eq!(why, &SendError::Saturated);
                    assert_eq!((error.outcome(), error.is_retry_safe()), (Outcome::NotSent, true));
                    refused.fetch_add(1, Ordering::Relaxed);
                }
            }
        };
        Box::pin(running) as Task
    });
    A::tasks(tasks.collect()).await;
    drop(join(back).await);
    assert_eq!(refused.load(Ordering::Relaxed), REQUESTS - PLACES);
    assert_eq!(client.in_flight(), 0);
}

/// Gives a key `count` values while the connection is cut a few times.
pub(super) fn broadcast(server: &crate::Server, key: &str, count: u64) {
    const CUTS: u64 = 4;

    let text = "x".repeat(1000);
    for value in 1..=count {
        server.broadcast(key, &(value, &text)).unwrap();
        if value % (count / CUTS) == count / CUTS / 2 {
            let accepted = server.accepted();
            server.disconnect_all();
            before_long("it is connected again", || server.accepted() > accepted);
        }
    }
}

/// One watcher reads all the time, another of the same key never.
pub(super) async fn watch_and_forget<A: Adapter<Mode: Events>>(server: &Backend) {
    const VALUES: u64 = 100_000;

    let server = Arc::new(server.another(&super::Wanted::default()));
    let key = unique("key");
    let client = connect_as::<A>(server.config().backoff(SHORT, LONG)).await;
    let mut forgotten = client.watch(&key);
    assert_eq!(A::Mode::changed(&mut forgotten).await.unwrap().raw(), None);
    let mut read = client.watch(&key);
    let casting = thread::spawn({
        let (server, key) = (Arc::clone(&server), key.clone());
        move || broadcast(server.server().unwrap(), &key, VALUES)
    });
    let (mut last, mut gaps, mut count) = (0, 0, 0_u64);
    while last < VALUES {
        let value = A::Mode::changed(&mut read).await;
        let value = value.unwrap_or_else(|| panic!("ended: {:?}", read.failure()));
        gaps += u64::from(value.after_gap());
        count += 1;
        if let Some((number, _)) = value.decode::<Option<(u64, String)>>().unwrap() {
            assert!(number >= last, "{number} after {last}");
            last = number;
        }
    }
    join(casting).await;
    println!("{count} of {VALUES} values, {gaps} after a gap; {}", client.stats());
    // A reader that is slow for a moment sees two as one.
    assert!((1..=4).contains(&gaps), "{gaps} gaps");
    assert!(forgotten.failure().is_none());
    // The one that was not read on has the newest, and knows that it has missed some.
    let newest = A::Mode::changed(&mut forgotten).await.unwrap();
    assert!(newest.after_gap());
    assert_eq!(newest.decode::<(u64, String)>().unwrap().0, VALUES);
}

pub async fn a_watcher_that_nobody_reads_holds_up_nobody_over_connections<
    A: Adapter<Mode: Events>,
>(
    server: &Backend,
) {
    watch_and_forget::<A>(server).await;
}
