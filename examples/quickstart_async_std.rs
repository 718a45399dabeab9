//! First steps on async-std: connect, insert, select, update, call, delete.
//!
//! `cargo run --release --example quickstart_async_std [URI]`. Without a URI it starts a server of its
//! own.

use tarantool_async_std::{ErrorCode, IteratorType, connect, ops};
use tarantool_examples::{Failure, Server, User};

fn main() -> Result<(), Failure> {
    async_std::task::block_on(quickstart())
}

async fn quickstart() -> Result<(), Failure> {
    let server = Server::from_arguments()?;
    server.create_quickstart()?;
    println!("created the space quickstart with two indexes and a function");

    let client = connect(server.uri()).await?;
    if let Some(info) = client.server() {
        println!("connected to Tarantool {}, {}", info.version(), server.description());
    }

    let users = client.space::<User>("quickstart");
    for user in [User::new(1, "Ann", 30), User::new(2, "Bob", 17), User::new(3, "Cid", 52)] {
        users.insert(&user).await?;
        println!("inserted {user:?}");
    }

    let ann = users.get(1).await?;
    println!("the user with key 1: {ann:?}");

    let adults = users.index("age").select(18).iterator(IteratorType::Ge).limit(100).send().await?;
    println!("adults by age: {adults:?}");

    let changed = users.update(1, ops().add("age", 1).assign("name", "Anna")).await?;
    println!("updated: {changed:?}");

    let total: u64 = client.call("total_age", ()).await?;
    println!("total_age() returned {total}");

    match users.insert(&User::new(2, "Ben", 40)).await {
        Err(error) if error.code() == Some(ErrorCode::TUPLE_FOUND) => println!("refused: {error}"),
        other => return Err(format!("a second user 2 was not refused: {other:?}").into()),
    }

    let deleted = users.delete(3).await?;
    println!("deleted: {deleted:?}");

    let left = users.select(()).send().await?;
    println!("left: {left:?}");
    println!("{}", client.stats());

    assert_eq!(left, [User::new(1, "Anna", 31), User::new(2, "Bob", 17)]);
    assert_eq!(total, 31 + 17 + 52);
    server.drop_quickstart()
}
