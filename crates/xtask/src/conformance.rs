//! The conformance suite as a table: case, runtime, server.

use std::collections::{BTreeMap, BTreeSet};

use crate::cargo::cargo;
use crate::steps::{End, Run};
use crate::test::require_server;

const PACKAGES: [&str; 5] = [
    "tarantool-tokio",
    "tarantool-async-std",
    "tarantool-smol",
    "tarantool-compio",
    "tarantool-blocking",
];

/// In the order of the columns, as the modules of the tests are called.
const RUNTIMES: [(&str, &str); 7] = [
    ("tokio_current_thread", "tokio ct"),
    ("tokio_multi_thread", "tokio mt"),
    ("async_std", "async-std"),
    ("smol", "smol"),
    ("compio", "compio"),
    ("compio_polling", "compio rd"),
    ("blocking", "blocking"),
];

/// Servers, by their modules, with what stands for them in the table.
const SERVERS: [(&str, char); 3] = [("real", 'R'), ("embedded", 'E'), ("scripted", 'S')];

/// Runs the suite on all runtimes and prints the table.
///
/// # Errors
/// A case failed.
pub(crate) fn run(run: &mut Run<'_>) -> Result<End, String> {
    let mut command = cargo(run.root, &["test", "--test", "conformance", "--no-fail-fast"]);
    for package in PACKAGES {
        command.args(["-p", package]);
    }
    let mut table = Table::default();
    let has_server = run.has_server;
    let ran = run.run_seeing(require_server(&mut command, has_server), |line| table.note(line));
    println!("\n{table}");
    ran
}

#[derive(Default)]
struct Table {
    /// What came of each case: by case and runtime, the servers, and whether it passed.
    cases: BTreeMap<String, BTreeMap<String, BTreeSet<(char, bool)>>>,
}

impl Table {
    /// Reads a line `test RUNTIME::CASE::SERVER ... ok`.
    fn note(&mut self, line: &str) {
        let Some((name, result)) =
            line.strip_prefix("test ").and_then(|line| line.split_once(" ... "))
        else {
            return;
        };
        let mut path = name.rsplitn(3, "::");
        let (Some(server), Some(case), Some(runtime)) = (path.next(), path.next(), path.next())
        else {
            return;
        };
        if let Some((_, letter)) = SERVERS.iter().find(|(name, _)| *name == server) {
            let runtimes = self.cases.entry(case.to_owned()).or_default();
            let servers = runtimes.entry(runtime.to_owned()).or_default();
            servers.insert((*letter, result == "ok"));
        }
    }

    fn cell(&self, case: &str, runtime: &str) -> String {
        let servers = self.cases.get(case).and_then(|runtimes| runtimes.get(runtime));
        let Some(servers) = servers else {
            return "-".to_owned();
        };
        servers.iter().fold(String::new(), |mut cell, (letter, passed)| {
            cell.push(*letter);
            if !passed {
                cell.push('!');
            }
            cell
        })
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let width = self.cases.keys().map(String::len).max().unwrap_or_default();
        write!(f, "{:width$}", "case")?;
        for (_, title) in RUNTIMES {
            write!(f, "  {title:9}")?;
        }
        writeln!(f)?;
        for case in self.cases.keys() {
            write!(f, "{case:width$}")?;
            for (runtime, _) in RUNTIMES {
                write!(f, "  {:9}", self.cell(case, runtime))?;
            }
            writeln!(f)?;
        }
        let all = || self.cases.values().flat_map(BTreeMap::values).flatten();
        let failed = all().filter(|(_, passed)| !passed).count();
        writeln!(
            f,
            "\nR: on a real server, E: on the embedded one, S: on a scripted peer; !: failed; \
             -: not for this one; compio rd: compio by readiness, without io_uring\n{} cases, {} tests, {failed} failed",
            self.cases.len(),
            all().count(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_tests_become_cells() {
        let mut table = Table::default();
        for line in [
            "test smol::a_ping::real ... ok",
            "test smol::a_ping::embedded ... FAILED",
            "test compio::a_ping::embedded ... ok",
            "test other ... ok",
            "running 3 tests",
        ] {
            table.note(line);
        }
        assert_eq!(table.cell("a_ping", "smol"), "E!R");
        assert_eq!(table.cell("a_ping", "compio"), "E");
        assert_eq!(table.cell("a_ping", "blocking"), "-");
        assert!(table.to_string().contains("1 cases, 3 tests, 1 failed"), "{table}");
    }
}
