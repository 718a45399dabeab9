//! The Tarantool to test against: found, or installed where Debian's packages are.

use std::env;
use std::io::{ErrorKind, IsTerminal, stdin};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process;

/// What the tests will find.
pub(crate) enum Server {
    /// What it says of itself.
    Found(String),
    /// There is none: why it could not be installed.
    Missing(String),
}

/// Looks for `$TARANTOOL`, then for `tarantool` on `PATH`, then installs it.
///
/// # Errors
/// `$TARANTOOL` does not run: whoever set it wants that one and no other.
pub(crate) fn provide() -> Result<Server, String> {
    if let Some(program) = env::var_os("TARANTOOL").filter(|path| !path.is_empty()) {
        let program = PathBuf::from(program);
        return match version(&program)? {
            Some(version) => Ok(Server::Found(version)),
            None => Err(format!("$TARANTOOL is {}: no such program", program.display())),
        };
    }
    let program = PathBuf::from("tarantool");
    if let Some(version) = version(&program)? {
        return Ok(Server::Found(version));
    }
    if let Err(why) = install() {
        return Ok(Server::Missing(why));
    }
    Ok(match version(&program)? {
        Some(version) => Server::Found(version),
        None => Server::Missing("the package tarantool brought no program tarantool".to_owned()),
    })
}

/// The first line of `program --version`; `None` if there is no such program.
fn version(program: &Path) -> Result<Option<String>, String> {
    let failed = |why: String| format!("{} --version: {why}", program.display());
    match Command::new(program).arg("--version").output() {
        Ok(output) if output.status.success() => {
            let text = String::from_utf8_lossy(&output.stdout);
            Ok(Some(text.lines().next().unwrap_or_default().to_owned()))
        }
        Ok(output) => Err(failed(output.status.to_string())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(error.to_string())),
    }
}

fn install() -> Result<(), String> {
    if !Path::new("/etc/debian_version").exists() {
        return Err("this system has no apt-get to install it with".to_owned());
    }
    // Old lists may do: what decides is whether the package can be installed.
    if let Err(why) = apt_get(&["update"]) {
        println!("{why}");
    }
    apt_get(&["install", "-y", "tarantool"])
}

fn apt_get(arguments: &[&str]) -> Result<(), String> {
    let mut command = env_as_root()?;
    command
        .args(["DEBIAN_FRONTEND=noninteractive", "apt-get"])
        .args(["-o", "DPkg::Lock::Timeout=120", "-o", "Acquire::Retries=2"])
        .args(arguments);
    process::run(&mut command, |_| {})
}

/// The program `env` as root.
fn env_as_root() -> Result<Command, String> {
    if process::output(Command::new("id").arg("-u"))?.trim() == "0" {
        return Ok(Command::new("env"));
    }
    let mut sudo = Command::new("sudo");
    if !stdin().is_terminal() {
        sudo.arg("--non-interactive");
    }
    sudo.arg("env");
    Ok(sudo)
}
