//! A run in a process of its own, so that its CPU time and its memory are that run's alone.

use std::env;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

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
    output: Option<BufReader<ChildStdout>>,
    limit: Duration,
}

/// What a run may take at the least.
const LIMIT: Duration = Duration::from_secs(60);
/// And for each request: many times what the slowest client takes alone.
const LIMIT_PER_REQUEST: Duration = Duration::from_millis(2);

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
        let count = u32::try_from(job.count()).unwrap_or(u32::MAX);
        let at_rate = job.rate.map_or(0.0, |rate| job.count() as f64 / rate);
        let at_rate = Duration::try_from_secs_f64(at_rate).unwrap_or(Duration::MAX);
        let limit =
            LIMIT.saturating_add(LIMIT_PER_REQUEST.saturating_mul(count)).saturating_add(at_rate);
        let mut run = Self { child, input, output: None, limit };
        let mut line = String::new();
        let mut output = BufReader::new(output);
        output.read_line(&mut line)?;
        run.output = Some(output);
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

    /// Waits for its end, but not for ever: a reply that never comes must not hang the benchmark.
    ///
    /// # Errors
    ///
    /// If it failed, which it tells on its standard error, or takes far too long.
    pub fn wait(mut self) -> Result<Outcome, Failure> {
        let mut output = self.output.take().ok_or("a process without output")?;
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            let mut text = String::new();
            // Nobody waits any more when the limit has passed.
            let _ = sender.send(output.read_to_string(&mut text).map(|_| text));
        });
        let Ok(text) = receiver.recv_timeout(self.limit) else {
            return Err(format!("the client was not done after {} s", self.limit.as_secs()).into());
        };
        let status = self.child.wait()?;
        if !status.success() {
            return Err(format!("the client's process ended with {status}").into());
        }
        Ok(serde_json::from_str(&text?)?)
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // It fails when the process has ended by itself, which is fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
