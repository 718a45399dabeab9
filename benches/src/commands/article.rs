//! The job that the connectors are known by: 100,000 rows of 1,536 bytes, each inserted, selected,
//! updated and deleted by a request of its own.

use clap::Args;

use super::{Common, even};
use crate::job::{Failure, Op};
use crate::report::numbers::grouped;

/// How it is done.
#[derive(Debug, Args)]
pub struct Options {
    #[command(flatten)]
    common: Common,
    /// Rows
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..))]
    count: u32,
    /// Bytes of each row's text
    #[arg(long, default_value_t = 1536, value_parser = clap::value_parser!(u32).range(1..))]
    size: u32,
    /// Tasks: first one, then this many
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u32).range(2..))]
    tasks: u32,
}

impl Options {
    pub(super) fn run(&self) -> Result<(), Failure> {
        let (count, size) = (self.count as usize, self.size as usize);
        let all = [1, self.tasks as usize];
        let title = format!(
            "{} rows of {} bytes: one by one, and by {} tasks on one connection",
            grouped(self.count.into()),
            grouped(self.size.into()),
            self.tasks
        );
        self.common.contest(
            &title,
            "article",
            3,
            |contest, rules| {
                let mut cells = Vec::new();
                for tasks in all {
                    for op in Op::MIX {
                        cells.extend(contest.group(&even(rules, op, tasks, size, count))?);
                    }
                }
                Ok(cells)
            },
            all.len() * Op::MIX.len(),
        )
    }
}
