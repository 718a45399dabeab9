//! Watched keys, and messages of running calls.

use std::future::{Future, ready};
use std::time::Duration;

use serde::de::DeserializeOwned;
use tarantool_client::{
    Async, Blocking, CallWithPushes, Capability, Client, Error, ErrorCode, ErrorKind, Mode,
    Outcome, Version, WatchedValue, Watcher,
};

use super::backend::{Wanted, unique};
use super::{Adapter, Backend, Task, connect, connect_as};
use crate::Server;

/// How an adapter waits for events.
pub trait Events: Mode {
    fn changed(watcher: &mut Watcher<Self>) -> impl Future<Output = Option<WatchedValue>> + Send;

    fn next_push<P: DeserializeOwned, R: DeserializeOwned>(
        call: &mut CallWithPushes<P, R, Self>,
    ) -> impl Future<Output = Result<Option<P>, Error>>;
}

impl Events for Async {
    fn changed(watcher: &mut Watcher) -> impl Future<Output = Option<WatchedValue>> + Send {
        watcher.changed()
    }

    fn next_push<P: DeserializeOwned, R: DeserializeOwned>(
        call: &mut CallWithPushes<P, R>,
    ) -> impl Future<Output = Result<Option<P>, Error>> {
        call.next_push()
    }
}

impl Events for Blocking {
    fn changed(watcher: &mut Watcher<Self>) -> impl Future<Output = Option<WatchedValue>> + Send {
        ready(watcher.changed())
    }

    fn next_push<P: DeserializeOwned, R: DeserializeOwned>(
        call: &mut CallWithPushes<P, R, Self>,
    ) -> impl Future<Output = Result<Option<P>, Error>> {
        ready(call.next_push())
    }
}

fn server(backend: &Backend) -> &Server {
    backend.server().unwrap()
}

/// The next value, which must come.
async fn next<M: Events>(watcher: &mut Watcher<M>) -> Option<u64> {
    let change = M::changed(watcher).await;
    let change = change.unwrap_or_else(|| panic!("ended: {:?}", watcher.failure()));
    change.decode().unwrap()
}

async fn ping<A: Adapter>(client: &Client<A::Mode>) {
    A::wait(client.ping()).await.unwrap();
}

/// Waits until so many WATCH and other requests were written.
async fn until_written<A: Adapter>(client: &Client<A::Mode>, count: u64) {
    while client.stats().requests_out < count {
        ping::<A>(client).await;
    }
}

pub async fn a_watcher_gets_the_present_value_and_the_next_ones<A: Adapter<Mode: Events>>(
    backend: &Backend,
) {
    let key = unique("key");
    server(backend).broadcast(&key, &1).unwrap();
    let client = connect::<A>(backend).await;
    let mut watcher = client.watch(&key);
    assert_eq!(next(&mut watcher).await, Some(1));
    for value in 2..50 {
        server(backend).broadcast(&key, &value).unwrap();
        assert_eq!(next(&mut watcher).await, Some(value));
    }
    // Equal values are values.
    server(backend).broadcast(&key, &49).unwrap();
    assert_eq!(next(&mut watcher).await, Some(49));
    assert!(watcher.failure().is_none());
    assert_eq!((client.in_flight(), client.stats().requests), (0, 0));
}

pub async fn a_watcher_of_a_key_without_a_value_gets_that_first<A: Adapter<Mode: Events>>(
    backend: &Backend,
) {
    let key = unique("key");
    let client = connect::<A>(backend).await;
    let mut watcher = client.watch(&key);
    let change = A::Mode::changed(&mut watcher).await.unwrap();
    assert_eq!((change.number(), change.raw()), (1, None));
    server(backend).broadcast(&key, &"x".repeat(100_000)).unwrap();
    let change = A::Mode::changed(&mut watcher).await.unwrap();
    assert_eq!(change.decode::<&str>().unwrap().len(), 100_000);
    assert!(change.decode::<u64>().is_err());
}

