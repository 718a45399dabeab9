//! Keeps the server and the client on cores of their own.

use std::env;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{self, Command};

/// The core of the server.
pub const SERVER_CORE: usize = 0;
/// The core of the client, all its threads together.
pub const CLIENT_CORE: usize = 1;

const GUARD: &str = "TARANTOOL_BENCH_PINNED";

/// A command that runs a program on one core only.
#[must_use]
pub fn command(core: usize) -> Command {
    let mut command = Command::new("taskset");
    command.arg("-c").arg(core.to_string());
    command
}

/// Starts this program again on the client's core, unless it was already.
///
/// # Errors
///
/// If `taskset` can't be run.
pub fn client() -> io::Result<()> {
    // The process id survives the exec: a variable inherited from elsewhere is no proof.
    let id = process::id().to_string();
    if env::var_os(GUARD).is_some_and(|guard| guard == *id) {
        return Ok(());
    }
    let error = command(CLIENT_CORE)
        .arg(env::current_exe()?)
        .args(env::args_os().skip(1))
        .env(GUARD, id)
        .exec();
    Err(io::Error::new(
        error.kind(),
        format!("can't run taskset: {error} (--unpinned does without)"),
    ))
}
