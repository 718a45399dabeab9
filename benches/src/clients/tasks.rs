//! The asynchronous connectors: as many tasks as the job asks for, over one connection.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use serde::de::IgnoredAny;
use tarantool_tokio::{Batching, Client, Config, Space};

use crate::cpu::Stopwatch;
use crate::job::{Contender, Failure, Job, Measured, Op};

/// tokio, all tasks on one thread.
pub const TOKIO: &str = "tokio";
/// tokio, tasks on as many worker threads as there are cores for this process, its default.
pub const TOKIO_MULTI_THREAD: &str = "tokio-mt";
/// smol: tasks and the driver on its global executor, which has one thread.
pub const SMOL: &str = "smol";
/// async-std: tasks and the driver on its global executor, a thread for each core.
pub const ASYNC_STD: &str = "async-std";
/// compio: all on one thread.
pub const COMPIO: &str = "compio";

/// All of them.
pub const NAMES: [&str; 5] = [TOKIO, TOKIO_MULTI_THREAD, SMOL, ASYNC_STD, COMPIO];

/// Tasks of a connector.
pub struct Tasks {
    name: String,
    client: Client,
    runtime: Runtime,
}

enum Runtime {
    Tokio(tokio::runtime::Runtime),
    Smol,
    AsyncStd,
    Compio(compio::runtime::Runtime),
}

type Task = Pin<Box<dyn Future<Output = Result<(), TaskFailure>> + Send>>;

impl Tasks {
    /// Connects to the server.
    ///
    /// # Errors
    ///
    /// If the server can't be reached.
    pub fn connect(
        name: &str,
        runtime: &str,
        addr: SocketAddr,
        batching: Batching,
    ) -> Result<Self, Failure> {
        use tokio::runtime::Builder;

        let config = Config::parse(&addr.to_string())?.batching(batching);
        let (runtime, client) = match runtime {
            SMOL => (Runtime::Smol, smol::block_on(tarantool_smol::connect(config))?),
            ASYNC_STD => {
                let connecting = tarantool_async_std::connect(config);
                (Runtime::AsyncStd, async_std::task::block_on(connecting)?)
            }
            COMPIO => {
                let runtime = compio::runtime::Runtime::new()?;
                let client = runtime.block_on(tarantool_compio::connect(config))?;
                (Runtime::Compio(runtime), client)
            }
            _ => {
                let mut builder = match runtime {
                    TOKIO => Builder::new_current_thread(),
                    _ => Builder::new_multi_thread(),
                };
                let runtime = builder.enable_all().build()?;
                let client = runtime.block_on(tarantool_tokio::connect(config))?;
                (Runtime::Tokio(runtime), client)
            }
        };
        Ok(Self { name: name.into(), client, runtime })
    }
}

impl Runtime {
    /// Runs tasks at the same time until all are over.
    fn run(&self, tasks: Vec<Task>) -> Result<(), Failure> {
        match self {
            Self::Tokio(runtime) => runtime.block_on(async {
                let running: Vec<_> = tasks.into_iter().map(tokio::spawn).collect();
                for task in running {
                    task.await?.map_err(failed)?;
                }
                Ok(())
            }),
            Self::Smol => smol::block_on(async {
                let running: Vec<_> = tasks.into_iter().map(smol::spawn).collect();
                for task in running {
                    task.await.map_err(failed)?;
                }
                Ok(())
            }),
            Self::AsyncStd => async_std::task::block_on(async {
                let running: Vec<_> = tasks.into_iter().map(async_std::task::spawn).collect();
                for task in running {
                    task.await.map_err(failed)?;
                }
                Ok(())
            }),
            Self::Compio(runtime) => runtime.block_on(async {
                let running: Vec<_> = tasks.into_iter().map(compio::runtime::spawn).collect();
                for task in running {
                    task.await.map_err(|_| "a task panicked")?.map_err(failed)?;
                }
                Ok(())
            }),
        }
    }
}

impl Contender for Tasks {
    fn name(&self) -> &str {
        &self.name
    }

    fn run(&mut self, job: &Job) -> Result<Measured, Failure> {
        let before = self.client.stats();
        let job = Arc::new(job.clone());
        let watch = Stopwatch::start();
        let tasks = (0..job.tasks)
            .map(|task| Box::pin(work(self.client.clone(), Arc::clone(&job), task)) as Task);
        self.runtime.run(tasks.collect())?;
        let elapsed = watch.stop();
        let after = self.client.stats();
        Ok(Measured {
            elapsed,
            requests: job.count(),
            reads: Some(after.reads - before.reads),
            writes: Some(after.writes - before.writes),
        })
    }
}

fn failed(error: TaskFailure) -> Failure {
    error
}

type TaskFailure = Box<dyn std::error::Error + Send + Sync>;

async fn work(client: Client, job: Arc<Job>, task: usize) -> Result<(), TaskFailure> {
    let ids = job.ids.clone().skip(task).step_by(job.tasks);
    let space: Space<(u64, String)> = client.space(job.space);
    let borrowed: Space<(u64, &str)> = client.space(job.space);
    let changed: Space<(u64, IgnoredAny)> = client.space(job.space);
    for id in ids {
        match job.op {
            Op::Insert => borrowed.insert(&(id, &job.payload)).await?,
            Op::Select => {
                let row = space.get(id).await?.ok_or("a row is missing")?;
                if row.0 != id || row.1.len() != job.payload.len() {
                    return Err("a wrong row".into());
                }
            }
            Op::Update | Op::Assign => {
                let row = changed.update(id, super::changes(&job)).await?;
                if row.ok_or("a row is missing")?.0 != id {
                    return Err("a wrong row".into());
                }
            }
            Op::Delete => {
                space.delete(id).await?.ok_or("a row is missing")?;
            }
            Op::Ping => client.ping().await?,
        }
    }
    Ok(())
}
