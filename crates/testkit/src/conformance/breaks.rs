//! Connections that break at any moment: what the client was told is what the server did.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tarantool_client::Client;

use super::writes::{Kind, Writes, told};
use super::{Adapter, Backend, Task, Wanted, connect_as};
use crate::ledger::Summary;
use crate::{Direction, Ledger, Proxy};

const TASKS: usize = 8;

/// Tasks write over one connection until it breaks.
async fn write_until_lost<A: Adapter>(
    client: &Client<A::Mode>,
    (writes, ledger): (&Writes, &Arc<Ledger>),
    most: usize,
) {
    let tasks = (0..TASKS).map(|_| {
        let (client, writes, ledger) = (client.clone(), writes.clone(), Arc::clone(ledger));
        let running = async move {
            for _ in 0..most {
                let key = ledger.key();
                let result = A::wait(writes.write(&client, key)).await;
                ledger.record(key, told(&result));
                if result.is_err() {
                    break;
                }
            }
        };
        Box::pin(running) as Task
    });
    A::tasks(tasks.collect()).await;
}

async fn compare<A: Adapter>(server: &Backend, writes: &Writes, ledger: &Ledger) -> Summary {
    let database = writes.executions::<A>(server.config()).await;
    let summary = ledger.compare(database).unwrap_or_else(|wrong| panic!("{writes:?}: {wrong}"));
    println!("{writes:?}: {summary}");
    assert!(summary.executed > 0 && summary.executed < summary.writes(), "{summary}");
    summary
}

async fn after_cuts<A: Adapter>(server: &Backend, cut: impl Fn(&Proxy, u64)) {
    for kind in [Kind::Insert, Kind::Upsert] {
        let writes = Writes::create::<A>(server, kind).await;
        let ledger = Arc::new(Ledger::new());
        let (proxy, config) = server.proxy();
        for round in 0..20 {
            let client = connect_as::<A>(config.clone().reconnect(false)).await;
            // So that the client knows the space and only writes are cut off.
            write_until_lost::<A>(&client, (&writes, &ledger), 1).await;
            cut(&proxy, round);
            write_until_lost::<A>(&client, (&writes, &ledger), 1000).await;
            assert!(client.failure().is_some(), "round {round} was not cut");
        }
        assert_eq!(proxy.accepted(), 20);
        let summary = compare::<A>(server, &writes, &ledger).await;
        assert!(summary.maybe_executed > 0, "{summary}");
    }
}

pub async fn requests_cut_off_on_their_way_are_told_rightly<A: Adapter>(server: &Backend) {
    after_cuts::<A>(server, |proxy, round| {
        proxy.cut_after(Direction::ToServer, round * 97);
    })
    .await;
}

pub async fn replies_cut_off_on_their_way_are_told_rightly<A: Adapter>(server: &Backend) {
    after_cuts::<A>(server, |proxy, round| {
        proxy.cut_after(Direction::ToClient, round * 97);
    })
    .await;
}

/// Killed while it writes, started again at the same address.
pub async fn writes_of_a_killed_server_are_told_rightly<A: Adapter>(server: &Backend) {
    let server = Arc::new(server.another(&Wanted::default()));
    for kind in [Kind::Insert, Kind::Upsert] {
        let writes = Writes::create::<A>(&server, kind).await;
        let ledger = Arc::new(Ledger::new());
        for round in 1..=3 {
            let client = connect_as::<A>(server.config().reconnect(false)).await;
            let before = ledger.recorded();
            let killer = thread::spawn({
                let (server, ledger) = (Arc::clone(&server), Arc::clone(&ledger));
                move || {
                    while ledger.recorded() < before + 50 * round {
                        thread::sleep(Duration::from_millis(1));
                    }
                    server.kill();
                }
            });
            write_until_lost::<A>(&client, (&writes, &ledger), usize::MAX).await;
            killer.join().unwrap();
            server.restart();
        }
        compare::<A>(&server, &writes, &ledger).await;
    }
}

/// Until the request times out; a reply that comes after that is nobody's.
pub async fn writes_of_a_paused_server_are_told_rightly<A: Adapter>(server: &Backend) {
    let server = server.another(&Wanted::default());
    let config = server.config();
    let client =
        connect_as::<A>(config.reconnect(false).request_timeout(Duration::from_millis(500))).await;
    for kind in [Kind::Insert, Kind::Upsert] {
        let writes = Writes::create::<A>(&server, kind).await;
        let ledger = Arc::new(Ledger::new());
        write_until_lost::<A>(&client, (&writes, &ledger), 10).await;
        server.pause();
        write_until_lost::<A>(&client, (&writes, &ledger), 10).await;
        server.resume();
        // Everything before it on this connection is executed once this is answered, or was not
        // sent.
        while A::wait(client.call::<()>("slow", (0.1,))).await.is_err() {}
        let summary = compare::<A>(&server, &writes, &ledger).await;
        assert!(summary.of_these_executed > 0, "{summary}");
    }
    assert!(client.failure().is_none());
}
