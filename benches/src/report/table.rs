//! The figures as tables: for terminals, and as rows for the page.

use std::fmt::Write as _;

use super::Report;
use super::cell::Cell;
use super::numbers::{bytes, grouped, micros, significant, with_ends};

/// Titles and rows of texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// One for each column.
    pub titles: Vec<String>,
    /// As many texts as there are titles.
    pub rows: Vec<Vec<String>>,
}

/// A title, whether a terminal has room for it, and what it says about a client.
type Column = (&'static str, bool, fn(&Cell) -> Option<String>);

const COLUMNS: &[Column] = &[
    ("client", true, |cell| Some(cell.client.clone())),
    ("request", true, |cell| Some(cell.op.name().into())),
    ("in flight", true, |cell| Some(cell.concurrency.to_string())),
    ("row", true, |cell| Some(bytes(cell.size as f64))),
    ("rate/s", true, |cell| cell.rate.map(grouped)),
    ("requests/s", true, |cell| Some(with_ends(cell.ops_per_s, grouped))),
    ("of raw", true, |cell| {
        cell.ratio.map(|ratio| with_ends(ratio, |share| format!("{share:.2}")))
    }),
    ("CPU us", true, |cell| cell.cpu_us.map(|cpu| significant(cpu.median))),
    ("user", false, |cell| cell.cpu_user_us.map(significant)),
    ("system", false, |cell| cell.cpu_system_us.map(significant)),
    ("server us", true, |cell| cell.server_us.map(significant)),
    ("p50", true, |cell| cell.p50_us.map(micros)),
    ("p90", false, |cell| cell.p90_us.map(micros)),
    ("p99", true, |cell| cell.p99_us.map(micros)),
    ("p99.9", true, |cell| cell.p999_us.map(micros)),
    ("max", true, |cell| cell.max_us.map(micros)),
    ("late p99", true, |cell| cell.late_p99_us.map(micros)),
    ("req/write", true, |cell| cell.requests_per_write.map(significant)),
    ("reads/req", false, |cell| cell.reads_per_op.map(significant)),
    ("syscalls/req", true, |cell| cell.syscalls_per_op.map(significant)),
    ("allocations/req", true, |cell| cell.allocations_per_op.map(significant)),
    ("MiB", true, |cell| cell.rss_mb.map(significant)),
];

/// All figures, without the columns that nobody can tell, or those that a terminal has room for.
#[must_use]
pub fn figures(report: &Report, terminal: bool) -> Table {
    let known: Vec<&Column> = COLUMNS
        .iter()
        .filter(|(_, narrow, _)| *narrow || !terminal)
        .filter(|(_, _, text)| report.cells.iter().any(|cell| text(cell).is_some()))
        .collect();
    let row =
        |cell| known.iter().map(|(_, _, text)| text(cell).unwrap_or_else(|| "-".into())).collect();
    Table {
        titles: known.iter().map(|(title, _, _)| (*title).to_owned()).collect(),
        rows: report.cells.iter().map(row).collect(),
    }
}

/// Requests per second by client and request, and the share of the raw pump's. `None` when there is
/// too much to see at a glance, or rates were given.
#[must_use]
pub fn glance(report: &Report) -> Option<Table> {
    let cases = report.distinct(Cell::case);
    if cases.len() > CASES_MAX || report.has_rates() {
        return None;
    }
    let mut titles = vec!["requests/s (of raw)".to_owned()];
    titles.extend(cases.iter().map(|(op, concurrency, _)| format!("{op}, {concurrency}")));
    let text = |cell: &Cell| match cell.ratio {
        Some(ratio) => format!("{} ({:.2})", grouped(cell.ops_per_s.median), ratio.median),
        None => grouped(cell.ops_per_s.median),
    };
    let row = |client: &&str| {
        let mut row = vec![(*client).to_owned()];
        row.extend(
            cases.iter().map(|case| report.find(client, *case).map_or_else(|| "-".into(), text)),
        );
        row
    };
    Some(Table { titles, rows: report.clients().iter().map(row).collect() })
}

const CASES_MAX: usize = 8;

/// Everything, for a terminal.
#[must_use]
pub fn text(report: &Report) -> String {
    let mut text = format!("{}\n", report.title);
    let machine = &report.machine;
    // Writing to a string can't fail.
    let _ = writeln!(
        text,
        "{}, {} cores, Linux {}, {}; {}, {}; medians of {} rounds [smallest-largest]\n",
        machine.cpu,
        machine.cores,
        machine.kernel,
        machine.server,
        machine.build,
        report.placement,
        report.rounds
    );
    if let Some(glance) = glance(report) {
        text.push_str(&markdown(&glance));
        text.push('\n');
    }
    text.push_str(&markdown(&figures(report, true)));
    text
}

fn markdown(table: &Table) -> String {
    let width = |column: usize| {
        let texts = table.rows.iter().chain([&table.titles]).map(|row| row[column].len());
        texts.max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..table.titles.len()).map(width).collect();
    let line = |row: &[String]| {
        let cells =
            row.iter().zip(&widths).enumerate().map(|(column, (text, width))| match column {
                0 => format!(" {text:<width$} "),
                _ => format!(" {text:>width$} "),
            });
        format!("|{}|\n", cells.collect::<Vec<_>>().join("|"))
    };
    let rule = widths.iter().enumerate().map(|(column, width)| match column {
        0 => "-".repeat(width + 2),
        _ => "-".repeat(width + 1) + ":",
    });
    let rule = format!("|{}|\n", rule.collect::<Vec<_>>().join("|"));
    line(&table.titles) + &rule + &table.rows.iter().map(|row| line(row)).collect::<String>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::Op;
    use crate::report::tests::report;

    #[test]
    fn unknown_columns_are_left_out() {
        let table = figures(&report(&["raw", "tokio"], &[Op::Select]), false);
        assert!(table.titles.contains(&"p99".into()) && table.titles.contains(&"of raw".into()));
        assert!(!table.titles.contains(&"allocations/req".into()));
        assert!(table.rows.iter().all(|row| row.len() == table.titles.len()));
    }

    #[test]
    fn a_glance_has_a_row_for_each_client() {
        let table = glance(&report(&["raw", "tokio"], &[Op::Insert, Op::Select])).unwrap();
        assert_eq!(table.titles, ["requests/s (of raw)", "insert, 40", "select, 40"]);
        assert_eq!(table.rows[1], ["tokio", "1,000 (1.00)", "1,000 (1.00)"]);
    }

    #[test]
    fn columns_are_aligned() {
        let table = Table {
            titles: vec!["a".into(), "bc".into()],
            rows: vec![vec!["long".into(), "1".into()]],
        };
        assert_eq!(markdown(&table), "| a    | bc |\n|------|---:|\n| long |  1 |\n");
    }
}
