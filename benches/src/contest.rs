//! Interleaved rounds: every client in every round, on the same data, each in a process of its own.

use std::time::Duration;

use indicatif::ProgressBar;

use crate::clients::{Choice, Runtime};
use crate::control::Control;
use crate::graphite::Graphite;
use crate::job::{Failure, Job, Op};
use crate::outcome::Outcome;
use crate::process::Run;
use crate::report::cell::{Case, Cell};
use crate::sampler::{Point, Sampler};
use crate::server::Server;
use crate::{pin, strace};

/// The warm-up's part of the requests of a round that counts.
const WARM_UP_PART: usize = 5;

/// How contests go.
#[derive(Debug)]
pub struct Rules {
    /// The clients, in the order of each round.
    pub clients: Vec<Choice>,
    /// The rounds that count; a shorter one goes before them as a warm-up.
    pub rounds: usize,
    /// Whether clients are kept on the cores that the server is not on.
    pub pinned: bool,
    /// Whether system calls are counted, in one more run of each.
    pub syscalls: bool,
    /// How often the server's counters are read.
    pub sample_every: Duration,
    /// Where figures are sent besides.
    pub graphite: Option<Graphite>,
}

/// Requests of one kind that all clients make.
#[derive(Clone, Debug)]
pub struct Group {
    /// The kind of request.
    pub op: Op,
    /// Requests in flight, of each process.
    pub tasks: usize,
    /// Bytes of each text.
    pub size: usize,
    /// How many processes of a client there are at once.
    pub processes: usize,
    /// The load of each client.
    pub loads: Vec<Load>,
}

/// How many requests a process makes, and at which rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Load {
    /// Requests of each process.
    pub count: usize,
    /// Requests per second of each process; without it, as many as there are tasks for.
    pub rate: Option<f64>,
}

/// Runs contests against one server.
pub struct Contest<'a> {
    server: &'a Server,
    rules: &'a Rules,
    control: Control,
    watching: Option<Control>,
    progress: ProgressBar,
    runs: usize,
}

impl<'a> Contest<'a> {
    /// Connects to the server the clients use too.
    ///
    /// # Errors
    ///
    /// If the server can't be reached.
    pub fn new(
        server: &'a Server,
        rules: &'a Rules,
        progress: ProgressBar,
    ) -> Result<Self, Failure> {
        let (control, watching) = (server.control()?, Some(server.control()?));
        Ok(Self { server, rules, control, watching, progress, runs: 0 })
    }

    /// Leaves nothing behind on a server that goes on.
    ///
    /// # Errors
    ///
    /// If the server refuses.
    pub fn finish(self) -> Result<(), Failure> {
        self.progress.finish_and_clear();
        self.server.clean(&self.control)
    }

    /// Runs all rounds of a group: a cell for each client that can do it.
    ///
    /// # Errors
    ///
    /// If a run fails, or the server's data is not what it must be after it.
    pub fn group(&mut self, group: &Group) -> Result<Vec<Cell>, Failure> {
        let rules = self.rules;
        let able: Vec<_> = rules
            .clients
            .iter()
            .zip(&group.loads)
            .filter(|(client, _)| group.suits(client))
            .collect();
        let mut rounds = vec![Vec::new(); able.len()];
        let mut curves = vec![Vec::new(); able.len()];
        for round in 0..=rules.rounds {
            for (place, (client, load)) in able.iter().enumerate() {
                let load = match round {
                    0 => Load { count: load.count.div_ceil(WARM_UP_PART), ..**load },
                    _ => **load,
                };
                let done = self.run(client, group, load, round).map_err(|error| {
                    format!("{}, {}, {} tasks: {error}", client.name, group.op, group.tasks)
                })?;
                if round > 0 {
                    rounds[place].push(done.0);
                    curves[place] = done.1;
                }
            }
        }
        let raw = able.iter().position(|(client, _)| client.runtime == Runtime::Raw);
        let mut cells = Vec::new();
        for (place, (client, load)) in able.iter().enumerate() {
            let baseline = raw.map(|raw| rounds[raw].as_slice());
            let case = group.case(**load);
            let Some(mut cell) = Cell::new(&client.name, &case, &rounds[place], baseline) else {
                continue;
            };
            cell.curve = curves[place].clone();
            if rules.syscalls {
                cell.syscalls_per_op = self.syscalls(client, group, **load)?;
            }
            if let Some(graphite) = &rules.graphite {
                graphite.send(&cell);
            }
            cells.push(cell);
        }
        Ok(cells)
    }

