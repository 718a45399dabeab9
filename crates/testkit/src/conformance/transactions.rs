//! Streams and transactions: on the embedded server, and refused by a real one without them.

use std::time::Duration;

use tarantool_client::{
    Async, Capability, Client, Error, ErrorCode, ErrorKind, Isolation, Outcome, Transaction,
    Version, ops,
};
use tarantool_proto::RequestType;
use tarantool_proto::request::Ping;

use super::backend::unique;
use super::{Adapter, Backend, Wanted, connect, connect_as, create_space, index};
use crate::{Fault, Server};

pub(super) type Row = (u64, i64);

pub(super) async fn space<A: Adapter>(server: &Backend) -> String {
    let format = &[("id", "unsigned"), ("n", "integer")];
    create_space::<A>(server, format, &[index("id", &["id"])]).await.0
}

async fn begin<A: Adapter>(client: &Client<A::Mode>) -> Transaction<A::Mode> {
    A::wait(client.transaction().begin()).await.unwrap()
}

pub(super) async fn rows<A: Adapter>(client: &Client<A::Mode>, space: &str) -> Vec<Row> {
    A::wait(client.space(space).select(()).send()).await.unwrap()
}

/// A server of the case's own, whose counts are its own too.
pub(super) async fn alone<A: Adapter>(server: &Backend) -> (Backend, String, Client<A::Mode>) {
    let server = server.another(&Wanted::default());
    let space = space::<A>(&server).await;
    let client = connect::<A>(&server).await;
    (server, space, client)
}

pub(super) fn embedded(backend: &Backend) -> &Server {
    backend.server().unwrap()
}

fn is_over(error: &Error) -> bool {
    assert_eq!(error.outcome(), Outcome::NotSent);
    matches!(error.kind(), ErrorKind::TransactionOver)
}

pub async fn a_commit_shows_everything_to_others_at_once<A: Adapter>(server: &Backend) {
    let name = space::<A>(server).await;
    let (client, other) = (connect::<A>(server).await, connect::<A>(server).await);
    let txn = begin::<A>(&client).await;
    let inside = txn.space::<Row>(&name);
    A::wait(inside.insert(&(1, 10))).await.unwrap();
    A::wait(inside.insert(&(2, 20))).await.unwrap();
    assert_eq!(rows::<A>(&txn, &name).await, [(1, 10), (2, 20)]);
    assert_eq!(rows::<A>(&other, &name).await, []);
    assert_eq!(rows::<A>(&client, &name).await, [], "the same connection, outside");
    assert!(!txn.is_over());
    A::wait(txn.commit()).await.unwrap();
    assert!(txn.is_over());
    assert_eq!(rows::<A>(&other, &name).await, [(1, 10), (2, 20)]);
}

pub async fn a_rollback_undoes_everything<A: Adapter>(server: &Backend) {
    let name = space::<A>(server).await;
    let client = connect::<A>(server).await;
    let txn = begin::<A>(&client).await;
    A::wait(txn.space::<Row>(&name).insert(&(1, 10))).await.unwrap();
    A::wait(txn.rollback()).await.unwrap();
    assert_eq!(rows::<A>(&client, &name).await, []);
}

pub async fn a_dropped_transaction_is_rolled_back<A: Adapter>(server: &Backend) {
    let (server, name, client) = alone::<A>(server).await;
    let txn = begin::<A>(&client).await;
    A::wait(txn.space::<Row>(&name).insert(&(1, 10))).await.unwrap();
    drop(txn);
    A::wait(client.ping()).await.unwrap();
    assert_eq!(embedded(&server).executed(RequestType::ROLLBACK), 1);
    assert_eq!(rows::<A>(&client, &name).await, []);
    assert_eq!(client.in_flight(), 0);

    // Together with the last handle too.
    let txn = begin::<A>(&client).await;
    drop(client);
    drop(txn);
    let other = connect::<A>(&server).await;
    for _ in 0..500 {
        if embedded(&server).executed(RequestType::ROLLBACK) == 2 {
            return;
        }
        A::wait(other.call::<()>("slow", 0.01)).await.unwrap();
    }
    panic!("not rolled back");
}

