//! Requests that one task has under way in numbers.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use tarantool_client::request::{Request, Upsert};
use tarantool_client::{Async, Blocking, Client, Error, Mode, Pending, Response, Submitted, ops};

use super::heard::before_long;
use super::reconnects::KILLS;
use super::waiting::join;
use super::writes::{Kind, Writes, told};
use super::{Adapter, Backend, Task, Wanted, connect_as};
use crate::Ledger;

/// How an adapter starts requests and waits for them later.
pub trait Submits: Mode {
    /// A request that is under way, or was refused.
    type Started: Send;

    fn start<R: Request>(client: &Client<Self>, request: R) -> Self::Started;

    fn finish(started: Self::Started) -> impl Future<Output = Result<Response, Error>> + Send;
}

impl Submits for Async {
    type Started = Pending<Response>;

    fn start<R: Request>(client: &Client, request: R) -> Pending<Response> {
        client.send(request)
    }

    fn finish(started: Pending<Response>) -> impl Future<Output = Result<Response, Error>> + Send {
        started
    }
}

impl Submits for Blocking {
    type Started = Submitted<Response>;

    fn start<R: Request>(client: &Client<Self>, request: R) -> Submitted<Response> {
        client.submit(request)
    }

    async fn finish(started: Submitted<Response>) -> Result<Response, Error> {
        started.wait()
    }
}

/// More than there are places for, so that some wait in each place where they can.
pub async fn requests_in_numbers_have_one_outcome_each_over_kills<A: Adapter<Mode: Submits>>(
    server: &Backend,
) {
    const TASKS: usize = 4;
    const BATCH: usize = 100;

    let server = Arc::new(server.another(&Wanted::default()));
    let writes = Arc::new(Writes::create::<A>(&server, Kind::Upsert).await);
    let ledger = Arc::new(Ledger::new());
    let executed = Arc::new(AtomicUsize::new(0));
    let config = server.config().backoff(Duration::from_millis(10), Duration::from_millis(100));
    let client = connect_as::<A>(config.in_flight_max(64).queued_bytes_max(1000)).await;
    let is_over = Arc::new(AtomicBool::new(false));
    let killer = thread::spawn({
        let (server, executed, is_over) =
            (Arc::clone(&server), Arc::clone(&executed), Arc::clone(&is_over));
        move || {
            for kill in 0..KILLS {
                let enough = executed.load(Ordering::Relaxed) + 2 * TASKS * BATCH;
                before_long("writes go on", || executed.load(Ordering::Relaxed) >= enough);
                thread::sleep(Duration::from_millis(7 * kill as u64 % 20));
                server.kill();
                server.restart();
            }
            is_over.store(true, Ordering::Relaxed);
        }
    });
    let tasks = (0..TASKS).map(|_| {
        let (client, writes, ledger) = (client.clone(), Arc::clone(&writes), Arc::clone(&ledger));
        let (executed, is_over) = (Arc::clone(&executed), Arc::clone(&is_over));
        let running = async move {
            while !is_over.load(Ordering::Relaxed) {
                let mut started = Vec::new();
                for _ in 0..BATCH {
                    let key = ledger.key();
                    let write = Upsert::into(writes.space()).row((key, 1));
                    let write = write.operations(ops().add(1, 1));
                    started.push((key, A::Mode::start(&client, write)));
                }
                for (key, request) in started {
                    let result = A::Mode::finish(request).await.map(drop);
                    ledger.record(key, told(&result));
                    executed.fetch_add(usize::from(result.is_ok()), Ordering::Relaxed);
                }
            }
        };
        Box::pin(running) as Task
    });
    A::tasks(tasks.collect()).await;
    join(killer).await;
    assert_eq!(client.in_flight(), 0);
    let database = writes.executions::<A>(server.config()).await;
    let summary = ledger.compare(database).unwrap_or_else(|wrong| panic!("{wrong}"));
    println!("{KILLS} kills: {summary}; {}", client.stats());
    assert!(summary.maybe_executed > 0, "{summary}");
    // No more than there are places for.
    assert!(summary.maybe_executed <= 64 * KILLS as u64, "{summary}");
    let () = A::wait(client.ping()).await.unwrap();
}
