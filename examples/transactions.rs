//! Transactions: money moved between accounts by many tasks at once, and none lost.
//!
//! `cargo run --release --example transactions [URI]`. Without a URI it runs on the testkit's
//! embedded server. One at a URI must be 2.10 or newer, with `memtx_use_mvcc_engine`.

use std::time::Duration;

use tarantool_examples::Failure;
use tarantool_tokio::{Client, Error, Isolation, Transaction, connect, ops};

type Account = (u64, i64);

const SPACE: &str = "example_accounts";
const CREATE: &str = "
    local accounts = box.schema.space.create(..., {if_not_exists = true})
    accounts:create_index('primary', {parts = {1, 'unsigned'}, if_not_exists = true})
";

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let embedded = tarantool_testkit::Server::start()?;
    let uri = std::env::args().nth(1);
    let client = connect(uri.as_deref().unwrap_or_else(|| embedded.uri())).await?;
    if uri.is_some() {
        let () = client.eval(CREATE, SPACE).await?;
    } else {
        let space = embedded.space(SPACE).field("id", "unsigned").field("balance", "integer");
        space.primary_key("id").create()?;
    }
    let accounts = client.space::<Account>(SPACE);
    for id in 1..=3 {
        accounts.replace(&(id, 100)).await?;
    }

    // By hand: nobody sees one update without the other.
    let txn = client
        .transaction()
        .isolation(Isolation::ReadConfirmed)
        .timeout(Duration::from_secs(5))
        .begin()
        .await?;
    transfer(&txn, 1, 2, 30).await?;
    println!("inside:  {:?}", txn.space::<Account>(SPACE).select(()).await?);
    println!("outside: {:?}", accounts.select(()).await?);
    txn.commit().await?;
    println!("after:   {:?}", accounts.select(()).await?);

    // Dropped without a commit, it never was.
    let txn = client.transaction().begin().await?;
    transfer(&txn, 1, 3, 1_000_000).await?;
    drop(txn);

    // As a closure, repeated when others change the same accounts meanwhile.
    let tasks: Vec<_> = (0..20).map(|task| tokio::spawn(pay(client.clone(), task))).collect();
    for task in tasks {
        task.await??;
    }
    let rows = accounts.select(()).await?;
    let total: i64 = rows.iter().map(|(_, balance)| balance).sum();
    println!("after 20 tasks: {rows:?}, {total} in all");
    assert_eq!(total, 300, "money came or went");
    Ok(())
}

async fn transfer(txn: &Transaction, from: u64, to: u64, amount: i64) -> Result<(), Error> {
    let accounts = txn.space::<Account>(SPACE);
    accounts.update(from, ops().subtract(1, amount)).await?;
    accounts.update(to, ops().add(1, amount)).await?;
    Ok(())
}

async fn pay(client: Client, task: u64) -> Result<(), Error> {
    let (from, to) = (1 + task % 3, 1 + (task + 1) % 3);
    client
        .transaction()
        .retry_conflicts(1000)
        .run(async |txn| transfer(&txn, from, to, 1).await)
        .await
}
