//! The asynchronous connectors: as many tasks as the job asks for, over one connection.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::thread;

use serde::de::IgnoredAny;
use tarantool_tokio::{Client, Config, Space};

use super::arrivals::{self, Arrivals, Done};
use super::{Runtime, changed, changes, selected};
use crate::cpu::Stopwatch;
use crate::job::{Contender, Failure, Job, Measured, Op};
use crate::schedule::Schedule;

/// Tasks of a connector.
pub struct Tasks {
    client: Client,
    executor: Executor,
}

enum Executor {
    Tokio(tokio::runtime::Runtime),
    Smol,
    AsyncStd,
    Compio(compio::runtime::Runtime),
}

type Outcome = Result<Done, Failure>;
type Task = Pin<Box<dyn Future<Output = Outcome> + Send>>;

impl Tasks {
    /// Connects to the server.
    ///
    /// # Errors
    ///
    /// If the server can't be reached.
    pub fn connect(runtime: Runtime, config: Config) -> Result<Self, Failure> {
        use tokio::runtime::Builder;

        let (executor, client) = match runtime {
            Runtime::Smol => (Executor::Smol, smol::block_on(tarantool_smol::connect(config))?),
            Runtime::AsyncStd => {
                let connecting = tarantool_async_std::connect(config);
                (Executor::AsyncStd, async_std::task::block_on(connecting)?)
            }
            Runtime::Compio => {
                let runtime = compio::runtime::Runtime::new()?;
                let client = runtime.block_on(tarantool_compio::connect(config))?;
                (Executor::Compio(runtime), client)
            }
            _ => {
                let mut builder = match runtime {
                    Runtime::Tokio => Builder::new_current_thread(),
                    _ => Builder::new_multi_thread(),
                };
                let runtime = builder.enable_all().build()?;
                let client = runtime.block_on(tarantool_tokio::connect(config))?;
                (Executor::Tokio(runtime), client)
            }
        };
        Ok(Self { client, executor })
    }

    fn work(&self, job: &Arc<Job>, arrivals: Vec<Arrivals>) -> Outcome {
        let tasks = arrivals
            .into_iter()
            .map(|arrivals| Box::pin(work(self.client.clone(), Arc::clone(job), arrivals)) as Task);
        self.executor.run(tasks.collect())
    }
}

impl Executor {
    /// Runs tasks at the same time until all are over.
    fn run(&self, tasks: Vec<Task>) -> Outcome {
        let mut all = Done::default();
        match self {
            Self::Tokio(runtime) => runtime.block_on(async {
                let running: Vec<_> = tasks.into_iter().map(tokio::spawn).collect();
                for task in running {
                    all.add(task.await??);
                }
                Ok(all)
            }),
            Self::Smol => smol::block_on(async {
                let running: Vec<_> = tasks.into_iter().map(smol::spawn).collect();
                for task in running {
                    all.add(task.await?);
                }
                Ok(all)
            }),
            Self::AsyncStd => async_std::task::block_on(async {
                let running: Vec<_> = tasks.into_iter().map(async_std::task::spawn).collect();
                for task in running {
                    all.add(task.await?);
                }
                Ok(all)
            }),
            Self::Compio(runtime) => runtime.block_on(async {
                let running: Vec<_> = tasks.into_iter().map(compio::runtime::spawn).collect();
                for task in running {
                    all.add(task.await.map_err(|_| "a task panicked")??);
                }
                Ok(all)
            }),
        }
    }
}

impl Contender for Tasks {
    fn run(&mut self, job: &Job) -> Result<Measured, Failure> {
        let schedule = job.rate.map(|rate| Schedule::new(rate, job.count())).transpose()?;
        let before = self.client.stats();
        let job = Arc::new(job.clone());
        let watch = Stopwatch::start();
        let (done, lateness) = match schedule {
            None => (self.work(&job, arrivals::closed(&job))?, None),
            Some(schedule) => {
                let (arrivals, pace) = arrivals::open(&job, schedule);
                let pacing = thread::spawn(|| pace.run());
                let done = self.work(&job, arrivals)?;
                (done, Some(pacing.join().map_err(|_| "the pace panicked")?))
            }
        };
        let elapsed = watch.stop();
        let after = self.client.stats();
        Ok(Measured {
            elapsed,
            requests: done.requests,
            reads: after.reads - before.reads,
            writes: after.writes - before.writes,
            latencies: done.samples.into_iter().collect(),
            lateness,
        })
    }
}

async fn work(client: Client, job: Arc<Job>, mut arrivals: Arrivals) -> Outcome {
    let space: Space<(u64, String)> = client.space(job.space);
    let borrowed: Space<(u64, &str)> = client.space(job.space);
    let head: Space<(u64, IgnoredAny)> = client.space(job.space);
    while let Some(id) = arrivals.next().await {
        match job.kind(id) {
            Op::Insert => borrowed.insert(&(id, &job.payload)).await?,
            Op::Select => selected(space.get(id).await?, id, &job)?,
            kind @ (Op::Update | Op::Assign) => {
                changed(head.update(id, changes(kind, &job)).await?, id)?;
            }
            Op::Delete => changed(head.delete(id).await?, id)?,
            Op::Ping | Op::Mixed => client.ping().await?,
        }
        arrivals.answered();
    }
    Ok(arrivals.finish())
}
