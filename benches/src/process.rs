//! A run in a process of its own, so that its CPU time and its memory are that run's alone.

use std::env;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::clients::Choice;
use crate::job::{Failure, Job};
use crate::outcome::Outcome;
use crate::pin;

/// What a process says when it has connected and made all that a run needs.
pub const READY: &str = "ready";

/// The arguments that make this program do a job and tell all about it.
#[must_use]
pub fn arguments(client: &Choice, job: &Job, uri: &str) -> Vec<String> {
    let letter = job.payload.chars().next().unwrap_or('x');
    let pairs = [
        ("--uri", uri.to_owned()),
        ("--runtime", client.name.clone()),
        ("--op", job.op.name().to_owned()),
        ("--count", job.count().to_string()),
        ("--concurrency", job.tasks.to_string()),
        ("--size", job.payload.len().to_string()),
        ("--space", job.space.to_string()),
        ("--first-id", job.ids.start.to_string()),
        ("--letter", letter.to_string()),
    ];
    let mut arguments = vec!["client".to_owned(), "--prepared".to_owned()];
    for (name, value) in pairs {
        arguments.extend([name.to_owned(), value]);
    }
    if let Some(rate) = job.rate {
        arguments.extend(["--rate".to_owned(), rate.to_string()]);
    }
    arguments
}

/// This program, on some cores or on all.
///
/// # Errors
///
/// If the program's place is not known.
pub fn this_program(cores: Option<&str>) -> Result<Command, Failure> {
    let program = env::current_exe()?;
    Ok(match cores {
        None => Command::new(program),
        Some(cores) => {
            let mut command = pin::command(cores);
            command.arg(program);
            command
        }
    })
}

/// A process that is ready for its run.
pub struct Run {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Run {
    /// Starts a process and waits until it is ready.
    ///
    /// # Errors
    ///
    /// If it can't be started, or fails to get ready; it tells why on its standard error.
    pub fn ready(
        client: &Choice,
        job: &Job,
        uri: &str,
        cores: Option<&str>,
    ) -> Result<Self, Failure> {
        let mut child = this_program(cores)?
            .args(arguments(client, job, uri))
            .args(["--full", "--wait"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("a process without input and output".into());
        };
        let mut run = Self { child, input, output: BufReader::new(output) };
        let mut line = String::new();
        run.output.read_line(&mut line)?;
        if line.trim() == READY { Ok(run) } else { Err("a client could not get ready".into()) }
    }

    /// Lets it run.
    ///
    /// # Errors
    ///
    /// If it has ended.
    pub fn go(&mut self) -> Result<(), Failure> {
        Ok(self.input.write_all(b"go\n")?)
    }

    /// Waits for its end.
    ///
    /// # Errors
    ///
    /// If it failed; it tells why on its standard error.
    pub fn wait(mut self) -> Result<Outcome, Failure> {
        let mut text = String::new();
        self.output.read_to_string(&mut text)?;
        let status = self.child.wait()?;
        if !status.success() {
            return Err(format!("the client's process ended with {status}").into());
        }
        Ok(serde_json::from_str(&text)?)
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // It fails when the process has ended by itself, which is fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
