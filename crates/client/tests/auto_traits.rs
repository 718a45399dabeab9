//! What tasks and threads may do with handles: send, share and print them.

use std::panic::{RefUnwindSafe, UnwindSafe};

use tarantool_client::types::Value;
use tarantool_client::{
    Address, Blocking, CallWithPushes, Changes, Client, Config, ConnectionEvent, Driver, Error,
    Executed, Index, Page, Pages, Pending, Prepared, Space, Sql, Status, Stream, Submitted,
    Transaction, TransactionBuilder, WatchedValue, Watcher,
};

/// A row that can be neither sent nor shared, as handles do not hold any.
type Row = *const u8;

fn shared<T: Send + Sync + Unpin + 'static>() {}

fn sent<T: Send + 'static>() {}

#[test]
fn handles_can_be_sent_and_shared_whatever_their_rows_are() {
    shared::<Client>();
    shared::<Client<Blocking>>();
    shared::<Space<Row>>();
    shared::<Space<Row, Blocking>>();
    shared::<Index<Row>>();
    shared::<Stream>();
    shared::<Transaction>();
    shared::<Transaction<Blocking>>();
    shared::<TransactionBuilder>();
    shared::<Sql>();
    shared::<Prepared>();
    shared::<Watcher>();
    shared::<Watcher<Blocking>>();
    shared::<Pages<Row>>();
    shared::<CallWithPushes<Row, Row>>();
}

#[test]
fn replies_and_errors_can_be_sent_and_shared() {
    shared::<Pending<Row>>();
    shared::<Submitted<Row>>();
    shared::<Error>();
    shared::<Config>();
    shared::<Status>();
    shared::<ConnectionEvent>();
    shared::<WatchedValue>();
    shared::<Page<Value>>();
    shared::<Executed<Value>>();
}

#[test]
fn what_drives_can_be_sent() {
    sent::<Driver>();
    sent::<Changes>();
}

/// So that a task which is spawned on several threads may await them.
#[test]
fn futures_of_handles_can_be_sent() {
    fn is_sent<T: Send>(_: &T) {}
    let (client, _drivers) = tarantool_client::connect(&Config::new(Address::default()));
    is_sent(&client.ready());
    is_sent(&client.status_changed(&client.status()));
    is_sent(&client.sql("SELECT 1").execute::<Value>(()));
    is_sent(&client.watch("key").changed());
    is_sent(&client.call_with_pushes::<Value, Value>("f", ()).next_push());
    is_sent(&client.space::<Value>("users").select(()).pages(10).try_next());
    is_sent(&client.transaction().run(async |_| Ok::<_, Error>(())));
}

#[test]
fn errors_survive_a_panic() {
    fn survives<T: UnwindSafe + RefUnwindSafe>() {}
    survives::<Error>();
}

#[test]
fn passwords_are_not_printed() {
    let config = Config::parse("ann:open-sesame@localhost:1").unwrap();
    let (client, drivers) = tarantool_client::connect(&config);
    let space = client.space::<Row>("users");
    let printed = format!(
        "{config} {config:?} {client:?} {drivers:?} {space:?} {:?} {:?} {:?}",
        client.log_in("ann", "open-sesame"),
        client.transaction(),
        Config::parse("ann:open-sesame@:port").unwrap_err(),
    );
    assert!(printed.contains("ann"), "{printed}");
    assert!(!printed.contains("open-sesame"), "{printed}");
}
