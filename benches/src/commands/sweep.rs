//! How figures depend on the number of requests in flight, and on the size of rows.

use clap::Args;

use super::{Common, even};
use crate::job::{Failure, Op};

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
    /// Requests in flight, with rows of 1,536 bytes; at most 1,000 threads
    #[arg(long, value_delimiter = ',', default_value = "1,4,16,40,100,400,1000,4000,10000", value_name = "LIST", value_parser = clap::value_parser!(u32).range(1..=16_000))]
    concurrency: Vec<u32>,
    /// Bytes of each text, with 40 requests in flight
    #[arg(long, value_delimiter = ',', default_value = "16,128,1024,8192,65536,1048576", value_name = "LIST", value_parser = clap::value_parser!(u32).range(1..=2_000_000))]
    sizes: Vec<u32>,
    /// Requests of each run; a fifth with less than 16 in flight, fewer where rows are large
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..))]
    count: u32,
}

const SIZE: usize = 1536;
const CONCURRENCY: usize = 40;
/// What the rows of a run have together at the most.
const BYTES_MAX: usize = 128 << 20;

impl Options {
    pub(super) fn run(&self) -> Result<(), Failure> {
        let by_tasks = self.concurrency.iter().map(|tasks| (*tasks as usize, SIZE));
        let by_size = self.sizes.iter().map(|size| (CONCURRENCY, *size as usize));
        let mut cases: Vec<_> = by_tasks.chain(by_size).collect();
        cases.sort_unstable();
        cases.dedup();
        self.common.contest(
            "Concurrency and size of rows",
            "sweep",
            3,
            |contest, rules| {
                let mut cells = Vec::new();
                for &op in &self.op {
                    for &(tasks, size) in &cases {
                        let count = requests(self.count as usize, tasks, size);
                        cells.extend(contest.group(&even(rules, op, tasks, size, count))?);
                    }
                }
                Ok(cells)
            },
            self.op.len() * cases.len(),
        )
    }
}

fn requests(count: usize, tasks: usize, size: usize) -> usize {
    let count = if tasks < 16 { count / 5 } else { count };
    count.min(BYTES_MAX / size).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_bounded_in_bytes_and_time() {
        assert_eq!(requests(80_000, 40, 1536), 80_000);
        assert_eq!(requests(100_000, 1, 1536), 20_000);
        assert_eq!(requests(100_000, 40, 1 << 20), 128);
        assert_eq!(requests(1, 1, 16), 1);
    }
}
