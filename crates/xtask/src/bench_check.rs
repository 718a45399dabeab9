//! Whether the core takes more instructions than it did: micro-benchmarks under callgrind, against
//! figures in the repository.
//!
//! Instructions do not depend on who else uses the machine, as times do. They do depend on the
//! compiler: the figures name theirs, and are to be saved anew with another one.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::cargo::cargo;
use crate::process;
use crate::purity::read;
use crate::steps::{End, Run};

const BASELINE: &str = "benches/baseline.txt";
/// More growth than this many percent fails.
const GROWTH_MAX: u64 = 3;
/// Everything that is done once goes out of the difference of two runs.
const TIMES: [u64; 2] = [200, 1200];
const COMPILER: &str = "# ";

/// Instructions per operation, by name.
type Counts = BTreeMap<String, u64>;

/// Fails where an operation has grown.
///
/// # Errors
/// It has, or there is no valgrind, or no figure to compare with.
pub(crate) fn check(run: &mut Run<'_>) -> Result<End, String> {
    let counts = measure(run)?;
    let text = read(&run.root.join(BASELINE))?;
    let compiler = compiler()?;
    if text.lines().next() != Some(compiler.as_str()) {
        println!("the figures are of another compiler: differences may be its own");
    }
    let (report, failures) = compare(&parse(&text)?, &counts);
    println!("{report}");
    if failures.is_empty() {
        return Ok(End::Done);
    }
    Err(format!(
        "{}\nIf that is meant to be: cargo xtask bench-check --save, and commit {BASELINE}",
        failures.join("\n")
    ))
}

/// Writes the figures that later checks compare with.
///
/// # Errors
/// There is no valgrind, or the file cannot be written.
pub(crate) fn save(run: &mut Run<'_>) -> Result<End, String> {
    let counts = measure(run)?;
    let mut text = format!("{}\n", compiler()?);
    for (name, count) in &counts {
        // Writing to a string can't fail.
        let _ = writeln!(text, "{count:>9} {name}");
    }
    fs::write(run.root.join(BASELINE), text).map_err(|error| format!("{BASELINE}: {error}"))?;
    println!("{BASELINE}: {} figures", counts.len());
    Ok(End::Done)
}

fn measure(run: &mut Run<'_>) -> Result<Counts, String> {
    let build = ["build", "--release", "-p", "tarantool-bench", "--bin", "instructions"];
    run.run(&mut cargo(run.root, &build))?;
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| run.root.join("target"), Into::into);
    let program = target.join("release/instructions");
    let names = process::output(&mut Command::new(&program))?;
    let mut counts = Counts::new();
    for name in names.lines() {
        let [few, many] = TIMES.map(|times| instructions(&program, name, times));
        let count = many?.saturating_sub(few?) / (TIMES[1] - TIMES[0]);
        counts.insert(name.to_owned(), count);
    }
    Ok(counts)
}

fn instructions(program: &Path, name: &str, times: u64) -> Result<u64, String> {
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
    command.arg(program).args([name, &times.to_string()]).stdin(Stdio::null());
    let output =
        command.output().map_err(|error| format!("valgrind: {error}; is it installed?"))?;
    let text = String::from_utf8_lossy(&output.stderr);
    let count = collected(&text).filter(|_| output.status.success());
    count.ok_or_else(|| format!("valgrind, {name}: {}\n{text}", output.status))
}

/// The number in callgrind's line `==PID== Collected : NUMBER`.
fn collected(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.split_once("Collected :"))?;
    line.1.trim().parse().ok()
}

/// The first line of the figures: which compiler they are of.
fn compiler() -> Result<String, String> {
    let version = process::output(Command::new("rustc").arg("--version"))?;
    Ok(format!("{COMPILER}{}", version.trim()))
}

fn parse(text: &str) -> Result<Counts, String> {
    let lines = text.lines().filter(|line| !line.starts_with(COMPILER));
    lines
        .map(|line| {
            let (count, name) = line.trim().split_once(' ').unwrap_or_default();
            let count = count.parse().map_err(|_| format!("{BASELINE}: no figure in {line:?}"))?;
            Ok((name.to_owned(), count))
        })
        .collect()
}

/// A line for each operation, and what fails.
fn compare(baseline: &Counts, counts: &Counts) -> (String, Vec<String>) {
    let mut report = String::from("\n instructions    growth  operation\n");
    let mut failures = Vec::new();
    for (name, &count) in counts {
        let Some(&before) = baseline.get(name) else {
            failures.push(format!("{name}: {count} instructions, and no figure to compare with"));
            continue;
        };
        let growth = if before == 0 { 0.0 } else { count as f64 / before as f64 - 1.0 };
        // Writing to a string can't fail.
        let _ = writeln!(report, "{count:>13} {:>8.1} %  {name}", growth * 100.0);
        if count * 100 > before * (100 + GROWTH_MAX) {
            failures.push(format!("{name}: {count} instructions instead of {before}"));
        }
    }
    for name in baseline.keys().filter(|name| !counts.contains_key(*name)) {
        failures.push(format!("{name}: there is a figure for it, and no benchmark"));
    }
    (report, failures)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_fails_and_less_does_not() {
        let baseline = parse("# rustc 1\n      100 a/one\n     1000 a/two by name\n").unwrap();
        let now = |one, two| Counts::from([("a/one".into(), one), ("a/two by name".into(), two)]);
        assert_eq!(compare(&baseline, &now(103, 500)).1, [""; 0]);
        let failures = compare(&baseline, &now(104, 1030)).1;
        assert_eq!(failures, ["a/one: 104 instructions instead of 100"]);
    }

    #[test]
    fn the_lists_must_be_the_same() {
        let (old, new) = (parse("1 old\n").unwrap(), parse("1 new\n").unwrap());
        assert_eq!(compare(&old, &new).1.len(), 2);
        assert!(parse("many new\n").is_err());
    }

    #[test]
    fn callgrind_says_how_many() {
        let text = "==7== Events    : Ir\n==7== Collected : 123456\n";
        assert_eq!(collected(text), Some(123_456));
        assert_eq!(collected("==7== Collected : none"), None);
    }
}
