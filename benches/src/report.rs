//! The table of results.

use std::fmt::{self, Write as _};

use crate::job::{Measured, Op};

/// The middle and the ends of some numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// The median.
    pub median: f64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
}

impl Spread {
    /// `None` without numbers.
    #[must_use]
    pub fn of(numbers: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = numbers.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let half = sorted.len() / 2;
        let median = if sorted.len() % 2 == 1 {
            sorted[half]
        } else {
            f64::midpoint(sorted[half - 1], sorted[half])
        };
        Some(Self { median, min, max })
    }
}

/// The first lines of the table.
#[must_use]
pub fn head() -> String {
    let titles = Row {
        client: "client",
        op: "op",
        tasks: "tasks".into(),
        cells: [
            "requests/s [min-max]",
            "CPU us/request",
            "reads/request",
            "writes/request",
            "ratio to raw [min-max]",
        ]
        .map(String::from),
    };
    format!("{titles}\n|---|---|---:|---:|---:|---:|---:|---:|")
}

/// One line per contender. Rows of `rounds` are rounds and columns are contenders, in the
/// order of `names`; `baseline` is the column the ratios of each round are to.
#[must_use]
pub fn lines(
    op: Op,
    tasks: usize,
    names: &[&str],
    rounds: &[Vec<Measured>],
    baseline: Option<usize>,
) -> String {
    let mut lines = String::new();
    for (column, name) in names.iter().enumerate() {
        let each = |number: &dyn Fn(&Measured) -> Option<f64>| {
            let numbers: Option<Vec<f64>> =
                rounds.iter().map(|round| number(&round[column])).collect();
            numbers.and_then(Spread::of)
        };
        let ratio = baseline.and_then(|baseline| {
            Spread::of(rounds.iter().map(|round| rate(&round[column]) / rate(&round[baseline])))
        });
        let per_request = |run: &Measured, number: f64| Some(number / run.requests as f64);
        let row = Row {
            client: name,
            op: op.name(),
            tasks: tasks.to_string(),
            cells: [
                with_ends(each(&|run| Some(rate(run))), 0),
                median(each(&|run| per_request(run, run.elapsed.cpu_seconds * 1e6))),
                median(each(&|run| per_request(run, run.reads? as f64))),
                median(each(&|run| per_request(run, run.writes? as f64))),
                with_ends(ratio, 2),
            ],
        };
        // Writing to a string can't fail.
        let _ = writeln!(lines, "{row}");
    }
    lines
}

fn rate(run: &Measured) -> f64 {
    run.requests as f64 / run.elapsed.seconds
}

fn median(spread: Option<Spread>) -> String {
    spread.map_or_else(|| "-".into(), |spread| format!("{:.3}", spread.median))
}

fn with_ends(spread: Option<Spread>, digits: usize) -> String {
    spread.map_or_else(
        || "-".into(),
        |Spread { median, min, max }| format!("{median:.digits$} [{min:.digits$}-{max:.digits$}]"),
    )
}

struct Row<'a> {
    client: &'a str,
    op: &'a str,
    tasks: String,
    cells: [String; 5],
}

impl fmt::Display for Row<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [rate, cpu, reads, writes, ratio] = &self.cells;
        write!(f, "| {:<16} | {:<6} | {:>5} |", self.client, self.op, self.tasks)?;
        write!(f, " {rate:>24} | {cpu:>14} | {reads:>13} |")?;
        write!(f, " {writes:>14} | {ratio:>22} |")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::Elapsed;

    #[test]
    fn the_median_is_in_the_middle() {
        let odd = Spread::of([3.0, 1.0, 2.0]).unwrap();
        assert_eq!((odd.median, odd.min, odd.max), (2.0, 1.0, 3.0));
        let even = Spread::of([4.0, 1.0, 2.0, 3.0]).unwrap();
        assert_eq!((even.median, even.min, even.max), (2.5, 1.0, 4.0));
        assert_eq!(Spread::of([]), None);
    }

    #[test]
    fn ratios_are_within_rounds() {
        let run = |seconds: f64, reads| Measured {
            elapsed: Elapsed { seconds, cpu_seconds: 0.002 },
            requests: 1000,
            reads,
            writes: Some(50),
        };
        let rounds = [
            vec![run(1.0, Some(100)), run(2.0, None)],
            vec![run(0.5, Some(100)), run(0.5, None)],
            vec![run(4.0, Some(100)), run(5.0, None)],
        ];
        let table = lines(Op::Select, 7, &["raw", "other"], &rounds, Some(0));
        let rows: Vec<&str> = table.lines().collect();
        assert!(rows[0].contains("1000 [250-2000] |          2.000 |         0.100 |"));
        assert!(rows[0].contains("1.00 [1.00-1.00]"));
        assert!(rows[1].contains("500 [200-2000] |          2.000 |             - |"));
        assert!(rows[1].contains("0.80 [0.50-1.00]"));
    }
}
