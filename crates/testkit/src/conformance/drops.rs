//! Futures, clients and connections that are dropped at any time.

use std::net::TcpStream;
use std::time::Duration;

use tarantool_client::Async;

use super::peer::serve;
use super::waiting::{pause, polled, soon, turn};
use super::{Adapter, Backend, Task, connect, connect_as, create_space, index};

/// Numbers that look random and are the same in every run.
#[derive(Debug)]
pub struct Dice(u64);

impl Dice {
    /// The numbers of a seed, which is not 0.
    #[must_use]
    pub const fn of(seed: u64) -> Self {
        Self(seed)
    }

    /// The next one.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

pub async fn a_request_may_be_dropped_at_any_poll<A: Adapter<Mode = Async>>(server: &Backend) {
    let format = &[("id", "unsigned"), ("text", "string")];
    let (name, _) = create_space::<A>(server, format, &[index("id", &["id"])]).await;
    // Several requests in a row, as users write them: await points between them and in each.
    for polls in 0.. {
        let client = connect::<A>(server).await;
        let space = client.space::<(u64, String)>(&name);
        let work = async {
            space.replace(&(1, "x".into())).await?;
            let row = space.get(1).await?;
            assert_eq!(row, Some((1, "x".into())));
            let echoed: u64 = client.call("slow", (0.001, 7)).await?;
            assert_eq!(echoed, 7);
            space.delete(1).await
        };
        let done = polled(work, polls).await;
        // What was dropped does no harm to what comes next.
        let back: u64 = client.call("echo", polls as u64).await.unwrap();
        assert_eq!(back, polls as u64);
        soon("nothing is in flight", || client.in_flight() == 0).await;
        if let Some(deleted) = done {
            assert_eq!(deleted.unwrap(), Some((1, "x".into())));
            assert!(polls >= 4, "{polls} polls were enough");
            return;
        }
        assert!(polls < 100, "it is polled again and again");
    }
}

pub async fn a_connect_may_be_dropped_at_any_poll<A: Adapter<Mode = Async>>() {
    for polls in 0.. {
        let (config, peer) = serve(|link| {
            // The client may go at any point.
            let _ = link.try_log_in();
            link.linger();
        });
        let connecting = A::connect(config.connect_timeout(Duration::from_secs(10)));
        let done = polled(connecting, polls).await;
        let was_done = done.is_some();
        if let Some(client) = done {
            drop(client.unwrap());
        }
        // Perhaps nobody came: somebody must, or the peer waits for ever. Who came first counts.
        drop(TcpStream::connect(peer.address()));
        // The peer sees the end of the connection whenever it was given up.
        peer.join().await;
        if was_done {
            return;
        }
        assert!(polls < 100, "it is polled again and again");
    }
}

pub async fn futures_may_be_dropped_at_any_time<A: Adapter<Mode = Async>>(server: &Backend) {
    for in_flight_max in [5, 16_384] {
        let client = connect_as::<A>(server.config().in_flight_max(in_flight_max)).await;
        let tasks = (0..40_u64).map(|task| {
            let client = client.clone();
            let mut dice = Dice(task + 1);
            let running = async move {
                for round in 0..40_u64 {
                    let unique = task * 1_000 + round;
                    let reply = client.call::<u64>("slow", (0.000_5, unique));
                    match dice.below(4) {
                        0 => drop(reply),
                        1 => {
                            turn().await;
                            drop(reply);
                        }
                        2 => {
                            if let Some(answer) = polled(reply, 1).await {
                                assert_eq!(answer.unwrap(), unique);
                            }
                        }
                        _ => assert_eq!(reply.await.unwrap(), unique),
                    }
                }
            };
            Box::pin(running) as Task
        });
        A::tasks(tasks.collect()).await;
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

pub async fn requests_of_a_dropped_client_are_answered<A: Adapter<Mode = Async>>(server: &Backend) {
    let format = &[("id", "unsigned"), ("text", "string")];
    let (_, number) = create_space::<A>(server, format, &[index("id", &["id"])]).await;
    let witness = connect::<A>(server).await;
    let seen = witness.space::<(u64, String)>(number);
    let client = connect::<A>(server).await;
    let space = client.space::<(u64, String)>(number);
    let replies: Vec<_> = (0..500).map(|id| space.insert(&(id, "x".repeat(100)))).collect();
    let slow = client.call::<u64>("slow", (0.1, 7));
    drop((client, space));
    assert_eq!(slow.await.unwrap(), 7);
    for reply in replies {
        reply.await.unwrap();
    }
    assert_eq!(seen.select(()).await.unwrap().len(), 500);
}

pub async fn requests_that_nobody_waits_for_are_executed<A: Adapter<Mode = Async>>(
    server: &Backend,
) {
    const ROWS: usize = 5_000;

    let format = &[("id", "unsigned"), ("text", "string")];
    let (_, number) = create_space::<A>(server, format, &[index("id", &["id"])]).await;
    let witness = connect::<A>(server).await;
    let seen = witness.space::<(usize,)>(number);
    let client = connect::<A>(server).await;
    let space = client.space::<(usize, String)>(number);
    for id in 0..ROWS {
        drop(space.insert(&(id, "x".repeat(100))));
    }
    drop((client, space));
    let mut rows = 0;
    for _ in 0..200 {
        rows = seen.select(()).await.unwrap().len();
        if rows == ROWS {
            return;
        }
        pause(Duration::from_millis(10)).await;
    }
    panic!("{rows} of {ROWS} rows were inserted");
}
