//! What one run of one client tells: a line of JSON.

use serde::{Deserialize, Serialize};

use crate::clients::{Choice, Runtime};
use crate::job::{Job, Measured};
use crate::latency::Latencies;
use crate::memory;

/// The line that every client prints, of whatever language. `null` is what it can't tell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// The client's name.
    pub client: String,
    /// The kind of request.
    pub op: String,
    /// How many requests were answered with success.
    pub count: u64,
    /// How many were in flight at once.
    pub concurrency: u64,
    /// Wall-clock seconds, from the first request to the last reply.
    pub secs: f64,
    /// `count / secs`.
    pub ops_per_s: f64,
    /// User and system CPU microseconds of the client's process, per request.
    pub cpu_us_per_op: Option<f64>,
    /// The most resident memory of the client's process, in MiB.
    pub rss_mb: Option<f64>,
    /// Median latency in microseconds.
    pub p50_us: Option<f64>,
    /// The latency that 99 % of the requests did not exceed, in microseconds.
    pub p99_us: Option<f64>,
    /// System calls of the client's process, per request.
    pub syscalls_per_op: Option<f64>,
}

/// What the clients here tell besides, with `--full`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Details {
    /// User CPU microseconds per request.
    pub cpu_user_us: Option<f64>,
    /// System CPU microseconds per request.
    pub cpu_system_us: Option<f64>,
    /// 90th percentile of the latency in microseconds.
    pub p90_us: Option<f64>,
    /// 99.9th percentile of the latency in microseconds.
    pub p999_us: Option<f64>,
    /// The longest latency in microseconds.
    pub max_us: Option<f64>,
    /// System calls that read from the socket, per request.
    pub reads_per_op: Option<f64>,
    /// System calls that wrote to the socket, per request.
    pub writes_per_op: Option<f64>,
    /// Allocations and reallocations per request.
    pub allocations_per_op: Option<f64>,
    /// CPU microseconds of the server per request, if it was started for the benchmark.
    pub server_us: Option<f64>,
    /// At a rate: how late 99 % of the requests were handed to the client at most, in microseconds.
    pub late_p99_us: Option<f64>,
    /// Seconds since 1970 when the clock was started.
    pub began: Option<f64>,
    /// All latencies: tenths of a microsecond and how many requests took that long.
    pub latencies: Vec<(u64, u64)>,
}

/// All that a run tells.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// What every client tells.
    #[serde(flatten)]
    pub line: Line,
    /// What those here tell besides.
    #[serde(flatten)]
    pub details: Details,
}

impl Outcome {
    /// Of a run that has just ended in this process.
    #[must_use]
    pub fn new(client: &Choice, job: &Job, measured: &Measured, allocations: Option<u64>) -> Self {
        let Measured { elapsed, requests, latencies, .. } = measured;
        let per_op = |number: f64| (*requests > 0).then(|| number / *requests as f64);
        let us_per_op = |seconds: f64| per_op(seconds * 1e6);
        let ops_per_s = if *requests == 0 { 0.0 } else { *requests as f64 / elapsed.seconds };
        Self {
            line: Line {
                client: client.name.clone(),
                op: job.op.name().into(),
                count: *requests as u64,
                concurrency: job.tasks as u64,
                secs: elapsed.seconds,
                ops_per_s,
                cpu_us_per_op: us_per_op(elapsed.user_seconds + elapsed.system_seconds),
                // All frames of the raw pump are there from the beginning, unlike a client's.
                rss_mb: if client.runtime == Runtime::Raw { None } else { memory::peak_mib() },
                p50_us: latencies.quantile(0.5),
                p99_us: latencies.quantile(0.99),
                syscalls_per_op: None,
            },
            details: Details {
                cpu_user_us: us_per_op(elapsed.user_seconds),
                cpu_system_us: us_per_op(elapsed.system_seconds),
                p90_us: latencies.quantile(0.9),
                p999_us: latencies.quantile(0.999),
                max_us: latencies.max(),
                reads_per_op: per_op(measured.reads as f64),
                writes_per_op: per_op(measured.writes as f64),
                allocations_per_op: allocations.and_then(|count| per_op(count as f64)),
                server_us: None,
                late_p99_us: measured.lateness.as_ref().and_then(|late| late.quantile(0.99)),
                began: Some(elapsed.began),
                latencies: latencies.counts(),
            },
        }
    }

