//! The blocking connector: one thread with many requests under way, or as many threads as the job
//! asks for.

use std::collections::VecDeque;
use std::thread;
use std::time::Instant;

use serde::de::IgnoredAny;
use tarantool_blocking::request::{Delete, Insert, Ping, Select, Update};
use tarantool_blocking::{Client, Config, Response, Space, Submitted};

use super::arrivals::{self, Arrivals, Done, Timing};
use super::{changed, changes, selected};
use crate::cpu::Stopwatch;
use crate::job::{Contender, Failure, Job, Measured, Op};
use crate::latency::ticks;
use crate::schedule::Schedule;

/// Callers of the blocking connector.
#[derive(Debug)]
pub struct Callers {
    threads: bool,
    client: Client,
}

type Outcome = Result<Done, Failure>;

impl Callers {
    /// Connects to the server; with a thread for each task, or one for all.
    ///
    /// # Errors
    ///
    /// If the server can't be reached.
    pub fn connect(config: Config, threads: bool) -> Result<Self, Failure> {
        let client = tarantool_blocking::connect(config)?;
        Ok(Self { threads, client })
    }

    fn by_threads(&self, job: &Job, arrivals: Vec<Arrivals>) -> Outcome {
        thread::scope(|scope| {
            let threads: Vec<_> = arrivals
                .into_iter()
                .map(|arrivals| scope.spawn(move || call(&self.client, job, arrivals)))
                .collect();
            let mut all = Done::default();
            for thread in threads {
                all.add(thread.join().map_err(|_| "a thread panicked")??);
            }
            Ok(all)
        })
    }
}

impl Contender for Callers {
    fn run(&mut self, job: &Job) -> Result<Measured, Failure> {
        let schedule = job.rate.map(|rate| Schedule::new(rate, job.count())).transpose()?;
        let before = self.client.stats();
        let watch = Stopwatch::start();
        let (done, lateness) = match schedule {
            Some(schedule) if self.threads => {
                let (arrivals, pace) = arrivals::open(job, schedule);
                let pacing = thread::spawn(|| pace.run());
                let done = self.by_threads(job, arrivals)?;
                (done, Some(pacing.join().map_err(|_| "the pace panicked")?))
            }
            Some(_) => return Err("one thread can't begin requests while it waits".into()),
            None if job.tasks == 1 => {
                let arrivals = arrivals::closed(job).pop().ok_or("no task")?;
                (call(&self.client, job, arrivals)?, None)
            }
            None if self.threads => (self.by_threads(job, arrivals::closed(job))?, None),
            None => (submit(&self.client, job)?, None),
        };
        let elapsed = watch.stop();
        let after = self.client.stats();
        Ok(Measured {
            elapsed,
            requests: done.requests,
            reads: after.reads - before.reads,
            writes: after.writes - before.writes,
            latencies: done.samples.into_iter().collect(),
            lateness,
        })
    }
}

fn call(client: &Client, job: &Job, mut arrivals: Arrivals) -> Outcome {
    let space: Space<(u64, String)> = client.space(job.space);
    let borrowed: Space<(u64, &str)> = client.space(job.space);
    let head: Space<(u64, IgnoredAny)> = client.space(job.space);
    while let Some(id) = arrivals.next_blocking() {
        match job.kind(id) {
            Op::Insert => borrowed.insert(&(id, &job.payload))?,
            Op::Select => selected(space.get(id)?, id, job)?,
            kind @ (Op::Update | Op::Assign) => changed(head.update(id, changes(kind, job))?, id)?,
            Op::Delete => changed(head.delete(id)?, id)?,
            Op::Ping | Op::Mixed => client.ping()?,
        }
        arrivals.answered();
    }
    Ok(arrivals.finish())
}

struct UnderWay {
    id: u64,
    began: Option<Instant>,
    reply: Submitted<Response>,
}

fn submit(client: &Client, job: &Job) -> Outcome {
    let mut window: VecDeque<UnderWay> = VecDeque::with_capacity(job.tasks);
    let mut timing = Timing::new(job.tasks, 0);
    let mut done = Done::default();
    for id in job.ids.clone() {
        if window.len() == job.tasks {
            wait(job, window.pop_front(), &mut done)?;
        }
        let began = timing.begin();
        let reply = match job.kind(id) {
            Op::Insert => client.submit(Insert::into(job.space).row((id, &job.payload))),
            Op::Select => client.submit(Select::from(job.space).key(id).limit(1)),
            kind @ (Op::Update | Op::Assign) => {
                client.submit(Update::of(job.space).key(id).operations(changes(kind, job)))
            }
            Op::Delete => client.submit(Delete::from(job.space).key(id)),
            Op::Ping | Op::Mixed => client.submit(Ping),
        };
        window.push_back(UnderWay { id, began, reply });
    }
    while !window.is_empty() {
        wait(job, window.pop_front(), &mut done)?;
    }
    Ok(done)
}

fn wait(job: &Job, oldest: Option<UnderWay>, done: &mut Done) -> Result<(), Failure> {
    let UnderWay { id, began, reply } = oldest.ok_or("nothing is under way")?;
    let response = reply.wait()?;
    match job.kind(id) {
        Op::Select => selected(response.first()?, id, job)?,
        Op::Update | Op::Assign | Op::Delete => {
            changed(response.first::<(u64, IgnoredAny)>()?, id)?;
        }
        Op::Insert | Op::Ping | Op::Mixed => {}
    }
    done.requests += 1;
    if let Some(began) = began {
        done.samples.push(ticks(began.elapsed()));
    }
    Ok(())
}