pub async fn the_newest_value_wins<A: Adapter<Mode: Events>>(backend: &Backend) {
    let key = unique("key");
    let client = connect::<A>(backend).await;
    let mut watcher = client.watch(&key);
    assert_eq!(next(&mut watcher).await, None);
    for value in 1..=1000 {
        server(backend).broadcast(&key, &value).unwrap();
        if value % 100 == 0 {
            ping::<A>(&client).await;
        }
    }
    let (mut given, mut last) = (0, 0);
    while last < 1000 {
        let value = next(&mut watcher).await.unwrap();
        assert!(value > last, "{value} after {last}");
        (given, last) = (given + 1, value);
    }
    assert!(given < 900, "{given} values were given");
}

pub async fn watchers_that_nobody_reads_delay_nobody<A: Adapter<Mode: Events>>(backend: &Backend) {
    let keys: Vec<String> = (0..20).map(|_| unique("key")).collect();
    let client = connect::<A>(backend).await;
    let idle: Vec<_> = keys.iter().map(|key| client.watch(key)).collect();
    let mut read = client.watch(&keys[0]);
    assert_eq!(next(&mut read).await, None);
    for value in 0..50_u64 {
        for key in &keys {
            server(backend).broadcast(key, &value).unwrap();
        }
        ping::<A>(&client).await;
        while next(&mut read).await != Some(value) {}
    }
    drop(idle);
    ping::<A>(&client).await;
    assert_eq!(client.stats().unsolicited, 0);
}

pub async fn watchers_of_a_key_share_it_until_the_last_is_dropped<A: Adapter<Mode: Events>>(
    backend: &Backend,
) {
    let key = unique("key");
    server(backend).broadcast(&key, &1).unwrap();
    let client = connect_as::<A>(backend.config().graceful_shutdown(Duration::ZERO)).await;
    let mut first = client.watch(&key);
    assert_eq!(next(&mut first).await, Some(1));
    // ID, WATCH, and WATCH again for the value after.
    until_written::<A>(&client, 3).await;
    let written = client.stats().requests_out;
    let mut second = client.watch(&key);
    assert_eq!(next(&mut second).await, Some(1));
    assert_eq!(client.stats().requests_out, written);

    drop(first);
    server(backend).broadcast(&key, &2).unwrap();
    assert_eq!(next(&mut second).await, Some(2));
    drop(second);
    ping::<A>(&client).await;
    let before = client.stats();
    for value in 3..6 {
        server(backend).broadcast(&key, &value).unwrap();
        ping::<A>(&client).await;
    }
    let after = client.stats();
    assert_eq!(after.requests_out, before.requests_out + 3, "nothing but pings");
    assert_eq!(after.unsolicited, before.unsolicited, "the server still sends events");

    let mut third = client.watch(&key);
    assert_eq!(next(&mut third).await, Some(5));
}

pub async fn a_watcher_waits_for_what_another_task_causes<A: Adapter<Mode: Events>>(
    backend: &'static Backend,
) {
    const WATCHERS: usize = 5;
    let key = unique("key");
    let client = connect::<A>(backend).await;
    let mut tasks: Vec<Task> = Vec::new();
    for _ in 0..WATCHERS {
        let mut watcher = client.watch(&key);
        tasks.push(Box::pin(async move {
            let mut last = 0;
            while last < 20 {
                let value = next(&mut watcher).await.unwrap_or_default();
                assert!(value > last || value == 0, "{value} after {last}");
                last = value;
            }
        }));
    }
    for _ in 0..3 {
        let client = client.clone();
        tasks.push(Box::pin(async move {
            for number in 0..100_u64 {
                let reply = A::wait(client.call::<u64>("echo", (number,)));
                assert_eq!(reply.await.unwrap(), number);
            }
        }));
    }
    tasks.push(Box::pin(async move {
        for value in 1..=20 {
            server(backend).broadcast(&key, &value).unwrap();
            let reply = A::wait(client.call::<()>("slow", (0.005,)));
            reply.await.unwrap();
        }
    }));
    A::tasks(tasks).await;
}