/// What a rival does: the tail of a transaction is executed outside of it.
pub async fn nothing_follows_the_end_of_a_transaction<A: Adapter>(server: &Backend) {
    let (server, name, client) = alone::<A>(server).await;
    let txn = begin::<A>(&client).await;
    let inside = txn.space::<Row>(&name);
    A::wait(inside.insert(&(1, 10))).await.unwrap();
    let view = txn.clone();
    A::wait(txn.commit()).await.unwrap();
    let sent = client.stats().requests;

    let error = A::wait(inside.insert(&(2, 20))).await.unwrap_err();
    assert!(is_over(&error), "{error}");
    assert_eq!(
        error.to_string(),
        format!(
            "insert into {name} in a transaction: not sent: the transaction is over; begin a new one"
        )
    );
    assert!(!error.is_retry_safe());
    assert!(is_over(&A::wait(txn.commit()).await.unwrap_err()));
    assert!(is_over(&A::wait(txn.rollback()).await.unwrap_err()));
    assert!(is_over(&A::wait(view.ping()).await.unwrap_err()));
    drop((txn, view, inside));
    assert_eq!(client.stats().requests, sent);
    assert_eq!(rows::<A>(&client, &name).await, [(1, 10)]);
    assert_eq!(embedded(&server).executed(RequestType::COMMIT), 1);
    assert_eq!(embedded(&server).executed(RequestType::ROLLBACK), 0);

    // A dropped one leaves nothing to use either.
    let txn = begin::<A>(&client).await;
    let inside = txn.space::<Row>(&name);
    drop(txn);
    assert!(is_over(&A::wait(inside.insert(&(2, 20))).await.unwrap_err()));
    assert_eq!(rows::<A>(&client, &name).await, [(1, 10)]);
}

pub async fn transactions_of_one_connection_do_not_meet<A: Adapter>(server: &Backend) {
    let (first, second) = (space::<A>(server).await, space::<A>(server).await);
    let client = connect::<A>(server).await;
    let (one, two) = (begin::<A>(&client).await, begin::<A>(&client).await);
    A::wait(one.space::<Row>(&first).insert(&(1, 1))).await.unwrap();
    A::wait(two.space::<Row>(&second).insert(&(2, 2))).await.unwrap();
    assert_eq!(rows::<A>(&one, &second).await, []);
    assert_eq!(rows::<A>(&two, &first).await, []);
    A::wait(two.rollback()).await.unwrap();
    A::wait(one.space::<Row>(&first).insert(&(3, 3))).await.unwrap();
    A::wait(one.commit()).await.unwrap();
    assert_eq!(rows::<A>(&client, &first).await, [(1, 1), (3, 3)]);
    assert_eq!(rows::<A>(&client, &second).await, []);
}

