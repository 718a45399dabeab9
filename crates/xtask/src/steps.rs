//! Steps: announced, timed, stopping at the first that fails, and summed up at the end.

use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use crate::cargo::{Counts, failed_test};
use crate::process;

/// A name and what to do.
pub(crate) type Step = (&'static str, fn(&mut Run<'_>) -> Result<End, String>);

/// How a step ended that did not fail.
pub(crate) enum End {
    Done,
    /// It could not be done here: why.
    Skipped(String),
}

/// What steps share.
pub(crate) struct Run<'a> {
    pub(crate) root: &'a Path,
    /// Whether there is a Tarantool to test against.
    pub(crate) has_server: bool,
    counts: Counts,
    failed_tests: Vec<String>,
}

impl Run<'_> {
    /// Runs a program that may run tests, and counts them.
    ///
    /// # Errors
    /// It fails; the message names the tests that did.
    pub(crate) fn run(&mut self, command: &mut Command) -> Result<End, String> {
        self.run_seeing(command, |_| {})
    }

    /// As [`run`](Self::run), with each line of the output for `see` as well.
    ///
    /// # Errors
    /// It fails; the message names the tests that did.
    pub(crate) fn run_seeing(
        &mut self,
        command: &mut Command,
        mut see: impl FnMut(&str),
    ) -> Result<End, String> {
        let before = self.failed_tests.len();
        let ran = process::run(command, |line| {
            see(line);
            if let Some(counts) = Counts::from_line(line) {
                self.counts += counts;
            } else if let Some(name) = failed_test(line) {
                self.failed_tests.push(name.to_owned());
            }
        });
        ran.map(|()| End::Done).map_err(|mut error| {
            for test in self.failed_tests.iter().skip(before) {
                error.push_str("\n  failed: ");
                error.push_str(test);
            }
            error
        })
    }
}

/// Runs steps in order until one fails.
pub(crate) fn run(root: &Path, steps: &[Step]) -> ExitCode {
    let mut run =
        Run { root, has_server: false, counts: Counts::default(), failed_tests: Vec::new() };
    let mut table = Table::default();
    let mut failure = None;
    for (number, (name, step)) in steps.iter().enumerate() {
        println!("\n== {} of {}: {name}", number + 1, steps.len());
        let start = Instant::now();
        let ended = step(&mut run);
        let time = start.elapsed();
        match ended {
            Ok(End::Done) => table.row(name, time, "ok"),
            Ok(End::Skipped(why)) => table.row(name, time, &format!("SKIPPED: {why}")),
            Err(why) => {
                table.row(name, time, "FAILED");
                failure = Some((name, why));
                break;
            }
        }
        println!("== {name}: {:.1} s", time.as_secs_f64());
    }
    table.print();
    if let Some((name, why)) = &failure {
        println!("\nFAILED at the step \"{name}\": {why}");
    }
    if run.counts.ignored > 0 {
        println!("\n{} tests are marked to be ignored", run.counts.ignored);
    }
    println!("\n{} passed, {} failed", run.counts.passed, run.counts.failed);
    match failure {
        None => ExitCode::SUCCESS,
        Some(_) => ExitCode::FAILURE,
    }
}

#[derive(Default)]
struct Table {
    rows: Vec<String>,
    total: Duration,
}

impl Table {
    fn row(&mut self, name: &str, time: Duration, end: &str) {
        self.total += time;
        self.push(name, time, end);
    }

    fn push(&mut self, name: &str, time: Duration, end: &str) {
        self.rows.push(format!("{name:<12} {:>8.1} s  {end}", time.as_secs_f64()));
    }

    fn print(mut self) {
        self.push("all", self.total, "");
        println!("\n{}", self.rows.join("\n"));
    }
}
