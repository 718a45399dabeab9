//! The changes of a real server: Tarantool 2.6 or later, which is skipped where there is none.

mod ends;
mod mirror;
mod resumes;
mod transactions;

use std::future::Future;
use std::time::Duration;

use tarantool_testkit::Tarantool;
use tarantool_testkit::conformance::bounded;
use tarantool_tokio::{Change, Changes, Client, Config, Error, Follow, changes, connect};
use tokio::runtime::Builder;
use tokio::time::timeout;

/// Spaces 512 and 513, and a user who may follow.
const SPACES: &str = r"
    box.cfg{replication_timeout = 0.1}
    box.schema.space.create('rows', {id = 512}):create_index('primary')
    box.schema.space.create('others', {id = 513}):create_index('primary')
    box.schema.user.create('replicator', {password = 'secret'})
    box.schema.user.grant('replicator', 'replication')
    box.schema.user.create('nobody', {password = 'secret'})
    box.schema.user.create('reader', {password = 'secret'})
    box.schema.user.grant('reader', 'read', 'space', '_schema')
";

/// Runs a test on a server of its own, with what `lua` makes besides.
fn with_server<F: Future<Output = ()> + 'static>(
    test: &'static str,
    lua: &'static str,
    body: fn(Tarantool) -> F,
) {
    bounded(move || {
        let script = format!("{SPACES}\n{lua}");
        if let Some(server) = Tarantool::builder().script(script).start_or_skip(test) {
            let runtime = Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(body(server));
        }
    });
}

fn config(server: &Tarantool) -> Config {
    Config::parse(&server.uri()).unwrap()
}

async fn client(server: &Tarantool) -> Client {
    connect(config(server)).await.unwrap()
}

/// Follows as the user who may no more than that.
async fn followed(server: &Tarantool, follow: Follow) -> Result<Changes, Error> {
    changes(config(server).user("replicator").password("secret"), follow).await
}

/// The next change, which must come soon.
async fn next(changes: &mut Changes) -> Change {
    match timeout(Duration::from_secs(10), changes.next()).await {
        Ok(Some(Ok(change))) => change,
        other => panic!("{other:?}"),
    }
}

/// The error that ends the changes, and then nothing.
async fn end(changes: &mut Changes) -> Error {
    loop {
        match timeout(Duration::from_secs(10), changes.next()).await {
            Ok(Some(Ok(_))) => {}
            Ok(Some(Err(error))) => {
                assert!(changes.next().await.is_none(), "more after the end");
                return error;
            }
            other => panic!("{other:?}"),
        }
    }
}

/// Reads over the snapshot.
async fn after_snapshot(changes: &mut Changes) {
    while next(changes).await.is_snapshot() {}
}