pub async fn every_verb_works_inside<A: Adapter>(server: &Backend) {
    let name = space::<A>(server).await;
    let client = connect::<A>(server).await;
    let txn = begin::<A>(&client).await;
    let inside = txn.space::<Row>(&name);
    A::wait(txn.ping()).await.unwrap();
    A::wait(inside.insert(&(1, 1))).await.unwrap();
    A::wait(inside.replace(&(2, 2))).await.unwrap();
    A::wait(inside.upsert(&(2, 0), ops().add("n", 1))).await.unwrap();
    let updated = A::wait(inside.update(1, ops().add("n", 9))).await.unwrap();
    assert_eq!(updated, Some((1, 10)));
    let updated = A::wait(inside.index("id").update(1, ops().add("n", 1))).await.unwrap();
    assert_eq!(updated, Some((1, 11)));
    assert_eq!(A::wait(inside.get(2)).await.unwrap(), Some((2, 3)));
    assert_eq!(A::wait(inside.index(0).select(2).send()).await.unwrap(), [(2, 3)]);
    let page = A::wait(inside.select(()).page(1)).await.unwrap();
    assert_eq!(page.rows, [(1, 11)]);
    assert_eq!(A::wait(inside.delete(2)).await.unwrap(), Some((2, 3)));
    let echo: (u64, String) = A::wait(txn.call("echo", (1, "a"))).await.unwrap();
    assert_eq!(echo, (1, "a".into()));
    A::wait(txn.send(Ping)).await.unwrap();
    // The embedded server has no Lua and no SQL; the answers are its own.
    let refused = A::wait(txn.eval::<()>("return 1", ())).await.unwrap_err();
    assert_eq!(refused.code(), Some(ErrorCode::UNSUPPORTED));
    let refused = A::wait(txn.execute::<()>("SELECT 1", ())).await.unwrap_err();
    assert_eq!(refused.code(), Some(ErrorCode::UNSUPPORTED));
    let refused = A::wait(txn.prepare("SELECT 1")).await.unwrap_err();
    assert_eq!(refused.to_string().split(':').next(), Some("prepare SELECT 1 in a transaction"));
    A::wait(txn.with_timeout(Duration::from_secs(9)).space::<Row>(&name).insert(&(3, 3)))
        .await
        .unwrap();
    assert_eq!(rows::<A>(&client, &name).await, []);
    A::wait(txn.commit()).await.unwrap();
    assert_eq!(rows::<A>(&client, &name).await, [(1, 11), (3, 3)]);
}

pub async fn an_error_inside_does_not_end_it<A: Adapter>(server: &Backend) {
    let name = space::<A>(server).await;
    let client = connect::<A>(server).await;
    let txn = begin::<A>(&client).await;
    let inside = txn.space::<Row>(&name);
    A::wait(inside.insert(&(1, 1))).await.unwrap();
    let error = A::wait(inside.insert(&(1, 2))).await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::TUPLE_FOUND));
    let error = A::wait(txn.space::<Row>("nobody").get(1)).await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::NO_SUCH_SPACE));
    A::wait(inside.insert(&(2, 2))).await.unwrap();
    A::wait(txn.commit()).await.unwrap();
    assert_eq!(rows::<A>(&client, &name).await, [(1, 1), (2, 2)]);
}

pub async fn every_isolation_can_be_asked_for<A: Adapter>(server: &Backend) {
    let name = space::<A>(server).await;
    let client = connect::<A>(server).await;
    for isolation in [Isolation::ReadCommitted, Isolation::ReadConfirmed, Isolation::BestEffort] {
        let txn = A::wait(client.transaction().isolation(isolation).begin()).await.unwrap();
        A::wait(txn.space::<Row>(&name).replace(&(1, 1))).await.unwrap();
        A::wait(txn.commit()).await.unwrap();
    }
    // Synchronous spaces only, which shows that the server has understood.
    let builder = client.transaction().isolation(Isolation::Linearizable);
    let txn = A::wait(builder.begin()).await.unwrap();
    let error = A::wait(txn.space::<Row>(&name).get(1)).await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::UNSUPPORTED));

    let txn = A::wait(client.transaction().synchronous(true).begin()).await.unwrap();
    A::wait(txn.space::<Row>(&name).replace(&(2, 2))).await.unwrap();
    let error = A::wait(txn.commit()).await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::SYNC_QUEUE_UNCLAIMED));
    assert_eq!(rows::<A>(&client, &name).await, [(1, 1)]);
}

