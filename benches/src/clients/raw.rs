//! The raw pump as a contender: the baseline of all the others. Also with a thread for each task,
//! which it wakes for each reply.

use std::io;
use std::net::TcpStream;

use super::crew::Crew;
use crate::cpu::Stopwatch;
use crate::frames::Frames;
use crate::job::{Contender, Failure, Job, Measured, Op};
use crate::schedule::Schedule;
use crate::{login, pump};

/// Pumps frames encoded before the clock starts, see [`pump`].
#[derive(Debug)]
pub struct Raw {
    stream: TcpStream,
    threads: bool,
    prepared: Option<Frames>,
}

impl Raw {
    /// Connects to the server. `threads`: has a thread for each task.
    ///
    /// # Errors
    ///
    /// If the server can't be reached.
    pub fn connect(uri: &str, threads: bool) -> io::Result<Self> {
        Ok(Self { stream: login::connect(uri)?, threads, prepared: None })
    }
}

impl Contender for Raw {
    fn prepare(&mut self, job: &Job) -> Result<(), Failure> {
        self.prepared = Some(Frames::for_job(job));
        Ok(())
    }

    fn run(&mut self, job: &Job) -> Result<Measured, Failure> {
        let frames = self.prepared.take().unwrap_or_else(|| Frames::for_job(job));
        let schedule = job.rate.map(|rate| Schedule::new(rate, job.count())).transpose()?;
        let crew = self.threads.then(|| Crew::new(job.tasks));
        let watch = Stopwatch::start();
        let pumped = match (&schedule, crew) {
            (None, Some(mut crew)) => {
                pump::run_with(&mut self.stream, &frames, job.tasks, |done| crew.wake(done))?
            }
            (None, None) => pump::run(&mut self.stream, &frames, job.tasks)?,
            (Some(schedule), _) => pump::open::run(&mut self.stream, &frames, job.tasks, schedule)?,
        };
        let elapsed = watch.stop();
        // The pump does not look into replies, but one without its tuple would be shorter.
        let tuples = job.count() - job.count_of(Op::Ping) as usize;
        if pumped.received < (tuples * job.payload.len()) as u64 {
            return Err("replies without tuples".into());
        }
        Ok(Measured {
            elapsed,
            requests: pumped.requests,
            reads: pumped.reads,
            writes: pumped.writes,
            latencies: pumped.latencies.into_iter().collect(),
            lateness: schedule.map(|_| pumped.lateness.into_iter().collect()),
        })
    }
}
