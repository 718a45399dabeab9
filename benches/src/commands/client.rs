//! One run of one client: what a run of the other commands consists of, and what any other program
//! can use to measure these clients beside its own.

use std::io::{self, BufRead, Write};

use clap::Args;

use crate::clients::{self, Choice, Runtime};
use crate::control::Control;
use crate::job::{Failure, Job, Op};
use crate::outcome::Outcome;
use crate::process::READY;
use crate::server::SPACE;
use crate::{allocations, strace};

/// How it is done.
#[derive(Debug, Args)]
pub struct Options {
    /// The server
    #[arg(long, value_name = "HOST:PORT")]
    uri: String,
    /// The kind of request
    #[arg(long, value_enum)]
    op: Op,
    /// Requests
    #[arg(long)]
    count: u32,
    /// Requests in flight
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=16_000))]
    concurrency: u32,
    /// Bytes of each text
    #[arg(long, default_value_t = 1536, value_parser = clap::value_parser!(u32).range(1..))]
    size: u32,
    /// The client
    #[arg(long, default_value = "tokio", value_name = "NAME", help = names())]
    runtime: Choice,
    /// Requests per second that begin whatever became of earlier ones; latency counts from when
    /// each was to begin
    #[arg(long)]
    rate: Option<f64>,
    /// The space has what the run needs already, and nobody looks at it afterwards
    #[arg(long)]
    prepared: bool,
    /// The id of the prepared space: `[unsigned, string]`, by the first
    #[arg(long, default_value_t = SPACE)]
    space: u32,
    /// The first of the ids, one for each request
    #[arg(long, default_value_t = 1)]
    first_id: u64,
    /// What the texts consist of
    #[arg(long, default_value_t = 'x')]
    letter: char,
    /// Pings before the clock starts [default: a tenth of the requests, at most 5,000]
    #[arg(long)]
    warm_up: Option<u32>,
    /// Counts system calls in one more run, by strace, where it is installed
    #[arg(long, conflicts_with = "prepared")]
    syscalls: bool,
    /// Tells more than every client can
    #[arg(long)]
    full: bool,
    /// Says when it is ready, and starts when it reads a line
    #[arg(long)]
    wait: bool,
}

const WARM_UP_MAX: u32 = 5_000;

fn names() -> String {
    let names = Runtime::ALL.map(Runtime::name).join("|");
    format!("{names}, `+immediate`, `+linger` or `+BYTES` after it for other batching")
}

impl Options {
    pub(super) fn run(&self) -> Result<(), Failure> {
        if !self.letter.is_ascii() {
            return Err("--letter must be one byte".into());
        }
        let control = if self.prepared { None } else { Some(Control::connect(&self.uri)?) };
        let mut job = self.job();
        if let Some(mut control) = control {
            job.space = control.space();
            control.prepare(std::slice::from_ref(&job))?;
            let mut outcome = self.measure(&job)?;
            control.check(std::slice::from_ref(&job))?;
            if self.syscalls {
                outcome.line.syscalls_per_op = self.count_syscalls(&mut control, &job)?;
            }
            control.drop_space()?;
            self.tell(&outcome)
        } else {
            self.tell(&self.measure(&job)?)
        }
    }

    fn job(&self) -> Job {
        Job {
            op: self.op,
            tasks: self.concurrency as usize,
            space: self.space,
            ids: self.first_id..self.first_id + u64::from(self.count),
            payload: String::from(self.letter).repeat(self.size as usize),
            rate: self.rate,
        }
    }

    fn measure(&self, job: &Job) -> Result<Outcome, Failure> {
        let mut contender = clients::connect(&self.runtime, &self.uri)?;
        let pings = self.warm_up.unwrap_or_else(|| (self.count / 10).min(WARM_UP_MAX));
        if pings > 0 {
            let ids = 0..u64::from(pings);
            contender.run(&Job { op: Op::Ping, ids, rate: None, ..job.clone() })?;
        }
        contender.prepare(job)?;
        if self.wait {
            println!("{READY}");
            io::stdout().flush()?;
            io::stdin().lock().read_line(&mut String::new())?;
        }
        let before = allocations::so_far();
        let measured = contender.run(job)?;
        let allocations = allocations::so_far().zip(before).map(|(after, before)| after - before);
        Ok(Outcome::new(&self.runtime, job, &measured, allocations))
    }

    fn count_syscalls(&self, control: &mut Control, job: &Job) -> Result<Option<f64>, Failure> {
        let count = job.count().min(strace::COUNT_MAX) as u64;
        let job = Job { ids: job.ids.start..job.ids.start + count, ..job.clone() };
        control.prepare(std::slice::from_ref(&job))?;
        strace::calls_per_request(&self.runtime, &job, &self.uri)
    }

    fn tell(&self, outcome: &Outcome) -> Result<(), Failure> {
        let line = if self.full {
            serde_json::to_string(outcome)?
        } else {
            serde_json::to_string(&outcome.line)?
        };
        println!("{line}");
        Ok(())
    }
}
