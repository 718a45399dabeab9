//! What the program can do.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};

use crate::clients::{Choice, Runtime};
use crate::contest::{Contest, Group, Load, Rules};
use crate::graphite::Graphite;
use crate::job::Failure;
use crate::machine::Machine;
use crate::pin;
use crate::report::cell::Cell;
use crate::report::{Report, html, picture, table};
use crate::server::{self, Server};

pub mod article;
pub mod client;
pub mod hot;
pub mod latency;
pub mod sweep;
pub mod throughput;

/// Benchmarks of the Tarantool connectors, beside the least that a client can cost.
#[derive(Debug, Parser)]
#[command(name = "tarantool-bench", version)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Inserts, selects, updates and deletes 100,000 rows, by one task and by 40, on all runtimes
    Article(article::Options),
    /// Chosen kinds of requests at chosen concurrency
    Throughput(throughput::Options),
    /// Concurrency from 1 to 10,000, and rows from 16 bytes to 1 MiB
    Sweep(sweep::Options),
    /// 20 tasks of each kind at once, in one process or several
    Hot(hot::Options),
    /// Latency at a fixed rate of requests, counted from when each was to begin
    Latency(latency::Options),
    /// One run of one client, told as a line of JSON
    Client(client::Options),
}

impl Cli {
    /// Does what was asked for.
    ///
    /// # Errors
    ///
    /// If a server can't be had, or a run fails.
    pub fn run(&self) -> Result<(), Failure> {
        match &self.command {
            Command::Article(options) => options.run(),
            Command::Throughput(options) => options.run(),
            Command::Sweep(options) => options.run(),
            Command::Hot(options) => options.run(),
            Command::Latency(options) => options.run(),
            Command::Client(options) => options.run(),
        }
    }
}

/// What all contests are told.
#[derive(Clone, Debug, Args)]
pub struct Common {
    /// `start`: a Tarantool of its own ($TARANTOOL, or `tarantool` on the path); `embedded`: the
    /// testkit's stand-in; or HOST:PORT of one that runs, where a space `tarantool_bench` is made
    #[arg(long, default_value = "start", value_name = "URI|start|embedded")]
    server: server::Choice,
    /// Clients in the order of each round [default: all]
    #[arg(long, value_delimiter = ',', value_name = "LIST")]
    clients: Vec<Choice>,
    /// Rounds that count, after one as a warm-up
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: Option<u16>,
    /// Keeps the server that it starts and the clients on no cores of their own
    #[arg(long)]
    unpinned: bool,
    /// Counts system calls in one more run of each client, by strace
    #[arg(long)]
    syscalls: bool,
    /// Milliseconds between looks at the server's counters
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..))]
    sample_ms: u64,
    /// Sends figures as lines of the Graphite protocol over UDP
    #[arg(long, value_name = "HOST:PORT")]
    graphite: Option<String>,
    /// Where the report is written, as NAME.html and NAME.json
    #[arg(long, default_value = "target/bench", value_name = "FOLDER")]
    out: PathBuf,
}

impl Common {
    /// All clients, or those that were chosen.
    fn clients(&self) -> Vec<Choice> {
        if self.clients.is_empty() {
            let known = Runtime::ALL.map(|runtime| runtime.name().parse::<Choice>());
            known.into_iter().flatten().collect()
        } else {
            self.clients.clone()
        }
    }

    /// Runs groups that may depend on the cells of earlier ones, and tells about the cells.
    fn contest(
        &self,
        title: &str,
        name: &str,
        rounds: usize,
        runs: impl FnOnce(&mut Contest<'_>, &Rules) -> Result<Vec<Cell>, Failure>,
        groups: usize,
    ) -> Result<(), Failure> {
        let pinned = !self.unpinned && self.server == server::Choice::Start && pin::is_possible();
        let rules = Rules {
            clients: self.clients(),
            rounds: self.rounds.map_or(rounds, Into::into),
            pinned,
            syscalls: self.syscalls,
            sample_every: Duration::from_millis(self.sample_ms),
            graphite: self.graphite.as_ref().map(Graphite::connect).transpose()?,
        };
        let server = Server::provide(&self.server, pinned)?;
        let machine = Machine::here(server.control()?.version()?);
        let progress = progress((groups * (rules.rounds + 1) * rules.clients.len()) as u64);
        let mut contest = Contest::new(&server, &rules, progress)?;
        let cells = runs(&mut contest, &rules)?;
        contest.finish()?;

        let report = Report {
            title: title.into(),
            command: std::env::args().skip(1).map(shown).collect::<Vec<_>>().join(" "),
            machine,
            placement: self.placement(pinned),
            rounds: rules.rounds,
            cells,
        };
        print!("{}", table::text(&report));
        fs::create_dir_all(&self.out)?;
        let page = self.out.join(format!("{name}.html"));
        fs::write(&page, html::page(&report))?;
        if let Some(picture) = picture::picture(&report) {
            fs::write(self.out.join(format!("{name}.svg")), picture)?;
        }
        let data = self.out.join(format!("{name}.json"));
        fs::write(&data, serde_json::to_string_pretty(&report)?)?;
        println!("\n{}\n{}", page.display(), data.display());
        Ok(())
    }

    fn placement(&self, pinned: bool) -> String {
        match (&self.server, pinned) {
            (_, true) => {
                let (server, client, others) =
                    (pin::SERVER_CORE, pin::CLIENT_CORE, pin::other_cores());
                if others == client {
                    format!("server on core {server}, client on core {client}")
                } else {
                    format!(
                        "server on core {server}, client on core {client}, several at once on {others}"
                    )
                }
            }
            (server::Choice::Embedded, false) => {
                "not pinned; the embedded server shows that the tool works, not how fast anything is"
                    .into()
            }
            (_, false) => "not pinned".into(),
        }
    }
}

/// A group in which all clients do the same, one process each.
fn even(rules: &Rules, op: crate::job::Op, tasks: usize, size: usize, count: usize) -> Group {
    let loads = vec![Load { count, rate: None }; rules.clients.len()];
    Group { op, tasks, size, processes: 1, loads }
}

/// An argument without the password that an address may have.
fn shown(argument: String) -> String {
    match argument.rsplit_once('@') {
        Some((login, address)) => {
            let scheme = login.find("://").map_or(0, |at| at + "://".len());
            let (scheme, login) = login.split_at(scheme);
            let user = login.split(':').next().unwrap_or_default();
            format!("{scheme}{user}@{address}")
        }
        None => argument,
    }
}

fn progress(runs: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("[{elapsed_precise}] {bar:30} {pos}/{len} {msg}");
    let bar = ProgressBar::new(runs);
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_show_no_password() {
        let uris = ["app:s3:cret@h:1", "tarantool://app:secret@h:1", "app@h:1", "h:1", "a@b:c@h:1"];
        let shown = uris.map(|uri| shown(uri.to_owned()));
        assert_eq!(shown, ["app@h:1", "tarantool://app@h:1", "app@h:1", "h:1", "a@b@h:1"]);
    }
}
