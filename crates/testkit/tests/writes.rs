//! That the writes of the conformance suite show what they are there to show, on both servers.

use std::future::{Future, ready};

use tarantool_blocking::{Client, Config, Error, connect};
use tarantool_client::Blocking;
use tarantool_testkit::conformance::writes::{Kind, Writes, told};
use tarantool_testkit::conformance::{Adapter, Backend, Task, Wanted, block_on};
use tarantool_testkit::ledger::Discrepancy::{Executed, Missing, Repeated, UnknownKey};
use tarantool_testkit::{ErrorCode, Ledger, Told};

struct Threads;

impl Adapter for Threads {
    type Mode = Blocking;

    fn connect(config: Config) -> impl Future<Output = Result<Client, Error>> {
        ready(connect(config))
    }

    fn run(case: impl Future<Output = ()>) {
        block_on(case);
    }

    async fn tasks(tasks: Vec<Task>) {
        tasks.into_iter().for_each(block_on);
    }
}

fn servers(case: &str) -> Vec<Backend> {
    let wanted = Wanted::default();
    Backend::real(case, &wanted).into_iter().chain([Backend::embedded(&wanted)]).collect()
}

fn executions(server: &Backend, writes: &Writes) -> Vec<(u64, u64)> {
    block_on(writes.executions::<Threads>(server.config()))
}

#[test]
fn pages_and_a_restart_lose_nothing() {
    for server in servers("pages_and_a_restart_lose_nothing") {
        for kind in [Kind::Insert, Kind::Upsert] {
            let writes = block_on(Writes::create::<Threads>(&server, kind));
            assert_eq!(executions(&server, &writes), []);
            let client = connect(server.config()).unwrap();
            let ledger = Ledger::new();
            // Exactly as many as two pages have.
            for _ in 0..2000 {
                let key = ledger.key();
                ledger.record(key, told(&writes.write(&client, key)));
            }
            server.restart();
            let key = ledger.key();
            ledger.record(key, told(&writes.write(&client, key)));
            let summary = ledger.compare(executions(&server, &writes)).unwrap();
            assert_eq!((summary.executed, summary.writes()), (2000, 2001), "{kind:?}");
        }
    }
}

#[test]
fn a_second_execution_shows() {
    for server in servers("a_second_execution_shows") {
        for kind in [Kind::Insert, Kind::Upsert] {
            let writes = block_on(Writes::create::<Threads>(&server, kind));
            let client = connect(server.config()).unwrap();
            let ledger = Ledger::new();
            let key = ledger.key();
            // As a client would that sends a request again.
            writes.write(&client, key).unwrap();
            ledger.record(key, told(&writes.write(&client, key)));
            let wrong = ledger.compare(executions(&server, &writes)).unwrap_err().all;
            let expected = if kind == Kind::Insert && server.server().is_some() {
                Executed { key, told: Told::Refused(ErrorCode::TUPLE_FOUND) }
            } else {
                Repeated { key, times: 2 }
            };
            assert_eq!(wrong, [expected], "{kind:?}");
        }
    }
}

#[test]
fn lies_show() {
    for server in servers("lies_show") {
        for kind in [Kind::Insert, Kind::Upsert] {
            let writes = block_on(Writes::create::<Threads>(&server, kind));
            let client = connect(server.config()).unwrap();
            let ledger = Ledger::new();
            let (there, absent) = (ledger.key(), ledger.key());
            for key in [there, 9] {
                writes.write(&client, key).unwrap();
            }
            ledger.record(there, Told::NotSent);
            ledger.record(absent, Told::Executed);
            let wrong = ledger.compare(executions(&server, &writes)).unwrap_err().all;
            let lied = Executed { key: there, told: Told::NotSent };
            assert_eq!(wrong, [lied, Missing { key: absent }, UnknownKey { key: 9 }]);
        }
    }
}

#[test]
fn both_servers_have_the_same_verbs() {
    for server in servers("both_servers_have_the_same_verbs") {
        let (proxy, config) = server.proxy();
        let ping = |config: &Config| connect(config.clone()).and_then(|client| client.ping());
        ping(&config).unwrap();
        server.kill();
        server.kill();
        assert!(ping(&config).is_err() && ping(&server.config()).is_err());
        server.restart();
        ping(&config).unwrap();
        server.shut_down();
        server.shut_down();
        assert!(ping(&server.config()).is_err());
        server.restart();
        server.restart_without_waiting();
        while ping(&config).is_err() {
            std::thread::yield_now();
        }
        server.pause();
        server.resume();
        ping(&config).unwrap();
        assert!(proxy.accepted() >= 5);
    }
}