    /// Several processes that ran at the same time as one: what they did together, in the time from
    /// the first start to the last end. `None` without any.
    #[must_use]
    pub fn together(outcomes: &[Self]) -> Option<Self> {
        let [first, rest @ ..] = outcomes else {
            return None;
        };
        if rest.is_empty() {
            return Some(first.clone());
        }
        let count = outcomes.iter().map(|each| each.line.count).sum::<u64>();
        let began = |each: &Self| each.details.began.unwrap_or(0.0);
        let first_start = outcomes.iter().map(began).fold(f64::INFINITY, f64::min);
        let ends = outcomes.iter().map(|each| began(each) + each.line.secs);
        let secs = ends.fold(0.0, f64::max) - first_start;
        let mean = |number: &dyn Fn(&Self) -> Option<f64>| {
            let sum: Option<f64> =
                outcomes.iter().map(|each| Some(number(each)? * each.line.count as f64)).sum();
            sum.map(|sum| sum / count as f64)
        };
        let mut latencies = Latencies::default();
        for each in outcomes {
            latencies.add(&Latencies::from_counts(each.details.latencies.iter().copied()));
        }
        Some(Self {
            line: Line {
                count,
                concurrency: outcomes.iter().map(|each| each.line.concurrency).sum(),
                secs,
                ops_per_s: count as f64 / secs,
                cpu_us_per_op: mean(&|each| each.line.cpu_us_per_op),
                rss_mb: outcomes.iter().map(|each| each.line.rss_mb).sum(),
                p50_us: latencies.quantile(0.5),
                p99_us: latencies.quantile(0.99),
                syscalls_per_op: mean(&|each| each.line.syscalls_per_op),
                ..first.line.clone()
            },
            details: Details {
                cpu_user_us: mean(&|each| each.details.cpu_user_us),
                cpu_system_us: mean(&|each| each.details.cpu_system_us),
                p90_us: latencies.quantile(0.9),
                p999_us: latencies.quantile(0.999),
                max_us: latencies.max(),
                reads_per_op: mean(&|each| each.details.reads_per_op),
                writes_per_op: mean(&|each| each.details.writes_per_op),
                allocations_per_op: mean(&|each| each.details.allocations_per_op),
                server_us: None,
                late_p99_us: None,
                began: None,
                latencies: latencies.counts(),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(count: u64, began: f64, secs: f64, cpu: f64, latencies: &[(u64, u64)]) -> Outcome {
        let line = serde_json::json!({
            "client": "x", "op": "mixed", "count": count, "concurrency": 80, "secs": secs,
            "ops_per_s": count as f64 / secs, "cpu_us_per_op": cpu, "rss_mb": 3.0,
            "p50_us": null, "p99_us": null, "syscalls_per_op": null
        });
        let mut outcome: Outcome = serde_json::from_value(line).unwrap();
        outcome.details.latencies = latencies.to_vec();
        outcome.details.began = Some(began);
        outcome
    }

    #[test]
    fn the_line_alone_is_enough() {
        let outcome = outcome(10, 5.0, 2.0, 1.0, &[]);
        assert_eq!((outcome.line.ops_per_s, outcome.details.max_us), (5.0, None));
        let text = serde_json::to_string(&outcome.line).unwrap();
        assert!(text.ends_with("\"syscalls_per_op\":null}"), "{text}");
    }

    #[test]
    fn processes_together_took_from_the_first_start_to_the_last_end() {
        let outcomes = [
            outcome(100, 9.0, 2.0, 1.0, &[(10, 100)]),
            outcome(300, 10.0, 3.0, 3.0, &[(1000, 300)]),
        ];
        let together = Outcome::together(&outcomes).unwrap();
        assert_eq!((together.line.count, together.line.secs), (400, 4.0));
        assert_eq!((together.line.ops_per_s, together.line.concurrency), (100.0, 160));
        assert_eq!((together.line.cpu_us_per_op, together.line.rss_mb), (Some(2.5), Some(6.0)));
        assert_eq!(together.line.p50_us, Some(100.0));
        assert_eq!(together.line.syscalls_per_op, None);
        assert_eq!(Outcome::together(&[]), None);
    }
}
