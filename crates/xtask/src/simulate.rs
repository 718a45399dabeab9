//! Runs simulated worlds, in a process of their own.

use std::path::Path;
use std::process::ExitCode;

use crate::cargo::cargo;

/// `[--seeds N] [--seed S]`, as the package reads them.
pub(crate) fn run(root: &Path, arguments: &[&str]) -> ExitCode {
    let mut command = cargo(root, &["run", "--quiet", "--release", "-p", "simulate", "--"]);
    match command.args(arguments).status() {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("xtask: cargo: {error}");
            ExitCode::FAILURE
        }
    }
}
