//! Latency at a fixed rate of requests.

use clap::Args;

use super::{Common, even};
use crate::clients::Choice;
use crate::contest::{Contest, Group, Load, Rules};
use crate::job::{Failure, Op};
use crate::report::cell::Cell;
use crate::report::numbers::grouped;

/// How it is done.
#[derive(Debug, Args)]
pub struct Options {
    #[command(flatten)]
    common: Common,
    /// Kinds of requests
    #[arg(
        long,
        value_enum,
        value_delimiter = ',',
        default_value = "insert,select",
        value_name = "LIST"
    )]
    op: Vec<Op>,
    /// Requests per second, the same for all clients, instead of a share of each one's peak
    #[arg(long)]
    rate: Option<f64>,
    /// The share of each client's own peak, which is measured first
    #[arg(long, default_value_t = 0.5)]
    load: f64,
    /// Seconds of each run
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// Tasks that take the requests when they are due
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=1000))]
    concurrency: u16,
    /// Requests of a run by which the peak is measured
    #[arg(long, default_value_t = 50_000, value_parser = clap::value_parser!(u32).range(1..))]
    count: u32,
    /// Bytes of each text
    #[arg(long, default_value_t = 1536, value_parser = clap::value_parser!(u32).range(1..))]
    size: u32,
}

/// What the rows of a run have together at the most.
const BYTES_MAX: usize = 512 << 20;

impl Options {
    pub(super) fn run(&self) -> Result<(), Failure> {
        let positive = |number: f64| number.is_finite() && number > 0.0;
        if !positive(self.load) || !positive(self.seconds) || !self.rate.is_none_or(positive) {
            return Err("--rate, --load and --seconds must be positive".into());
        }
        let title = match self.rate {
            Some(rate) => format!("Latency at {} requests per second", grouped(rate)),
            None => format!("Latency at {:.0} % of each client's peak", self.load * 100.0),
        };
        let phases = if self.rate.is_some() { 1 } else { 2 };
        self.common.contest(
            &title,
            "latency",
            3,
            |contest, rules| {
                let mut cells = Vec::new();
                for &op in &self.op {
                    cells.extend(self.at_rates(op, contest, rules)?);
                }
                Ok(cells)
            },
            self.op.len() * phases,
        )
    }

    fn at_rates(
        &self,
        op: Op,
        contest: &mut Contest<'_>,
        rules: &Rules,
    ) -> Result<Vec<Cell>, Failure> {
        let (tasks, size) = (usize::from(self.concurrency), self.size as usize);
        let peaks = match self.rate {
            Some(_) => Vec::new(),
            None => contest.group(&even(rules, op, tasks, size, self.count as usize))?,
        };
        let loads = rules.clients.iter().map(|client| self.load(client, &peaks)).collect();
        contest.group(&Group { op, tasks, size, processes: 1, loads })
    }

    fn load(&self, client: &Choice, peaks: &[Cell]) -> Load {
        let peak = peaks.iter().find(|cell| cell.client == client.name);
        let rate =
            self.rate.or_else(|| peak.map(|cell| cell.ops_per_s.median * self.load)).unwrap_or(1.0);
        let count = (rate * self.seconds).ceil() as usize;
        Load { count: count.clamp(1, (BYTES_MAX / self.size as usize).max(1)), rate: Some(rate) }
    }
}
