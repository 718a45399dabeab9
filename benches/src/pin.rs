//! Keeps the server and the clients on cores of their own.

use std::process::{Command, Stdio};
use std::thread;

/// The core of the server.
pub const SERVER_CORE: &str = "0";
/// The core of a client, all its threads together.
pub const CLIENT_CORE: &str = "1";

/// A command that runs a program on these cores only.
#[must_use]
pub fn command(cores: &str) -> Command {
    let mut command = Command::new("taskset");
    command.arg("-c").arg(cores);
    command
}

/// All cores but the server's, for several clients at once.
#[must_use]
pub fn other_cores() -> String {
    match cores() {
        0..=2 => CLIENT_CORE.into(),
        cores => format!("{CLIENT_CORE}-{}", cores - 1),
    }
}

/// Whether there are two cores, and the program that keeps others on one of them.
#[must_use]
pub fn is_possible() -> bool {
    let mut probe = command(CLIENT_CORE);
    probe.arg("true").stdout(Stdio::null()).stderr(Stdio::null());
    cores() >= 2 && probe.status().is_ok_and(|status| status.success())
}

fn cores() -> usize {
    thread::available_parallelism().map_or(1, Into::into)
}