pub async fn a_transaction_that_takes_too_long_is_aborted<A: Adapter>(server: &Backend) {
    let name = space::<A>(server).await;
    let client = connect::<A>(server).await;
    let builder = client.transaction().timeout(Duration::from_millis(50));
    let txn = A::wait(builder.begin()).await.unwrap();
    let inside = txn.space::<Row>(&name);
    A::wait(inside.insert(&(1, 1))).await.unwrap();
    A::wait(client.call::<()>("slow", 0.1)).await.unwrap();
    let aborted = Some(ErrorCode::TRANSACTION_TIMEOUT);
    assert_eq!(A::wait(inside.insert(&(2, 2))).await.unwrap_err().code(), aborted);
    assert_eq!(A::wait(txn.commit()).await.unwrap_err().code(), aborted);
    assert_eq!(rows::<A>(&client, &name).await, []);
}

pub async fn a_conflict_aborts_and_is_told<A: Adapter>(server: &Backend) {
    let name = space::<A>(server).await;
    let (client, other) = (connect::<A>(server).await, connect::<A>(server).await);
    A::wait(other.space::<Row>(&name).insert(&(1, 0))).await.unwrap();
    let txn = begin::<A>(&client).await;
    let inside = txn.space::<Row>(&name);
    A::wait(inside.update(1, ops().add("n", 1))).await.unwrap();
    A::wait(other.space::<Row>(&name).update(1, ops().add("n", 100))).await.unwrap();
    let conflict = Some(ErrorCode::TRANSACTION_CONFLICT);
    assert_eq!(A::wait(inside.get(1)).await.unwrap_err().code(), conflict);
    let error = A::wait(txn.commit()).await.unwrap_err();
    assert_eq!((error.code(), error.outcome()), (conflict, Outcome::Answered));
    assert!(error.to_string().starts_with("commit of a transaction: "), "{error}");
    assert_eq!(rows::<A>(&client, &name).await, [(1, 100)]);
}

pub async fn a_transaction_ends_with_its_connection<A: Adapter>(server: &Backend) {
    let (server, name, client) = alone::<A>(server).await;
    let txn = begin::<A>(&client).await;
    let inside = txn.space::<Row>(&name);
    A::wait(inside.insert(&(1, 1))).await.unwrap();
    embedded(&server).disconnect_all();
    // The first one finds out, and is answered by the next connection.
    A::wait(client.ping()).await.unwrap();
    let error = A::wait(inside.insert(&(2, 2))).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::ConnectionGone { .. }), "{error}");
    assert_eq!((error.outcome(), error.is_retry_safe()), (Outcome::NotSent, false));
    let text = error.to_string();
    let says = "in a transaction: not sent: the transaction belongs to a connection that was lost";
    assert!(text.contains(says), "{text}");
    assert!(text.ends_with("; begin a new one"), "{text}");
    let error = A::wait(txn.commit()).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::NotSent);
    drop(txn);
    assert_eq!(embedded(&server).rows::<Row>(&name).unwrap(), []);

    // On the next connection nothing of it is known.
    let txn = begin::<A>(&client).await;
    assert_eq!(rows::<A>(&txn, &name).await, []);
}

pub async fn a_begin_that_fails_leaves_nothing<A: Adapter>(server: &Backend) {
    let (server, _, client) = alone::<A>(server).await;
    let refusal = tarantool_proto::ServerError::new(ErrorCode::ACCESS_DENIED, "no");
    embedded(&server).fault(Fault::Error(refusal)).on(RequestType::BEGIN).once();
    let error = A::wait(client.transaction().begin()).await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::ACCESS_DENIED));
    assert!(error.to_string().starts_with("begin of a transaction: "), "{error}");
    A::wait(client.ping()).await.unwrap();
    assert_eq!(embedded(&server).executed(RequestType::ROLLBACK), 0);

    // Without a reply it may be open.
    embedded(&server).fault(Fault::NeverAnswer).on(RequestType::BEGIN).once();
    let brief = client.with_timeout(Duration::from_millis(50));
    let error = A::wait(brief.transaction().begin()).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::MaybeExecuted);
    A::wait(client.ping()).await.unwrap();
    assert_eq!(embedded(&server).executed(RequestType::ROLLBACK), 1);
}

