//! First steps on tokio: connect, insert, select, update, call, delete.
//!
//! `cargo run --release --example quickstart [URI]`. Without a URI it starts a server of its own.

use serde::{Deserialize, Serialize};
use tarantool_examples::Server;
use tarantool_testkit::SchemaError;
use tarantool_tokio::{Error, ErrorCode, IteratorType, connect, ops};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct User {
    id: u64,
    name: String,
    age: u32,
}

impl User {
    fn new(id: u64, name: &str, age: u32) -> Self {
        Self { id, name: name.into(), age }
    }
}

const SCHEMA: &str = r"
    local users = box.schema.space.create('quickstart', {if_not_exists = true})
    users:format({
        {name = 'id', type = 'unsigned'},
        {name = 'name', type = 'string'},
        {name = 'age', type = 'unsigned'},
    })
    users:create_index('primary', {parts = {1, 'unsigned'}, if_not_exists = true})
    users:create_index('age', {parts = {3, 'unsigned'}, unique = false, if_not_exists = true})
    users:truncate()
    function total_age()
        local total = 0
        for _, user in users:pairs() do total = total + user.age end
        return total
    end
";

/// The same where there is no Lua.
fn make_schema(server: &tarantool_testkit::Server) -> Result<(), SchemaError> {
    let users = server.space("quickstart").field("id", "unsigned").field("name", "string");
    users.field("age", "unsigned").primary_key("id").index("age", "age").create()?;
    server.function_with("total_age", |context, (): ()| {
        Ok(context.rows::<User>("quickstart")?.iter().map(|user| user.age).sum::<u32>())
    });
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let server = Server::from_arguments()?;
    let client = connect(server.uri()).await?;
    if let Some(info) = client.server() {
        println!("connected to Tarantool {}, {}", info.version(), server.description());
    }

    match server.embedded() {
        Some(embedded) => make_schema(embedded)?,
        None => client.eval::<_, ()>(SCHEMA, ()).await?,
    }
    println!("created the space quickstart with two indexes and a function");

    let users = client.space::<User>("quickstart");
    for user in [User::new(1, "Ann", 30), User::new(2, "Bob", 17), User::new(3, "Cid", 52)] {
        users.insert(&user).await?;
        println!("inserted {user:?}");
    }

    let ann = users.get(1).await?;
    println!("the user with key 1: {ann:?}");

    let adults = users.index("age").select(18).iterator(IteratorType::Ge).limit(100).await?;
    println!("adults by age: {adults:?}");

    let changed = users.update(1, ops().add("age", 1).assign("name", "Anna")).await?;
    println!("updated: {changed:?}");

    let total: u64 = client.call("total_age", ()).await?;
    println!("total_age() returned {total}");

    let refused: Result<(), Error> = users.insert(&User::new(2, "Ben", 40)).await;
    match refused {
        Err(error) if error.code() == Some(ErrorCode::TUPLE_FOUND) => println!("refused: {error}"),
        other => return Err(format!("a second user 2 was not refused: {other:?}").into()),
    }

    let deleted = users.delete(3).await?;
    println!("deleted: {deleted:?}");

    let left = users.select(()).await?;
    println!("left: {left:?}");
    if server.embedded().is_none() {
        client.eval::<_, ()>("box.space.quickstart:drop() total_age = nil", ()).await?;
    }
    println!("{}", client.stats());

    assert_eq!(left, [User::new(1, "Anna", 31), User::new(2, "Bob", 17)]);
    assert_eq!(total, 31 + 17 + 52);
    Ok(())
}
