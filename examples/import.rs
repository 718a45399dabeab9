//! A CSV file imported with many requests under way, and a progress bar.
//!
//! `cargo run --release --example import [URI [FILE]]`. The columns of the file are `id`, `name` and
//! `age`. Without a FILE 100,000 rows are made up, without a URI a server is started.

use std::collections::VecDeque;
use std::fmt::Write;
use std::fs;

use indicatif::ProgressBar;
use tarantool_examples::{Failure, Server, User};
use tarantool_tokio::{Pending, connect};

/// More under way would not be faster, only larger: replies are read as soon as they come, and the
/// file no faster than the server takes it.
const UNDER_WAY_MAX: usize = 1000;
const ROWS: u64 = 100_000;

// On one thread the import and the connection take turns, so that requests gather.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let server = Server::from_arguments()?;
    server.create_quickstart()?;
    println!("importing into {}", server.description());
    let text = match std::env::args().nth(2) {
        Some(file) => fs::read_to_string(file)?,
        None => made_up()?,
    };
    let client = connect(server.uri()).await?;
    // Replacing a row twice does no harm, so a lost connection costs nothing but time.
    let users = client.idempotent().space::<User>("quickstart");

    let bar = ProgressBar::new(text.len() as u64);
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let mut row = csv::StringRecord::new();
    let headers = reader.headers()?.clone();
    let mut under_way = VecDeque::with_capacity(UNDER_WAY_MAX);
    let mut imported = 0;
    while reader.read_record(&mut row)? {
        let user: User = row.deserialize(Some(&headers))?;
        under_way.push_back(users.replace(&user));
        if under_way.len() == UNDER_WAY_MAX {
            // Half of them at once: one out, one in would make writes of one request each.
            while under_way.len() > UNDER_WAY_MAX / 2 {
                imported += finish_first(&mut under_way).await?;
            }
            bar.set_position(reader.position().byte());
        }
    }
    while !under_way.is_empty() {
        imported += finish_first(&mut under_way).await?;
    }
    bar.finish();

    println!("{imported} rows in {:.1?}: {}", bar.elapsed(), client.stats());
    let stats = client.stats();
    assert!(stats.writes * 2 < stats.requests, "requests did not share writes");
    server.drop_quickstart()
}

/// Waits for the oldest request.
async fn finish_first(under_way: &mut VecDeque<Pending<()>>) -> Result<u64, Failure> {
    let Some(reply) = under_way.pop_front() else { return Ok(0) };
    reply.await?;
    Ok(1)
}

fn made_up() -> Result<String, Failure> {
    let mut text = String::from("id,name,age\n");
    for id in 0..ROWS {
        writeln!(text, "{id},\"user {id}\",{}", id % 100)?;
    }
    Ok(text)
}
