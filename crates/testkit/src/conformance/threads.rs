//! Clients and replies that are used elsewhere than on the runtime that drives them.

use std::thread;
use std::time::Duration;

use tarantool_client::Async;

use super::waiting::{block_on, join, poll_once};
use super::{Adapter, Backend, Task, connect};

pub async fn a_client_works_on_other_threads<A: Adapter<Mode = Async>>(server: &Backend) {
    let client = connect::<A>(server).await;
    let threads: Vec<_> = (0..4_u64)
        .map(|number| {
            let client = client.clone();
            thread::spawn(move || {
                block_on(async {
                    for request in 0..200 {
                        let unique = number * 1_000 + request;
                        let back: u64 = client.call("echo", unique).await.unwrap();
                        assert_eq!(back, unique);
                    }
                    let hurried = client.with_timeout(Duration::from_millis(20));
                    let late = hurried.call::<()>("slow", 1).await.unwrap_err();
                    assert!(late.is_timeout(), "{late}");
                });
            })
        })
        .collect();
    for thread in threads {
        join(thread).await;
    }
    assert_eq!(client.stats().answered, 800);
}

pub async fn a_reply_may_move_to_another_thread<A: Adapter<Mode = Async>>(server: &Backend) {
    let client = connect::<A>(server).await;
    let reply = client.call::<u64>("slow", (0.05, 7));
    let answer = join(thread::spawn(move || block_on(reply))).await;
    assert_eq!(answer.unwrap(), 7);

    // Polled here first, and by another task then.
    let mut reply = client.call::<u64>("slow", (0.05, 8));
    assert!(poll_once(&mut reply).await.is_none());
    let task = async move { assert_eq!(reply.await.unwrap(), 8) };
    A::tasks(vec![Box::pin(task) as Task]).await;
}
