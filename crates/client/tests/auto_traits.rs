//! What tasks and threads may do with handles: send and share them.

use std::panic::{RefUnwindSafe, UnwindSafe};

use tarantool_client::types::Value;
use tarantool_client::{
    Blocking, CallWithPushes, Changes, Client, Config, ConnectionEvent, Driver, Error, Executed,
    Index, Page, Pages, Pending, Prepared, Space, Sql, Status, Stream, Submitted, Transaction,
    TransactionBuilder, WatchedValue, Watcher,
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

#[test]
fn errors_survive_a_panic() {
    fn survives<T: UnwindSafe + RefUnwindSafe>() {}
    survives::<Error>();
}