pub async fn a_lost_connection_ends_its_watchers_with_the_reason<A: Adapter<Mode: Events>>(
    backend: &Backend,
) {
    let own = backend.another(&Wanted::default());
    let client = connect_as::<A>(own.config().reconnect(false)).await;
    let (mut first, mut second) = (client.watch("one"), client.watch("two"));
    assert_eq!((next(&mut first).await, next(&mut second).await), (None, None));
    own.kill();
    for watcher in [&mut first, &mut second] {
        assert_eq!(A::Mode::changed(watcher).await, None);
        let error = watcher.failure().unwrap();
        assert!(matches!(error.kind(), ErrorKind::Ended { .. }), "{error}");
        assert!(error.to_string().starts_with("watch "), "{error}");
    }
    // One that comes too late.
    let mut late = client.watch("three");
    assert_eq!(A::Mode::changed(&mut late).await, None);
    assert_eq!(late.failure().unwrap().outcome(), Outcome::NotSent);
}

pub async fn a_closed_client_ends_its_watchers<A: Adapter<Mode: Events>>(backend: &Backend) {
    let client = connect::<A>(backend).await;
    let mut watcher = client.watch(&unique("key"));
    assert_eq!(next(&mut watcher).await, None);
    client.close();
    assert_eq!(A::Mode::changed(&mut watcher).await, None);
    let error = watcher.failure().unwrap();
    assert!(matches!(error.kind(), ErrorKind::Ended { .. }), "{error}");
}

pub async fn a_value_is_read_once_without_watching<A: Adapter>(backend: &Backend) {
    let key = unique("key");
    let client = connect::<A>(backend).await;
    let none = A::wait(client.watch_once::<Option<u64>>(&key)).await.unwrap();
    server(backend).broadcast(&key, &(7, "seven")).unwrap();
    let some = A::wait(client.watch_once::<(u64, String)>(&key)).await.unwrap();
    assert_eq!((none, some), (None, (7, "seven".to_owned())));
}

pub async fn a_shutdown_is_told_before_it_happens<A: Adapter<Mode: Events>>(backend: &Backend) {
    let own = backend.another(&Wanted::default());
    let client = connect_as::<A>(own.config().graceful_shutdown(Duration::ZERO)).await;
    let mut shutdown = client.watch("box.shutdown");
    assert_eq!(A::Mode::changed(&mut shutdown).await.unwrap().raw(), None);
    // ID, WATCH, and WATCH as its acknowledgement.
    until_written::<A>(&client, 3).await;
    ping::<A>(&client).await;
    let ending = std::thread::spawn(move || own.shut_down());
    let change = A::Mode::changed(&mut shutdown).await.unwrap();
    assert!(change.decode::<bool>().unwrap());
    // It still answers.
    ping::<A>(&client).await;
    drop((shutdown, client));
    ending.join().unwrap();
}

pub async fn servers_without_watched_keys_are_sent_nothing<A: Adapter<Mode: Events>>(
    backend: &Backend,
) {
    if backend.version() >= Version::new(2, 10, 0) {
        return;
    }
    let client = connect::<A>(backend).await;
    ping::<A>(&client).await;
    let written = client.stats().requests_out;
    let mut watcher = client.watch("box.status");
    assert_eq!(A::Mode::changed(&mut watcher).await, None);
    let watched = watcher.failure().unwrap();
    let once = A::wait(client.watch_once::<Option<u64>>("box.status")).await.unwrap_err();
    for (error, lacks) in [(watched, Capability::Watchers), (once, Capability::WatchOnce)] {
        let ErrorKind::Unsupported(what) = error.kind() else { panic!("{error}") };
        assert_eq!((what.capability(), error.outcome()), (lacks, Outcome::NotSent));
    }
    drop(watcher);
    ping::<A>(&client).await;
    assert_eq!(client.stats().requests_out, written + 1);
}

/// All messages of a call.
async fn pushes<M: Events, P: DeserializeOwned, R: DeserializeOwned>(
    call: &mut CallWithPushes<P, R, M>,
) -> Vec<P> {
    let mut values = Vec::new();
    while let Some(value) = M::next_push(call).await.unwrap() {
        values.push(value);
    }
    values
}

pub async fn messages_of_a_call_come_in_order_before_its_result<A: Adapter<Mode: Events>>(
    backend: &Backend,
) {
    let client = connect::<A>(backend).await;
    for count in [0_u64, 1, 1000] {
        let mut call = client.call_with_pushes::<u64, String>("pushing", (count, "done"));
        assert_eq!(pushes(&mut call).await, Vec::from_iter(1..=count));
        assert_eq!(A::Mode::next_push(&mut call).await.unwrap(), None);
        assert_eq!(A::wait(call.finish()).await.unwrap(), "done");
    }
    assert_eq!((client.stats().pushes, client.stats().unsolicited), (1001, 0));
    assert_eq!(client.in_flight(), 0);
}

