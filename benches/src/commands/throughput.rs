//! Chosen kinds of requests, as many as possible.

use clap::Args;

use super::{Common, even};
use crate::job::{Failure, Op};
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
        default_value = "insert,select,update",
        value_name = "LIST"
    )]
    op: Vec<Op>,
    /// Requests in flight
    #[arg(long, value_delimiter = ',', default_value = "1,100", value_name = "LIST", value_parser = clap::value_parser!(u32).range(1..))]
    concurrency: Vec<u32>,
    /// Requests of each run
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..))]
    count: u32,
    /// Bytes of each text
    #[arg(long, default_value_t = 1536, value_parser = clap::value_parser!(u32).range(1..))]
    size: u32,
}

impl Options {
    pub(super) fn run(&self) -> Result<(), Failure> {
        let (count, size) = (self.count as usize, self.size as usize);
        self.common.contest(
            &format!(
                "Throughput: {} requests, rows of {} bytes",
                grouped(self.count.into()),
                grouped(self.size.into())
            ),
            "throughput",
            5,
            |contest, rules| {
                let mut cells = Vec::new();
                for &op in &self.op {
                    for &tasks in &self.concurrency {
                        cells.extend(contest.group(&even(
                            rules,
                            op,
                            tasks as usize,
                            size,
                            count,
                        ))?);
                    }
                }
                Ok(cells)
            },
            self.op.len() * self.concurrency.len(),
        )
    }
}
