//! The blocking connector: one thread with many requests under way, or as many threads as the job
//! asks for.

use std::collections::VecDeque;
use std::net::SocketAddr;

use serde::de::IgnoredAny;
use tarantool_blocking::request::{Delete, Insert, Ping, Select, Update};
use tarantool_blocking::{Batching, Client, Config, Response, Space, Submitted};

use crate::cpu::Stopwatch;
use crate::job::{Contender, Failure, Job, Measured, Op};

/// One thread that keeps as many requests under way as the job has tasks.
pub const SUBMIT: &str = "blocking";
/// A thread for each task.
pub const THREADS: &str = "blocking-threads";

/// Callers of the blocking connector.
#[derive(Debug)]
pub struct Callers {
    name: String,
    threads: bool,
    client: Client,
}

impl Callers {
    /// Connects to the server.
    ///
    /// # Errors
    ///
    /// If the server can't be reached.
    pub fn connect(
        name: &str,
        kind: &str,
        addr: SocketAddr,
        batching: Batching,
    ) -> Result<Self, Failure> {
        let config = Config::parse(&addr.to_string())?.batching(batching);
        let client = tarantool_blocking::connect(config)?;
        Ok(Self { name: name.into(), threads: kind == THREADS, client })
    }
}

impl Contender for Callers {
    fn name(&self) -> &str {
        &self.name
    }

    fn run(&mut self, job: &Job) -> Result<Measured, Failure> {
        let before = self.client.stats();
        let watch = Stopwatch::start();
        let result: Result<(), TaskFailure> = if self.threads {
            let client = &self.client;
            std::thread::scope(|scope| {
                let threads: Vec<_> = (0..job.tasks)
                    .map(|task| scope.spawn(move || call(client, job, task)))
                    .collect();
                threads
                    .into_iter()
                    .try_for_each(|thread| thread.join().map_err(|_| "a thread panicked")?)
            })
        } else if job.tasks == 1 {
            call(&self.client, job, 0)
        } else {
            submit(&self.client, job)
        };
        let elapsed = watch.stop();
        result.map_err(|error| -> Failure { error })?;
        let after = self.client.stats();
        Ok(Measured {
            elapsed,
            requests: job.count(),
            reads: Some(after.reads - before.reads),
            writes: Some(after.writes - before.writes),
        })
    }
}

type TaskFailure = Box<dyn std::error::Error + Send + Sync>;

fn call(client: &Client, job: &Job, task: usize) -> Result<(), TaskFailure> {
    let space: Space<(u64, String)> = client.space(job.space);
    let borrowed: Space<(u64, &str)> = client.space(job.space);
    let changed: Space<(u64, IgnoredAny)> = client.space(job.space);
    for id in job.ids.clone().skip(task).step_by(job.tasks) {
        match job.op {
            Op::Insert => borrowed.insert(&(id, &job.payload))?,
            Op::Select => {
                let row = space.get(id)?.ok_or("a row is missing")?;
                if row.0 != id || row.1.len() != job.payload.len() {
                    return Err("a wrong row".into());
                }
            }
            Op::Update | Op::Assign => {
                let row = changed.update(id, super::changes(job))?;
                if row.ok_or("a row is missing")?.0 != id {
                    return Err("a wrong row".into());
                }
            }
            Op::Delete => {
                space.delete(id)?.ok_or("a row is missing")?;
            }
            Op::Ping => client.ping()?,
        }
    }
    Ok(())
}

fn submit(client: &Client, job: &Job) -> Result<(), TaskFailure> {
    let mut window: VecDeque<(u64, Submitted<Response>)> = VecDeque::with_capacity(job.tasks);
    for id in job.ids.clone() {
        if window.len() == job.tasks {
            wait(job, window.pop_front())?;
        }
        let reply = match job.op {
            Op::Insert => client.submit(Insert::into(job.space).row((id, &job.payload))),
            Op::Select => client.submit(Select::from(job.space).key(id).limit(1)),
            Op::Update | Op::Assign => {
                client.submit(Update::of(job.space).key(id).operations(super::changes(job)))
            }
            Op::Delete => client.submit(Delete::from(job.space).key(id)),
            Op::Ping => client.submit(Ping),
        };
        window.push_back((id, reply));
    }
    while !window.is_empty() {
        wait(job, window.pop_front())?;
    }
    Ok(())
}

fn wait(job: &Job, oldest: Option<(u64, Submitted<Response>)>) -> Result<(), TaskFailure> {
    let Some((id, reply)) = oldest else {
        return Ok(());
    };
    let response = reply.wait()?;
    if matches!(job.op, Op::Select) {
        let row: (u64, String) = response.first()?.ok_or("a row is missing")?;
        if row.0 != id || row.1.len() != job.payload.len() {
            return Err("a wrong row".into());
        }
    }
    Ok(())
}
