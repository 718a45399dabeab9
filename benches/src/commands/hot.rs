//! All kinds of requests at once, from several processes.

use clap::Args;

use super::Common;
use crate::contest::{Group, Load};
use crate::job::{Failure, Op};

/// How it is done.
#[derive(Debug, Args)]
pub struct Options {
    #[command(flatten)]
    common: Common,
    /// Processes of a client at once
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=64))]
    processes: u16,
    /// Tasks of each kind in each process
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=250))]
    tasks: u16,
    /// Requests of each process, a quarter of each kind
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..))]
    count: u32,
    /// Bytes of each text
    #[arg(long, default_value_t = 1536, value_parser = clap::value_parser!(u32).range(1..))]
    size: u32,
}

impl Options {
    pub(super) fn run(&self) -> Result<(), Failure> {
        let (processes, tasks) = (usize::from(self.processes), usize::from(self.tasks));
        let title = format!(
            "{processes} processes with {tasks} tasks each that insert, select, update and delete"
        );
        self.common.contest(
            &title,
            "hot",
            3,
            |contest, rules| {
                let load = Load { count: self.count as usize, rate: None };
                contest.group(&Group {
                    op: Op::Mixed,
                    tasks: tasks * Op::MIX.len(),
                    size: self.size as usize,
                    processes,
                    loads: vec![load; rules.clients.len()],
                })
            },
            1,
        )
    }
}
