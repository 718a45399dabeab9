//! One line of the results: a client, what it did, and what that took.

use serde::Serialize;

use super::spread::Spread;
use crate::job::Op;
use crate::outcome::Outcome;
use crate::sampler::Point;

/// What was measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Case {
    /// The kind of request.
    pub op: Op,
    /// Requests in flight, of all processes together.
    pub concurrency: usize,
    /// Bytes of each text.
    pub size: usize,
    /// Requests of each run.
    pub count: usize,
    /// Processes at the same time.
    pub processes: usize,
    /// Requests per second that were begun, whatever became of earlier ones.
    pub rate: Option<f64>,
}

/// A client's figures: medians of its rounds unless said otherwise.
#[derive(Clone, Debug, Serialize)]
pub struct Cell {
    /// The client's name.
    pub client: String,
    /// The kind of request.
    pub op: Op,
    /// Requests in flight, of all processes together.
    pub concurrency: usize,
    /// Bytes of each text.
    pub size: usize,
    /// Requests of each run.
    pub count: usize,
    /// Processes at the same time.
    pub processes: usize,
    /// Requests per second that were begun, whatever became of earlier ones.
    pub rate: Option<f64>,
    /// Rounds that count.
    pub rounds: usize,
    /// Wall-clock seconds.
    pub secs: Spread,
    /// Requests per second.
    pub ops_per_s: Spread,
    /// The same as a share of the raw pump's in the same round.
    pub ratio: Option<Spread>,
    /// CPU microseconds of the client per request.
    pub cpu_us: Option<Spread>,
    /// The part of it in the client's own code.
    pub cpu_user_us: Option<f64>,
    /// The part of it in the kernel.
    pub cpu_system_us: Option<f64>,
    /// CPU microseconds of the server per request.
    pub server_us: Option<f64>,
    /// Median latency in microseconds.
    pub p50_us: Option<f64>,
    /// 90th percentile in microseconds.
    pub p90_us: Option<f64>,
    /// 99th percentile in microseconds.
    pub p99_us: Option<f64>,
    /// 99.9th percentile in microseconds.
    pub p999_us: Option<f64>,
    /// The longest latency in microseconds: of all rounds.
    pub max_us: Option<f64>,
    /// At a rate: how late 99 % of the requests were handed to the client at most, microseconds.
    pub late_p99_us: Option<f64>,
    /// Requests that shared a write to the socket, on average.
    pub requests_per_write: Option<f64>,
    /// System calls per request that read from the socket.
    pub reads_per_op: Option<f64>,
    /// All system calls per request, of one more run.
    pub syscalls_per_op: Option<f64>,
    /// Allocations per request.
    pub allocations_per_op: Option<f64>,
    /// The most resident memory in MiB.
    pub rss_mb: Option<f64>,
    /// What the server executed during the last round.
    pub curve: Vec<Point>,
}

impl Cell {
    /// Sums up the rounds of a client; `baseline` are those of the raw pump. `None` without rounds.
    #[must_use]
    pub fn new(
        client: &str,
        case: &Case,
        rounds: &[Outcome],
        baseline: Option<&[Outcome]>,
    ) -> Option<Self> {
        let spread =
            |number: &dyn Fn(&Outcome) -> Option<f64>| Spread::of_known(rounds.iter().map(number));
        let median =
            |number: &dyn Fn(&Outcome) -> Option<f64>| spread(number).map(|spread| spread.median);
        let ratio = baseline.and_then(|baseline| {
            let pairs = rounds.iter().zip(baseline);
            Spread::of(pairs.map(|(own, raw)| own.line.ops_per_s / raw.line.ops_per_s))
        });
        Some(Self {
            client: client.into(),
            op: case.op,
            concurrency: case.concurrency,
            size: case.size,
            count: case.count,
            processes: case.processes,
            rate: case.rate,
            rounds: rounds.len(),
            secs: spread(&|run| Some(run.line.secs))?,
            ops_per_s: spread(&|run| Some(run.line.ops_per_s))?,
            ratio,
            cpu_us: spread(&|run| run.line.cpu_us_per_op),
            cpu_user_us: median(&|run| run.details.cpu_user_us),
            cpu_system_us: median(&|run| run.details.cpu_system_us),
            server_us: median(&|run| run.details.server_us),
            p50_us: median(&|run| run.line.p50_us),
            p90_us: median(&|run| run.details.p90_us),
            p99_us: median(&|run| run.line.p99_us),
            p999_us: median(&|run| run.details.p999_us),
            max_us: spread(&|run| run.details.max_us).map(|spread| spread.max),
            late_p99_us: median(&|run| run.details.late_p99_us),
            requests_per_write: median(&|run| {
                run.details.writes_per_op.filter(|writes| *writes > 0.0).map(|writes| 1.0 / writes)
            }),
            reads_per_op: median(&|run| run.details.reads_per_op),
            syscalls_per_op: median(&|run| run.line.syscalls_per_op),
            allocations_per_op: median(&|run| run.details.allocations_per_op),
            rss_mb: median(&|run| run.line.rss_mb),
            curve: Vec::new(),
        })
    }

    /// What it is about, without the client.
    #[must_use]
    pub fn case(&self) -> (Op, usize, usize) {
        (self.op, self.concurrency, self.size)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::outcome::{Details, Line};

    pub(crate) fn run(client: &str, op: Op, ops_per_s: f64) -> Outcome {
        let line = Line {
            client: client.into(),
            op: op.name().into(),
            count: 1000,
            concurrency: 40,
            secs: 1000.0 / ops_per_s,
            ops_per_s,
            cpu_us_per_op: Some(2.0),
            rss_mb: Some(10.0),
            p50_us: Some(10.0),
            p99_us: Some(20.0),
            syscalls_per_op: None,
        };
        let details = Details {
            writes_per_op: Some(0.05),
            max_us: Some(1e6 / ops_per_s),
            ..Details::default()
        };
        Outcome { line, details }
    }

    pub(crate) const CASE: Case =
        Case { op: Op::Select, concurrency: 40, size: 1536, count: 1000, processes: 1, rate: None };

    pub(crate) fn cell(client: &str, op: Op) -> Cell {
        let rounds = [run(client, op, 1000.0)];
        Cell::new(client, &Case { op, ..CASE }, &rounds, Some(&rounds)).unwrap()
    }

    #[test]
    fn ratios_are_within_rounds() {
        let raw = [1000.0, 2000.0, 250.0].map(|rate| run("raw", Op::Select, rate));
        let own = [500.0, 2000.0, 200.0].map(|rate| run("own", Op::Select, rate));
        let cell = Cell::new("own", &CASE, &own, Some(&raw)).unwrap();
        assert_eq!(cell.ops_per_s, Spread { median: 500.0, min: 200.0, max: 2000.0 });
        assert_eq!(cell.ratio, Some(Spread { median: 0.8, min: 0.5, max: 1.0 }));
        assert_eq!(cell.requests_per_write, Some(20.0));
        assert_eq!((cell.max_us, cell.p90_us), (Some(5000.0), None));
        assert!(Cell::new("own", &CASE, &[], None).is_none());
    }
}
