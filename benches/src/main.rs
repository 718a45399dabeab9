//! Benchmarks of the connectors: see `tarantool-bench --help`.

use std::process::ExitCode;

use clap::Parser;
use tarantool_bench::commands::Cli;

fn main() -> ExitCode {
    match Cli::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("failed: {error}");
            ExitCode::FAILURE
        }
    }
}