pub async fn messages_of_calls_at_the_same_time_do_not_mix<A: Adapter<Mode: Events>>(
    backend: &Backend,
) {
    let client = connect::<A>(backend).await;
    let mut calls: Vec<_> = (0..20_u64)
        .map(|number| client.call_with_pushes::<u64, u64>("pushing", (number, number)))
        .collect();
    for number in 0..20_u64 {
        let reply = A::wait(client.call::<u64>("echo", (number,)));
        assert_eq!(reply.await.unwrap(), number);
    }
    calls.reverse();
    for (call, number) in calls.iter_mut().zip((0..20).rev()) {
        assert_eq!(pushes(call).await, Vec::from_iter(1..=number));
    }
    for (call, number) in calls.into_iter().zip((0..20).rev()) {
        assert_eq!(A::wait(call.finish()).await.unwrap(), number);
    }
}

pub async fn messages_that_nobody_takes_are_limited_and_told<A: Adapter<Mode: Events>>(
    backend: &Backend,
) {
    let client = connect::<A>(backend).await;
    let mut call = client.call_with_pushes::<u64, u64>("pushing", (3000, 7));
    while client.stats().pushes + client.stats().lost_pushes < 3000 {
        ping::<A>(&client).await;
    }
    for number in 1..=1024 {
        assert_eq!(A::Mode::next_push(&mut call).await.unwrap(), Some(number));
    }
    let error = A::Mode::next_push(&mut call).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::PushesLost(1976)), "{error}");
    assert_eq!(A::Mode::next_push(&mut call).await.unwrap(), None);
    assert_eq!(A::wait(call.finish()).await.unwrap(), 7);
}

pub async fn messages_that_are_not_wanted_are_dropped<A: Adapter<Mode: Events>>(backend: &Backend) {
    let client = connect::<A>(backend).await;
    // A message is no reply, and does not end the connection.
    assert_eq!(A::wait(client.call::<u64>("pushing", (10, 7))).await.unwrap(), 7);
    assert_eq!((client.stats().pushes, client.stats().unsolicited), (0, 10));
    let call = client.call_with_pushes::<u64, u64>("pushing", (10, 8));
    assert_eq!(A::wait(call.finish()).await.unwrap(), 8);
    drop(client.call_with_pushes::<u64, u64>("pushing", (10, 9)));
    ping::<A>(&client).await;
    assert_eq!(client.in_flight(), 0);
}

pub async fn a_message_of_another_type_is_an_error_of_its_own<A: Adapter<Mode: Events>>(
    backend: &Backend,
) {
    let client = connect::<A>(backend).await;
    let mut call = client.call_with_pushes::<String, u64>("pushing", (2, 7));
    for _ in 0..2 {
        let error = A::Mode::next_push(&mut call).await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Decode(_)), "{error}");
    }
    assert_eq!(A::Mode::next_push(&mut call).await.unwrap(), None);
    assert_eq!(A::wait(call.finish()).await.unwrap(), 7);
}

pub async fn messages_before_an_error_and_of_code_come_too<A: Adapter<Mode: Events>>(
    backend: &Backend,
) {
    const CODE: &str = "
        box.session.push({1, 'one'})
        require('fiber').sleep(0.02)
        box.session.push({2, 'two'})
        error('after messages')
    ";
    let client = connect::<A>(backend).await;
    let mut call = client.eval_with_pushes::<(u64, String), ()>(CODE, ());
    let expected = [(1, "one".to_owned()), (2, "two".to_owned())];
    assert_eq!(pushes(&mut call).await, expected);
    let error = A::wait(call.finish()).await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::PROC_LUA));
    // The timeout is for the whole call.
    let hasty = client.with_timeout(Duration::from_millis(50));
    let mut call =
        hasty.eval_with_pushes::<u64, ()>("box.session.push(1) require('fiber').sleep(0.5)", ());
    assert_eq!(pushes(&mut call).await, [1]);
    assert!(A::wait(call.finish()).await.unwrap_err().is_timeout());
}
