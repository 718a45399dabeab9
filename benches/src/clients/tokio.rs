//! The tokio connector: as many tasks as the job asks for, over one connection.

use std::net::SocketAddr;
use std::sync::Arc;

use serde::de::IgnoredAny;
use tarantool_tokio::{Batching, Client, Config, Space};
use tokio::runtime::{Builder, Runtime};

use crate::cpu::Stopwatch;
use crate::job::{Contender, Failure, Job, Measured, Op};

/// All tasks on one thread.
pub const CURRENT_THREAD: &str = "tokio";
/// Tasks on as many worker threads as there are cores for this process, tokio's default.
pub const MULTI_THREAD: &str = "tokio-mt";

/// Tasks of the tokio connector.
#[derive(Debug)]
pub struct Tasks {
    name: String,
    client: Client,
    runtime: Runtime,
}

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
        let runtime = if runtime == CURRENT_THREAD {
            Builder::new_current_thread().enable_all().build()?
        } else {
            Builder::new_multi_thread().enable_all().build()?
        };
        let config = Config::parse(&addr.to_string())?.batching(batching);
        let client = runtime.block_on(tarantool_tokio::connect(config))?;
        Ok(Self { name: name.into(), client, runtime })
    }
}

impl Contender for Tasks {
    fn name(&self) -> &str {
        &self.name
    }

    fn run(&mut self, job: &Job) -> Result<Measured, Failure> {
        let before = self.client.stats();
        let job = Arc::new(job.clone());
        let elapsed = self.runtime.block_on(async {
            let watch = Stopwatch::start();
            let tasks: Vec<_> = (0..job.tasks)
                .map(|task| tokio::spawn(work(self.client.clone(), Arc::clone(&job), task)))
                .collect();
            for task in tasks {
                task.await?.map_err(|error| -> Failure { error })?;
            }
            Ok::<_, Failure>(watch.stop())
        })?;
        let after = self.client.stats();
        Ok(Measured {
            elapsed,
            requests: job.count(),
            reads: Some(after.reads - before.reads),
            writes: Some(after.writes - before.writes),
        })
    }
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
