//! The testkit's embedded server for clients of other languages: no database, but real bytes.
//!
//! `cargo run --release --example embedded_server`. It prints its address and a user to log in
//! with, and ends with its standard input.

use std::error::Error;
use std::io;

use tarantool_testkit::Server;

fn main() -> Result<(), Box<dyn Error>> {
    let server = Server::builder().user("app", "secret").start()?;
    let users = server.space("users").field("id", "unsigned").field("name", "string");
    let users = users.nullable_field("age", "unsigned").primary_key("id");
    users.unique_index("name", "name").index("age", "age").create()?;
    server.function("sum", |(a, b): (i64, i64)| Ok(a + b));
    server.broadcast("greeting", "hello")?;
    println!("{}", server.uri());
    println!("user app, password secret, space users (id, name, age), function sum");
    io::copy(&mut io::stdin(), &mut io::sink())?;
    Ok(())
}
