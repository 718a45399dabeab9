//! Interleaved rounds: every contender in every round, on the same data.

use std::net::SocketAddr;

use crate::control::{self, Control};
use crate::job::{Contender, Failure, Job, Measured, Op};

/// How a contest goes.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// The requests of each run.
    pub count: usize,
    /// The bytes of each payload.
    pub size: usize,
    /// The rounds that count; one more goes before them as a warm-up.
    pub rounds: usize,
}

/// Runs contests against one server.
#[derive(Debug)]
pub struct Contest {
    control: Control,
    shape: Shape,
    runs: usize,
}

impl Contest {
    /// Connects to the server the contenders use too.
    ///
    /// # Errors
    ///
    /// If the server can't be reached.
    pub fn new(addr: SocketAddr, shape: Shape) -> Result<Self, Failure> {
        Ok(Self { control: Control::connect(addr)?, shape, runs: 0 })
    }

    /// Runs all rounds of one operation with one number of tasks. The outcome has one row per
    /// counted round, with one column per contender.
    ///
    /// # Errors
    ///
    /// If a run fails, or the server's data is not what it must be after it.
    pub fn rounds(
        &mut self,
        op: Op,
        tasks: usize,
        contenders: &mut [Box<dyn Contender>],
    ) -> Result<Vec<Vec<Measured>>, Failure> {
        if matches!(op, Op::Select | Op::Update | Op::Assign) {
            let job = self.job(op, tasks);
            self.control.fill(&job)?;
        }
        let mut rounds = Vec::new();
        for round in 0..=self.shape.rounds {
            let mut row = Vec::new();
            for contender in &mut *contenders {
                let measured = self.run(op, tasks, contender.as_mut()).map_err(|error| {
                    let name = contender.name();
                    format!("{name}, {op}, {tasks} tasks, round {round}: {error}")
                })?;
                row.push(measured);
            }
            if round > 0 {
                rounds.push(row);
            }
        }
        Ok(rounds)
    }

    fn run(
        &mut self,
        op: Op,
        tasks: usize,
        contender: &mut dyn Contender,
    ) -> Result<Measured, Failure> {
        let job = self.job(op, tasks);
        match op {
            Op::Insert => self.control.truncate()?,
            Op::Delete => self.control.fill(&job)?,
            Op::Select | Op::Update | Op::Assign | Op::Ping => {}
        }
        let measured = contender.run(&job)?;
        same("requests answered", measured.requests as u64, &job)?;
        match op {
            Op::Insert => {
                same("tuples inserted", self.control.count()?, &job)?;
            }
            Op::Update => {
                let changed = self.control.count_changed(job.patch())?;
                same("tuples updated", changed, &job)?;
            }
            Op::Assign => {
                let changed = self.control.count_changed(&job.payload)?;
                same("tuples assigned", changed, &job)?;
            }
            Op::Delete => {
                let deleted = (job.count() as u64).saturating_sub(self.control.count()?);
                same("tuples deleted", deleted, &job)?;
            }
            Op::Select | Op::Ping => {}
        }
        Ok(measured)
    }

    fn job(&mut self, op: Op, tasks: usize) -> Job {
        self.runs += 1;
        control::job(op, tasks, self.shape.count, self.shape.size, self.runs)
    }
}

fn same(what: &str, found: u64, job: &Job) -> Result<(), Failure> {
    let expected = job.count() as u64;
    if found == expected {
        Ok(())
    } else {
        Err(format!("{found} {what}, must be {expected}").into())
    }
}
