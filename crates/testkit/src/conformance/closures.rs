//! Closures that are run as transactions: committed, repeated on conflicts, rolled back.

use std::future::Future;
use std::sync::atomic::{AtomicU32, Ordering};

use tarantool_client::{
    Async, Blocking, Error, ErrorCode, Mode, Outcome, Space, TransactionBuilder, ops,
};
use tarantool_proto::RequestType;

use super::transactions::{Row, alone, embedded, rows, space};
use super::{Adapter, Backend, Task, connect};
use crate::Fault;

/// How an adapter runs a closure as a transaction.
pub trait Running: Mode {
    /// Adds 1 to the row 1 of `space`. `others` changes it first, in as many attempts as
    /// `conflicts` says. Counts attempts.
    fn increment(
        builder: TransactionBuilder<Self>,
        space: &str,
        others: &Space<Row, Self>,
        conflicts: u32,
        attempts: &AtomicU32,
    ) -> impl Future<Output = Result<i64, Error>>;

    /// Inserts a row and then does not commit, but `fails` or rolls back by itself.
    fn gives_up(
        builder: TransactionBuilder<Self>,
        space: &str,
        fails: bool,
    ) -> impl Future<Output = Result<&'static str, Error>>;
}

impl Running for Async {
    async fn increment(
        builder: TransactionBuilder<Self>,
        space: &str,
        others: &Space<Row, Self>,
        conflicts: u32,
        attempts: &AtomicU32,
    ) -> Result<i64, Error> {
        builder
            .run(async |txn| {
                let attempt = attempts.fetch_add(1, Ordering::Relaxed);
                let row = txn.space::<Row>(space).update(1, ops().add("n", 1)).await?;
                if attempt < conflicts {
                    others.update(1, ops().add("n", 100)).await?;
                }
                Ok(row.unwrap().1)
            })
            .await
    }

    async fn gives_up(
        builder: TransactionBuilder<Self>,
        space: &str,
        fails: bool,
    ) -> Result<&'static str, Error> {
        builder
            .run(async |txn| {
                txn.space::<Row>(space).insert(&(2, 2)).await?;
                if fails {
                    txn.space::<Row>(space).insert(&(2, 2)).await?;
                }
                txn.rollback().await?;
                Ok("rolled back")
            })
            .await
    }
}

impl Running for Blocking {
    async fn increment(
        builder: TransactionBuilder<Self>,
        space: &str,
        others: &Space<Row, Self>,
        conflicts: u32,
        attempts: &AtomicU32,
    ) -> Result<i64, Error> {
        builder.run(|txn| {
            let attempt = attempts.fetch_add(1, Ordering::Relaxed);
            let row = txn.space::<Row>(space).update(1, ops().add("n", 1))?;
            if attempt < conflicts {
                others.update(1, ops().add("n", 100))?;
            }
            Ok(row.unwrap().1)
        })
    }

    async fn gives_up(
        builder: TransactionBuilder<Self>,
        space: &str,
        fails: bool,
    ) -> Result<&'static str, Error> {
        builder.run(|txn| {
            txn.space::<Row>(space).insert(&(2, 2))?;
            if fails {
                txn.space::<Row>(space).insert(&(2, 2))?;
            }
            txn.rollback()?;
            Ok("rolled back")
        })
    }
}

pub async fn a_closure_is_repeated_on_conflicts<A: Adapter>(server: &Backend)
where
    A::Mode: Running,
{
    let name = space::<A>(server).await;
    let (client, other) = (connect::<A>(server).await, connect::<A>(server).await);
    let others = other.space::<Row>(&name);
    A::wait(others.insert(&(1, 0))).await.unwrap();
    let run = async |retries, conflicts| {
        let attempts = AtomicU32::new(0);
        let builder = client.transaction().retry_conflicts(retries);
        let result = A::Mode::increment(builder, &name, &others, conflicts, &attempts).await;
        (result.map_err(|error| error.code()), attempts.into_inner())
    };
    let conflict = Err(Some(ErrorCode::TRANSACTION_CONFLICT));
    assert_eq!(run(0, 0).await, (Ok(1), 1));
    assert_eq!(run(3, 2).await, (Ok(202), 3));
    assert_eq!(run(2, 3).await, (conflict, 3));
    assert_eq!(run(0, 1).await, (conflict, 1));
    assert_eq!(rows::<A>(&client, &name).await, [(1, 602)]);
}

pub async fn a_closure_may_fail_or_roll_back<A: Adapter>(server: &Backend)
where
    A::Mode: Running,
{
    let name = space::<A>(server).await;
    let client = connect::<A>(server).await;
    let builder = || client.transaction().retry_conflicts(3);
    let error = A::Mode::gives_up(builder(), &name, true).await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::TUPLE_FOUND));
    assert_eq!(A::Mode::gives_up(builder(), &name, false).await.unwrap(), "rolled back");
    A::wait(client.ping()).await.unwrap();
    assert_eq!(rows::<A>(&client, &name).await, []);
}

/// Not after a lost connection, whatever `retry_conflicts` says.
pub async fn a_lost_commit_may_have_been_executed<A: Adapter>(server: &Backend)
where
    A::Mode: Running,
{
    let (server, name, client) = alone::<A>(server).await;
    let others = client.space::<Row>(&name);
    A::wait(others.insert(&(1, 0))).await.unwrap();
    embedded(&server).fault(Fault::CloseAfterExecuting).on(RequestType::COMMIT).once();
    let attempts = AtomicU32::new(0);
    let builder = client.transaction().retry_conflicts(3);
    let error = A::Mode::increment(builder, &name, &others, 0, &attempts).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::MaybeExecuted);
    let text = error.to_string();
    assert!(text.starts_with("commit of a transaction: connection to "), "{text}");
    assert!(text.ends_with("it may have been executed"), "{text}");
    assert_eq!(attempts.into_inner(), 1);
    assert_eq!(embedded(&server).rows::<Row>(&name).unwrap(), [(1, 1)]);
}

pub async fn a_closure_may_move_between_threads<A: Adapter<Mode = Async>>(server: &Backend) {
    let name = space::<A>(server).await;
    let client = connect::<A>(server).await;
    let (inside, space) = (client.clone(), name.clone());
    let task: Task = Box::pin(async move {
        let rows = vec![(1, 1), (2, 2)];
        let inserted: Result<usize, Error> = inside
            .transaction()
            .retry_conflicts(1)
            .run(async |txn| {
                for row in &rows {
                    txn.space::<Row>(&space).insert(row).await?;
                }
                Ok(rows.len())
            })
            .await;
        assert_eq!(inserted.unwrap(), 2);
    });
    A::tasks(vec![task]).await;
    assert_eq!(rows::<A>(&client, &name).await, [(1, 1), (2, 2)]);
}
