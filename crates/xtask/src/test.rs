//! The steps of each task.

use std::env;
use std::num::NonZero;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::thread;

use crate::cargo::cargo;
use crate::conformance;
use crate::purity;
use crate::server::{self, Server};
use crate::steps::{self, End, Run};

/// Everything that must hold.
pub(crate) fn all(root: &Path) -> ExitCode {
    steps::run(
        root,
        &[
            ("server", provide_server),
            ("format", check_format),
            ("lints", check_lints),
            ("docs", build_docs),
            ("tests", run_tests),
            ("features", test_features),
            ("models", check_models),
            ("doc tests", run_doc_tests),
            ("purity", check_purity),
            ("examples", run_examples),
        ],
    )
}

pub(crate) fn conformance(root: &Path) -> ExitCode {
    steps::run(root, &[("server", provide_server), ("conformance", conformance::run)])
}

pub(crate) fn purity(root: &Path) -> ExitCode {
    steps::run(root, &[("purity", check_purity)])
}

pub(crate) fn models(root: &Path) -> ExitCode {
    steps::run(root, &[("models", check_models)])
}

/// The binaries for libFuzzer have a lock file and a target folder of their own and need a C++
/// compiler, so that this is no part of [`all`]; what they do with their input is.
pub(crate) fn fuzz_check(root: &Path) -> ExitCode {
    steps::run(root, &[("fuzz targets", check_fuzz_targets)])
}

fn provide_server(run: &mut Run<'_>) -> Result<End, String> {
    match server::provide()? {
        Server::Found(version) => {
            println!("{version}");
            run.has_server = true;
            Ok(End::Done)
        }
        Server::Missing(why) => {
            let line = "!".repeat(100);
            println!(
                "{line}\nNo Tarantool here: {why}\n\
                 Tests and examples that need a server are SKIPPED.\n\
                 Install the package `tarantool`, or set TARANTOOL=/path/to/tarantool.\n{line}"
            );
            Ok(End::Skipped("no Tarantool: tests that need one are skipped".to_owned()))
        }
    }
}

fn check_format(run: &mut Run<'_>) -> Result<End, String> {
    run.run(&mut cargo(run.root, &["fmt", "--all", "--check"]))
}

fn check_lints(run: &mut Run<'_>) -> Result<End, String> {
    let arguments = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
    run.run(&mut cargo(run.root, &arguments))
}

fn build_docs(run: &mut Run<'_>) -> Result<End, String> {
    let mut command = cargo(run.root, &["doc", "--workspace", "--no-deps"]);
    run.run(command.env("RUSTDOCFLAGS", "-D warnings"))
}

/// How many tests of a binary run at once.
const TEST_THREADS: &str = "RUST_TEST_THREADS";
/// Most tests wait for servers and for time to pass, not for a core.
const TESTS_PER_CORE: usize = 3;

fn run_tests(run: &mut Run<'_>) -> Result<End, String> {
    let kinds = ["--lib", "--bins", "--tests", "--examples"];
    let mut command = cargo(run.root, &["test", "--workspace", "--no-fail-fast"]);
    if env::var_os(TEST_THREADS).is_none() {
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        command.env(TEST_THREADS, (TESTS_PER_CORE * cores).to_string());
    }
    run.run(require_server(command.args(kinds), run.has_server))
}

/// The conversions of the core's values, and traces, which no other build has.
fn test_features(run: &mut Run<'_>) -> Result<End, String> {
    let core = ["--package", "tarantool-proto", "--all-features"];
    let mut lints = cargo(run.root, &["clippy"]);
    run.run(lints.args(core).args(["--all-targets", "--", "-D", "warnings"]))?;
    run.run(cargo(run.root, &["test"]).args(core).args(["--test", "types"]))?;
    let client = ["--package", "tarantool-client", "--all-features"];
    run.run(cargo(run.root, &["clippy"]).args(client).args([
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ]))?;
    run.run(cargo(run.root, &["test"]).args(client).args(["--test", "tracing"]))
}

/// In a folder of its own: all crates are built with another flag. Optimised, as there are many
/// thousands of executions.
fn check_models(run: &mut Run<'_>) -> Result<End, String> {
    let build = ["test", "--release", "--package", "tarantool-client", "--lib"];
    let models = ["--target-dir", "target/loom", "models::", "--", "--show-output"];
    run.run(cargo(run.root, &build).args(models).env("RUSTFLAGS", "--cfg loom"))
}

fn run_doc_tests(run: &mut Run<'_>) -> Result<End, String> {
    let mut command = cargo(run.root, &["test", "--workspace", "--no-fail-fast", "--doc"]);
    run.run(require_server(&mut command, run.has_server))
}

/// Where there is a server, no test may do without.
pub(crate) fn require_server(command: &mut Command, has_server: bool) -> &mut Command {
    if has_server {
        command.env("TARANTOOL_REQUIRED", "1");
    }
    command
}

fn check_purity(run: &mut Run<'_>) -> Result<End, String> {
    purity::check(run.root).map(|()| End::Done)
}

fn run_examples(run: &mut Run<'_>) -> Result<End, String> {
    let example = ["run", "--release", "--example"];
    let named = |name| {
        let mut command = cargo(run.root, &example);
        command.arg(name);
        command
    };
    let article = || {
        let mut command = cargo(run.root, &example);
        command.args(["article", "--", "--records", "2000"]);
        command
    };
    // As on a machine without a server: the examples then bring their own.
    let examples = || QUICK_EXAMPLES.map(named).into_iter().chain([article()]);
    for mut command in examples() {
        run.run(command.env("TARANTOOL", "no-such-program"))?;
    }
    for name in EMBEDDED_EXAMPLES {
        run.run(&mut named(name))?;
    }
    if !run.has_server {
        return Ok(End::Skipped("no Tarantool: run on the embedded server only".to_owned()));
    }
    for mut command in examples() {
        run.run(&mut command)?;
    }
    Ok(End::Done)
}

const QUICK_EXAMPLES: [&str; 12] = [
    "quickstart",
    "quickstart_tokio",
    "quickstart_async_std",
    "quickstart_smol",
    "quickstart_compio",
    "quickstart_blocking",
    "bring_your_own_loop",
    "follow",
    "import",
    "cache",
    "threads",
    "unit_test",
];

/// They need what an installed server may lack, or break, so they always bring the embedded one.
const EMBEDDED_EXAMPLES: [&str; 4] = ["transactions", "watch", "failover", "tls"];

fn check_fuzz_targets(run: &mut Run<'_>) -> Result<End, String> {
    run.run(&mut cargo(run.root, &["check", "--manifest-path", "fuzz/Cargo.toml"]))
}
