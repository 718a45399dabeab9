//! Runs the fuzz targets, one after another, and tells what came of it as a table.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use crate::cargo::cargo;
use crate::process;

const SECONDS: u64 = 60;
/// No input may take longer, in seconds, or more memory, in MiB.
const LIMITS: [&str; 2] = ["-timeout=20", "-rss_limit_mb=2048"];

/// `[--seconds N] [TARGET...]`
pub(crate) fn run(root: &Path, arguments: &[&str]) -> ExitCode {
    match Wanted::parse(arguments).and_then(|wanted| all(root, &wanted)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            eprintln!("xtask: {why}");
            ExitCode::FAILURE
        }
    }
}

#[derive(Debug, PartialEq)]
struct Wanted {
    seconds: u64,
    /// All, if there are none.
    targets: Vec<String>,
}

impl Wanted {
    fn parse(arguments: &[&str]) -> Result<Self, String> {
        let (seconds, targets) = match *arguments {
            ["--seconds", seconds, ref targets @ ..] => {
                let number = seconds.parse().ok().filter(|seconds| *seconds > 0);
                (number.ok_or_else(|| format!("no number of seconds: {seconds}"))?, targets)
            }
            ref targets => (SECONDS, targets),
        };
        match targets.iter().find(|target| target.starts_with('-')) {
            Some(option) => Err(format!("no such option here: {option}")),
            None => {
                Ok(Self { seconds, targets: targets.iter().map(ToString::to_string).collect() })
            }
        }
    }
}

/// Whether nothing was found.
fn all(root: &Path, wanted: &Wanted) -> Result<bool, String> {
    let helper = |arguments: &[&str]| {
        let mut command = cargo(root, &["run", "--quiet", "--release", "-p", "fuzz-targets", "--"]);
        command.args(arguments);
        command
    };
    let names = process::output(&mut helper(&["names"]))?;
    let names: Vec<&str> = names.lines().collect();
    if let Some(unknown) = wanted.targets.iter().find(|target| !names.contains(&target.as_str())) {
        return Err(format!("no target {unknown}; there are {}", names.join(", ")));
    }
    provide(root)?;
    process::run(nightly(root).arg("build"), |_| {})?;
    let mut table = vec![HEAD.to_owned()];
    let mut is_clean = true;
    for name in names {
        if !wanted.targets.is_empty() && !wanted.targets.iter().any(|target| target == name) {
            continue;
        }
        println!("\n== {name}");
        // Both are left out of the repository.
        let corpus = root.join("fuzz/corpus").join(name);
        let found = root.join("fuzz/artifacts").join(name);
        let corpus_name = corpus.to_string_lossy();
        process::run(&mut helper(&["seeds", name, &corpus_name]), |_| {})?;
        let before = files(&found);
        let mut command = nightly(root);
        command.args(["run", name]).arg(&corpus);
        let kept = root.join("crates/fuzz/inputs").join(name);
        command.args(Some(kept).filter(|kept| kept.exists()));
        command.arg("--").arg(format!("-max_total_time={}", wanted.seconds)).args(LIMITS);
        command.arg("-print_final_stats=1");
        let start = Instant::now();
        let (seen, is_ended_well) = watch(&mut command)?;
        let findings: Vec<String> = files(&found).difference(&before).cloned().collect();
        is_clean &= is_ended_well && findings.is_empty();
        table.push(seen.row(name, start.elapsed().as_secs(), &findings, is_ended_well));
    }
    println!("\n{}", table.join("\n"));
    if !is_clean {
        println!(
            "\nWhat was found is in fuzz/artifacts. `cargo +nightly fuzz tmin TARGET FILE` makes it \
             small;\nkept in crates/fuzz/inputs/TARGET it is a test from then on."
        );
    }
    Ok(is_clean)
}

/// cargo-fuzz, installed if it is absent.
fn provide(root: &Path) -> Result<(), String> {
    if process::output(nightly(root).arg("--version")).is_ok() {
        return Ok(());
    }
    if process::output(Command::new("rustup").args(["run", "nightly", "rustc", "-V"])).is_err() {
        return Err("fuzzing needs rustup and a nightly toolchain: \
                    rustup toolchain install nightly --profile minimal"
            .to_owned());
    }
    process::run(&mut cargo(root, &["install", "--locked", "cargo-fuzz"]), |_| {})
}

