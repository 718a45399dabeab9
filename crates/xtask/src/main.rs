//! The repository's own tasks.

mod alike;
mod bench_check;
mod cargo;
mod conformance;
mod features;
mod file_map;
mod foreign;
mod fuzz;
mod process;
mod publish;
mod purity;
mod server;
mod simulate;
mod steps;
mod test;

use std::env;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const HELP: &str = "\
cargo xtask test           everything that must hold: format, lints, docs, tests, purity, examples
cargo xtask conformance    what must hold on every connector: a table of case, runtime and server
cargo xtask purity         what crates may depend on and mention, and whether documents name what is there
cargo xtask fuzz           runs the fuzz targets: [--seconds N] [TARGET...]; needs a nightly toolchain
cargo xtask fuzz-check     whether the fuzz targets compile
cargo xtask bench-check    instructions of the core against a baseline (--save: makes it one); valgrind
cargo xtask publish-check  what crates.io would get, built from that alone; needs a network
cargo xtask simulate       sessions and servers in simulated worlds: [--seeds N] [--seed S]
cargo xtask loom           model checks of the client's lock, wakers and leases, which `test` has too
cargo xtask foreign        Python's clients against the embedded server; needs python3 and a network";

fn main() -> ExitCode {
    let root = root();
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match *arguments.as_slice() {
        ["test"] => test::all(&root),
        ["conformance"] => test::conformance(&root),
        ["purity"] => test::purity(&root),
        ["loom"] => test::models(&root),
        ["foreign"] => steps::run(&root, &[("foreign clients", foreign::run)]),
        ["fuzz", ref arguments @ ..] => fuzz::run(&root, arguments),
        ["bench-check"] => steps::run(&root, &[("instructions", bench_check::check)]),
        ["bench-check", "--save"] => steps::run(&root, &[("instructions", bench_check::save)]),
        ["simulate", ref arguments @ ..] => simulate::run(&root, arguments),
        ["publish-check"] => steps::run(&root, &[("packages", publish::dry_run)]),
        ["fuzz-check"] => test::fuzz_check(&root),
        [] | ["help" | "--help" | "-h"] => {
            println!("{HELP}");
            ExitCode::SUCCESS
        }
        _ => {
            eprintln!("xtask: no such task: {}\n\n{HELP}", arguments.join(" "));
            ExitCode::FAILURE
        }
    }
}

/// The repository: where cargo says this package is, not where it was compiled, so that a copy of
/// the repository that shares a target folder means itself.
fn root() -> PathBuf {
    env::var_os("CARGO_MANIFEST_DIR")
        .and_then(|package| Some(Path::new(&package).parent()?.parent()?.to_owned()))
        .unwrap_or_else(|| PathBuf::from("."))
}
