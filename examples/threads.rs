//! Worker threads over one connection, without a runtime.
//!
//! `cargo run --release --example threads [URI]`. Each worker takes jobs from a queue, reads a row and
//! changes another. The threads that wait drive the socket, so requests of several share its calls.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use tarantool_blocking::{Client, Error, connect, ops};
use tarantool_examples::{Failure, Server, User};

const WORKERS: usize = 16;
const JOBS: u64 = 20_000;
const USERS: u64 = 100;

fn main() -> Result<(), Failure> {
    let server = Server::from_arguments()?;
    server.create_quickstart()?;
    let client = connect(server.uri())?;
    let users = client.space::<User>("quickstart");
    for id in 0..USERS {
        users.insert(&User::new(id, "somebody", 0))?;
    }

    let before = client.stats();
    let queue = AtomicU64::new(0);
    let done = thread::scope(|scope| {
        let workers: Vec<_> =
            (0..WORKERS).map(|_| scope.spawn(|| work(client.clone(), &queue))).collect();
        let results = workers.into_iter().map(|worker| worker.join());
        results
            .map(|result| result.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .sum::<Result<u64, Error>>()
    })?;

    let stats = client.stats();
    let calls = stats.reads + stats.writes - before.reads - before.writes;
    let requests = stats.requests - before.requests;
    println!("{done} jobs by {WORKERS} threads: {requests} requests, {calls} reads and writes");
    let total: u64 = client.call("total_age", ())?;
    assert_eq!((done, total), (JOBS, JOBS), "a job was lost, or done twice");
    assert!(calls < requests * 2, "threads did not share system calls");
    server.drop_quickstart()
}

/// Does jobs until there are no more; returns how many.
fn work(client: Client, queue: &AtomicU64) -> Result<u64, Error> {
    let users = client.space::<User>("quickstart");
    let mut done = 0;
    loop {
        let job = queue.fetch_add(1, Ordering::Relaxed);
        if job >= JOBS {
            return Ok(done);
        }
        if users.get(job % USERS)?.is_some() {
            users.update((job + 1) % USERS, ops().add("age", 1))?;
            done += 1;
        }
    }
}