pub async fn a_commit_that_was_not_sent_is_rolled_back<A: Adapter<Mode = Async>>(server: &Backend) {
    let (server, name, _) = alone::<A>(server).await;
    let client = connect_as::<A>(server.config().in_flight_max(1)).await;
    let txn = begin::<A>(&client).await;
    txn.space::<Row>(&name).insert(&(1, 1)).await.unwrap();
    let slow = client.call::<()>("slow", 0.1);
    let commit = txn.commit();
    assert_eq!(client.in_flight(), 1, "the commit waits for a place");
    drop(commit);
    drop(txn);
    slow.await.unwrap();
    client.ping().await.unwrap();
    let executed = |request| embedded(&server).executed(request);
    let ends = (executed(RequestType::COMMIT), executed(RequestType::ROLLBACK));
    assert_eq!(ends, (0, 1));
    assert_eq!(rows::<A>(&client, &name).await, []);
}

pub async fn a_dropped_begin_is_rolled_back<A: Adapter<Mode = Async>>(server: &Backend) {
    let (server, _, client) = alone::<A>(server).await;
    drop(client.transaction().begin());
    client.ping().await.unwrap();
    let executed = |request| embedded(&server).executed(request);
    assert_eq!((executed(RequestType::BEGIN), executed(RequestType::ROLLBACK)), (1, 1));
}

pub async fn a_transaction_can_be_sent_in_one_write<A: Adapter<Mode = Async>>(server: &Backend) {
    let (server, name, client) = alone::<A>(server).await;
    let txn = begin::<A>(&client).await;
    let inside = txn.space::<Row>(&name);
    let inserts: Vec<_> = (1..=50).map(|id| inside.insert(&(id, 1))).collect();
    let commit = txn.commit();
    drop(txn);
    commit.await.unwrap();
    for insert in inserts {
        insert.await.unwrap();
    }
    assert_eq!(embedded(&server).len(&name), Some(50));
    assert_eq!(embedded(&server).executed(RequestType::ROLLBACK), 0);
}

pub async fn requests_of_a_stream_are_executed_in_their_order<A: Adapter<Mode = Async>>(
    server: &Backend,
) {
    let client = connect::<A>(server).await;
    let (stream, name) = (client.stream(), unique("trace"));
    let first = stream.call::<()>("slow", 0.05);
    let calls: Vec<_> =
        (0..100_u64).map(|id| stream.clone().call::<()>("trace", (&name, id))).collect();
    first.await.unwrap();
    for call in calls {
        call.await.unwrap();
    }
    let traced: Vec<u64> = client.call("traced", &name).await.unwrap();
    assert_eq!(traced, (0..100).collect::<Vec<_>>());
}

/// Servers before 2.10 ignore the number of a stream, so nothing may reach them.
pub async fn servers_without_streams_are_sent_nothing<A: Adapter>(server: &Backend) {
    if server.version() >= Version::new(2, 10, 0) {
        return;
    }
    let name = space::<A>(server).await;
    let client = connect::<A>(server).await;
    let before = client.stats().requests_out;
    let lacks = |error: Error| {
        assert_eq!(error.outcome(), Outcome::NotSent);
        match error.kind() {
            ErrorKind::Unsupported(what) => assert_eq!(what.capability(), Capability::Streams),
            _ => panic!("{error}"),
        }
    };
    lacks(A::wait(client.transaction().begin()).await.unwrap_err());
    let stream = client.stream();
    lacks(A::wait(stream.ping()).await.unwrap_err());
    lacks(A::wait(stream.space::<Row>(&name).insert(&(1, 1))).await.unwrap_err());
    lacks(A::wait(stream.call::<()>("echo", ())).await.unwrap_err());
    assert_eq!(client.stats().requests_out, before);
    assert_eq!(rows::<A>(&client, &name).await, []);
}
