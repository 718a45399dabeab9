//! Clients of other languages against the embedded server.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::cargo::cargo;
use crate::process;
use crate::steps::{End, Run};

const SCRIPT: &str = "crates/xtask/src/foreign.py";

/// The official Python clients do what a user of theirs does; the packages come from the network
/// into a virtual environment of the target folder.
pub(crate) fn run(run: &mut Run<'_>) -> Result<End, String> {
    let folder = run.root.join("target/foreign");
    let python = folder.join("bin/python");
    if !python.exists() {
        process::run(Command::new("python3").args(["-m", "venv"]).arg(&folder), |_| {})?;
    }
    let install = ["-m", "pip", "install", "--quiet", "tarantool", "asynctnt"];
    process::run(Command::new(&python).args(install), |_| {})?;
    let build = ["build", "--release", "--locked", "-p", "tarantool-examples"];
    process::run(cargo(run.root, &build).args(["--example", "embedded_server"]), |_| {})?;

    let server = EmbeddedServer::start(run.root)?;
    process::run(Command::new(&python).args([SCRIPT, &server.uri]).current_dir(run.root), |_| {})?;
    Ok(End::Done)
}

struct EmbeddedServer {
    child: Child,
    uri: String,
}

impl EmbeddedServer {
    fn start(root: &Path) -> Result<Self, String> {
        let failed = |error: std::io::Error| format!("the embedded server: {error}");
        let run = ["run", "--quiet", "--release", "--locked", "-p", "tarantool-examples"];
        let mut command = cargo(root, &run);
        command.args(["--example", "embedded_server"]);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().map_err(failed)?;
        let mut uri = String::new();
        if let Some(output) = child.stdout.as_mut() {
            BufReader::new(output).read_line(&mut uri).map_err(failed)?;
        }
        Ok(Self { child, uri: uri.trim().to_owned() })
    }
}

impl Drop for EmbeddedServer {
    fn drop(&mut self) {
        // It ends with its standard input.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}