fn nightly(root: &Path) -> Command {
    let mut command = Command::new("rustup");
    command.args(["run", "nightly", "cargo", "fuzz"]).current_dir(root);
    command
}

fn files(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// Shows what libFuzzer says, but not each new input, and notes its numbers; whether it ended well.
fn watch(command: &mut Command) -> Result<(Seen, bool), String> {
    let failed = |error: std::io::Error| format!("cargo fuzz: {error}");
    let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().map_err(failed)?;
    let mut seen = Seen::default();
    if let Some(output) = child.stderr.take() {
        for line in BufReader::new(output).split(b'\n') {
            let line = line.map_err(failed)?;
            let line = String::from_utf8_lossy(&line);
            seen.note(&line);
            if !line.starts_with('#') || line.contains("DONE") || line.contains("INITED") {
                println!("{}", line.trim_end());
            }
        }
    }
    let status = child.wait().map_err(failed)?;
    Ok((seen, status.success()))
}

const HEAD: &str =
    "target                seconds   executions  per second     cov      ft  inputs  found";

/// The last numbers that were told.
#[derive(Debug, Default, PartialEq)]
struct Seen {
    executions: u64,
    cov: u64,
    ft: u64,
    inputs: u64,
}

impl Seen {
    /// `#123 NEW cov: 45 ft: 67 corp: 8/90b …` or `stat::number_of_executed_units: 123`
    fn note(&mut self, line: &str) {
        if let Some(units) = line.strip_prefix("stat::number_of_executed_units:") {
            self.executions = units.trim().parse().unwrap_or(self.executions);
        }
        let Some(line) = line.strip_prefix('#') else {
            return;
        };
        let number = |text: &str| {
            let digits = text.split(|digit: char| !digit.is_ascii_digit()).next();
            digits.and_then(|digits| digits.parse::<u64>().ok())
        };
        self.executions = number(line).unwrap_or(self.executions);
        let mut words = line.split_whitespace();
        while let Some(word) = words.next() {
            let place = match word {
                "cov:" => &mut self.cov,
                "ft:" => &mut self.ft,
                "corp:" => &mut self.inputs,
                _ => continue,
            };
            *place = words.next().and_then(number).unwrap_or(*place);
        }
    }

    fn row(&self, name: &str, seconds: u64, findings: &[String], is_ended_well: bool) -> String {
        let Self { executions, cov, ft, inputs } = self;
        let rate = executions / seconds.max(1);
        let found = match findings {
            [] if is_ended_well => "-".to_owned(),
            [] => "it failed: see above".to_owned(),
            files => files.join(" "),
        };
        format!(
            "{name:<20} {seconds:>8} {executions:>12} {rate:>11} {cov:>7} {ft:>7} {inputs:>7}  {found}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments() {
        let wanted = |seconds, targets: &[&str]| {
            let targets = targets.iter().map(ToString::to_string).collect();
            Ok(Wanted { seconds, targets })
        };
        assert_eq!(Wanted::parse(&[]), wanted(60, &[]));
        assert_eq!(Wanted::parse(&["uri"]), wanted(60, &["uri"]));
        assert_eq!(Wanted::parse(&["--seconds", "5", "uri", "x"]), wanted(5, &["uri", "x"]));
        assert!(Wanted::parse(&["--seconds", "0"]).is_err());
        assert!(Wanted::parse(&["--seconds"]).is_err());
        assert!(Wanted::parse(&["uri", "--jobs"]).is_err());
    }

    #[test]
    fn numbers_of_libfuzzer() {
        let mut seen = Seen::default();
        seen.note("INFO: seed corpus: files: 12");
        assert_eq!(seen, Seen::default());
        seen.note("#2048\tpulse  cov: 210 ft: 300 corp: 12/34b lim: 4 exec/s: 1024 rss: 40Mb");
        assert_eq!(seen, Seen { executions: 2048, cov: 210, ft: 300, inputs: 12 });
        seen.note("#4096\tNEW    cov: 211 ft: 302 corp: 13/4Kb lim: 4 L: 3/4 MS: 1 CMP-");
        assert_eq!(seen, Seen { executions: 4096, cov: 211, ft: 302, inputs: 13 });
        seen.note("stat::number_of_executed_units: 5000");
        assert_eq!(seen.executions, 5000);
        assert!(seen.row("uri", 0, &[], true).ends_with("  -"));
        assert!(seen.row("uri", 10, &["crash-1".to_owned()], false).ends_with(" crash-1"));
    }
}
