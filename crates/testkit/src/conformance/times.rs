//! Requests that take too long.

use std::thread;
use std::time::{Duration, Instant};

use super::{Adapter, Backend, connect, connect_as, create_space, index};
use tarantool_client::{ErrorKind, Outcome};

pub async fn a_slow_call_times_out_and_its_late_reply_is_dropped<A: Adapter>(server: &Backend) {
    let client = connect::<A>(server).await;
    let hurried = client.with_timeout(Duration::from_millis(50));
    let started = Instant::now();
    let error = A::wait(hurried.call::<u64>("slow", (1, 7))).await.unwrap_err();
    let took = started.elapsed();
    println!("{error}, after {took:?}");
    assert!(took >= Duration::from_millis(50), "after {took:?}");
    assert!(took < Duration::from_millis(900), "after {took:?}");
    assert!(error.is_timeout(), "{error}");
    assert!(matches!(error.kind(), ErrorKind::TimedOut { .. }));
    assert_eq!(error.outcome(), Outcome::MaybeExecuted);
    assert!(!error.is_retry_safe());
    assert!(error.to_string().starts_with("call slow: timed out"), "{error}");

    assert_eq!(client.in_flight(), 0);
    assert_eq!(client.stats().late_replies, 0);
    let slower: u64 = A::wait(client.call("slow", (1.1, 8))).await.unwrap();
    assert_eq!(slower, 8);
    let stats = client.stats();
    assert_eq!((stats.timed_out, stats.late_replies), (1, 1));

    let unlimited = hurried.with_timeout(Duration::ZERO);
    let ten: u64 = A::wait(unlimited.call("slow", (0.2, 10))).await.unwrap();
    assert_eq!(ten, 10);
}

pub async fn a_late_reply_never_answers_a_newer_request<A: Adapter>(server: &Backend) {
    let client = connect::<A>(server).await;
    let mut timed_out = 0;
    for id in 0..200_u64 {
        let hurried = client.with_timeout(Duration::from_micros(500 + 37 * (id % 50)));
        match A::wait(hurried.call::<u64>("slow", (0.002, id))).await {
            Ok(answer) => assert_eq!(answer, id),
            Err(error) => {
                assert!(error.is_timeout(), "{error}");
                timed_out += 1;
            }
        }
        let fast: u64 = A::wait(client.call("echo", id + 1_000)).await.unwrap();
        assert_eq!(fast, id + 1_000);
    }
    assert!(timed_out > 0);
    assert_eq!(client.stats().timed_out, timed_out);
}

pub async fn many_timeouts_leave_nothing_behind<A: Adapter>(server: &Backend) {
    const ROUNDS: u64 = 20;
    const AT_ONCE: u64 = 25;

    let config = server.config().in_flight_max(10);
    let client = connect_as::<A>(config).await;
    let hurried = client.with_timeout(Duration::from_millis(2));
    for _ in 0..ROUNDS {
        let late = A::all(&hurried, AT_ONCE as usize, |client, _| client.call::<()>("slow", 0.05));
        // Where this process got no time meanwhile, the reply may be there before the deadline is
        // looked at: that is an answer.
        for error in late.await.into_iter().filter_map(Result::err) {
            assert!(error.is_timeout(), "{error}");
        }
        assert_eq!(client.in_flight(), 0);
    }
    // By when it is answered, all that were written are.
    let () = A::wait(client.call("slow", 0.1)).await.unwrap();
    let stats = client.stats();
    assert!(stats.timed_out > ROUNDS * AT_ONCE / 2, "{stats}");
    assert_eq!(stats.requests, stats.timed_out + stats.answered);
    assert!(stats.late_replies > 0 && stats.late_replies <= stats.timed_out, "{stats}");
    let echoed = A::all(&client, 50, |client, id| client.call::<usize>("echo", id)).await;
    for (id, answer) in echoed.into_iter().enumerate() {
        assert_eq!(id, answer.unwrap());
    }
}

/// The deadline covers the wait for a place, and what has none is not executed later.
pub async fn a_request_without_a_place_times_out_unsent<A: Adapter>(server: &Backend) {
    let config = server.config().in_flight_max(1);
    let client = connect_as::<A>(config).await;
    let (_, number) =
        create_space::<A>(server, &[("id", "unsigned")], &[index("id", &["id"])]).await;
    let started = Instant::now();
    let results = A::all(&client, 2, |client, index| {
        if index == 0 {
            return client.call("slow", 0.3);
        }
        while client.in_flight() == 0 {
            thread::sleep(Duration::from_millis(1));
        }
        let hurried = client.with_timeout(Duration::from_millis(50));
        hurried.space(number).insert(&(1,))
    })
    .await;
    let [slow, late] = <[_; 2]>::try_from(results).unwrap();
    let () = slow.unwrap();
    let error = late.unwrap_err();
    println!("{error}, after {:?}", started.elapsed());
    assert!(error.is_timeout(), "{error}");
    assert_eq!(error.outcome(), Outcome::NotSent);
    assert!(error.is_retry_safe());
    assert_eq!(A::wait(client.space::<(u64,)>(number).get(1)).await.unwrap(), None);
}
