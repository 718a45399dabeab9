//! The contenders.

use std::net::SocketAddr;

use tarantool_tokio::ops;
use tarantool_tokio::request::Operations;

use crate::job::{Contender, Failure, Job, Op};

pub mod blocking;
pub mod raw;
pub mod tasks;

/// The names [`by_name`] knows besides those of [`tasks`]; a name may carry a batching policy, such
/// as `tokio+immediate`.
pub const NAMES: &[&str] = &[raw::NAME, blocking::SUBMIT, blocking::THREADS];

/// Makes a contender for a server.
///
/// # Errors
///
/// If there is none of that name, or it can't be set up.
pub fn by_name(name: &str, addr: SocketAddr) -> Result<Box<dyn Contender>, Failure> {
    let (client, policy) = name.split_once('+').unwrap_or((name, ""));
    let batching = batching(policy)?;
    match client {
        raw::NAME => Ok(Box::new(raw::Raw::connect(addr)?)),
        client if tasks::NAMES.contains(&client) => {
            Ok(Box::new(tasks::Tasks::connect(name, client, addr, batching)?))
        }
        blocking::SUBMIT | blocking::THREADS => {
            Ok(Box::new(blocking::Callers::connect(name, client, addr, batching)?))
        }
        _ => {
            let names = [NAMES, &tasks::NAMES].concat().join(", ");
            Err(format!("unknown client `{name}`, there are: {names}").into())
        }
    }
}

/// What the job's updates do.
fn changes(job: &Job) -> Operations {
    match job.op {
        Op::Assign => ops().assign(1, &job.payload),
        _ => ops().splice(1, 0, job.patch().len() as i32, job.patch()),
    }
}

/// `immediate`, `linger` (50 us), and a number of bytes for the size of a write, joined by commas.
fn batching(policy: &str) -> Result<tarantool_tokio::Batching, Failure> {
    use std::time::Duration;
    use tarantool_tokio::Batching;
    let mut batching = Batching::default();
    for part in policy.split(',').filter(|part| !part.is_empty()) {
        batching = match part {
            "immediate" => Batching::immediate(),
            "linger" => Batching::linger(Duration::from_micros(50)),
            bytes => batching.up_to(bytes.parse()?),
        };
    }
    Ok(batching)
}