    fn run(
        &mut self,
        client: &Choice,
        group: &Group,
        load: Load,
        round: usize,
    ) -> Result<(Outcome, Vec<Point>), Failure> {
        let name = match round {
            0 => "warm-up".to_owned(),
            round => format!("round {round} of {}", self.rules.rounds),
        };
        let Group { op, tasks, size, .. } = group;
        self.progress
            .set_message(format!("{op}, {tasks} tasks, {size} B, {}, {name}", client.name));
        let jobs = self.jobs(group, load);
        self.control.prepare(&jobs)?;
        let cores = self.rules.pinned.then(|| match group.processes {
            1 => pin::CLIENT_CORE.to_owned(),
            _ => pin::other_cores(),
        });
        let mut processes = Vec::new();
        for job in &jobs {
            processes.push(Run::ready(client, job, self.server.uri(), cores.as_deref())?);
        }
        let watching = self.watching.take().map_or_else(|| self.server.control(), Ok)?;
        let sampler = Sampler::start(watching, self.rules.sample_every);
        let before = self.server.cpu_time();
        for process in &mut processes {
            process.go()?;
        }
        let outcomes: Vec<_> = processes.into_iter().map(Run::wait).collect();
        let worked = self.server.cpu_time().zip(before).map(|(now, before)| now - before);
        let (watching, curve) = sampler.stop()?;
        self.watching = Some(watching);
        let outcomes = outcomes.into_iter().collect::<Result<Vec<_>, _>>()?;
        for (outcome, job) in outcomes.iter().zip(&jobs) {
            if outcome.line.count != job.count() as u64 {
                return Err(format!(
                    "{} requests answered, must be {}",
                    outcome.line.count,
                    job.count()
                )
                .into());
            }
        }
        self.control.check(&jobs)?;
        self.progress.inc(1);
        let mut together = Outcome::together(&outcomes).ok_or("no process")?;
        let count = together.line.count as f64;
        together.details.server_us = worked.map(|worked| worked.as_secs_f64() * 1e6 / count);
        Ok((together, curve))
    }

    fn syscalls(
        &mut self,
        client: &Choice,
        group: &Group,
        load: Load,
    ) -> Result<Option<f64>, Failure> {
        let load = Load { count: load.count.min(strace::COUNT_MAX), ..load };
        let jobs = self.jobs(&Group { processes: 1, ..group.clone() }, load);
        self.control.prepare(&jobs)?;
        let [job] = jobs.as_slice() else {
            return Ok(None);
        };
        strace::calls_per_request(client, job, self.server.uri())
    }

    /// The jobs of all processes of one run; those of other runs have another text.
    fn jobs(&mut self, group: &Group, load: Load) -> Vec<Job> {
        self.runs += 1;
        let letter = char::from(b'a' + (self.runs % 26) as u8);
        let payload = String::from(letter).repeat(group.size);
        (0..group.processes as u64)
            .map(|process| {
                let first = process * load.count as u64 + 1;
                Job {
                    op: group.op,
                    tasks: group.tasks,
                    space: self.control.space(),
                    ids: first..first + load.count as u64,
                    payload: payload.clone(),
                    rate: load.rate,
                }
            })
            .collect()
    }
}

impl Group {
    /// Whether a client can do it.
    #[must_use]
    pub fn suits(&self, client: &Choice) -> bool {
        let has_rate = self.loads.iter().any(|load| load.rate.is_some());
        self.tasks <= client.runtime.tasks_max() && (client.runtime.has_rates() || !has_rate)
    }

    fn case(&self, load: Load) -> Case {
        Case {
            op: self.op,
            concurrency: self.tasks * self.processes,
            size: self.size,
            count: load.count * self.processes,
            processes: self.processes,
            rate: load.rate,
        }
    }
}
