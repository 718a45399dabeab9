//! The connection the benchmark prepares and checks the server's data with.

use std::net::TcpStream;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use tarantool_blocking::Config;
use tarantool_testkit::RequestType;

use crate::frames::Frames;
use crate::job::{Failure, Job, Op};
use crate::server::{SPACE, SPACE_NAME};
use crate::{login, pump};

/// Makes the space where there is none, and returns its id.
const SETUP: &str = include_str!("server/space.lua");

/// Frees what was deleted before the next run starts, or it would be freed during it.
const TRUNCATE: &str = include_str!("server/truncate.lua");

const COUNT_CHANGED: &str = "\
    local want, count = ..., 0
    for _, tuple in box.space.tarantool_bench:pairs() do
        if tuple[2]:sub(1, #want) == want then count = count + 1 end
    end
    return count";

const EXECUTED: &str = "\
    local stat = box.stat()
    return {stat.INSERT.total, stat.SELECT.total, stat.UPDATE.total, stat.DELETE.total}";

/// What the texts of rows consist of before they are changed.
const FILLING: &str = "-";
/// The window in which rows are filled in.
const WINDOW: usize = 100;
/// Long enough to wait for the memory of many rows.
const TIMEOUT: Duration = Duration::from_secs(120);

/// How many requests a server has executed so far, of each kind of [`Op::MIX`].
pub type Executed = [u64; Op::MIX.len()];

/// Prepares and checks the benchmark's space.
pub struct Control {
    backend: Backend,
    uri: String,
    space: u32,
    filling: Option<TcpStream>,
    /// The ids of the space and the bytes of their texts, while that is known.
    kept: Option<Vec<(Range<u64>, usize)>>,
}

enum Backend {
    Lua(tarantool_blocking::Client),
    /// It has no Lua, but is in this process.
    Embedded(Arc<tarantool_testkit::Server>),
}

impl Control {
    /// Connects to a server and makes the space.
    ///
    /// # Errors
    ///
    /// If the server can't be reached, or its user may not do that.
    pub fn connect(uri: &str) -> Result<Self, Failure> {
        let client = tarantool_blocking::connect(Config::parse(uri)?.request_timeout(TIMEOUT))?;
        let space = client.eval(SETUP, (SPACE_NAME, SPACE))?;
        Ok(Self {
            backend: Backend::Lua(client),
            uri: uri.into(),
            space,
            filling: None,
            kept: None,
        })
    }

    /// Of the embedded server, which has the space.
    #[must_use]
    pub fn embedded(server: &Arc<tarantool_testkit::Server>) -> Self {
        let uri = server.uri().into();
        let backend = Backend::Embedded(Arc::clone(server));
        Self { backend, uri, space: SPACE, filling: None, kept: None }
    }

    /// The id of the space.
    #[must_use]
    pub fn space(&self) -> u32 {
        self.space
    }

    /// Takes the space away, as from a server that is used for other things too.
    ///
    /// # Errors
    ///
    /// If the server refuses.
    pub fn drop_space(&self) -> Result<(), Failure> {
        match &self.backend {
            Backend::Lua(client) => Ok(client.eval::<()>("box.space.tarantool_bench:drop()", ())?),
            Backend::Embedded(_) => Ok(()),
        }
    }

    /// Makes the space hold exactly what the jobs need: all ids that they do not insert.
    ///
    /// # Errors
    ///
    /// If the server refuses.
    pub fn prepare(&mut self, jobs: &[Job]) -> Result<(), Failure> {
        let keeps = jobs.iter().all(|job| matches!(job.op, Op::Select | Op::Update | Op::Assign));
        let rows: Vec<_> = jobs.iter().map(|job| (job.ids.clone(), job.payload.len())).collect();
        if keeps && self.kept.as_ref() == Some(&rows) {
            return Ok(());
        }
        self.kept = None;
        self.truncate()?;
        for job in jobs.iter().filter(|job| job.op != Op::Ping) {
            let text = FILLING.repeat(job.payload.len());
            let mut frames = Frames::new();
            for id in job.ids.clone().filter(|id| job.kind(*id) != Op::Insert) {
                frames.insert(self.space, id, &text);
            }
            if !frames.is_empty() {
                let stream = match &mut self.filling {
                    Some(stream) => stream,
                    None => self.filling.insert(login::connect(&self.uri)?),
                };
                pump::run(stream, &frames, WINDOW)?;
            }
        }
        self.kept = keeps.then_some(rows);
        Ok(())
    }

    /// Whether the server did what was measured. The payloads of all jobs are the same.
    ///
    /// # Errors
    ///
    /// If it did not, or can't be asked.
    pub fn check(&self, jobs: &[Job]) -> Result<(), Failure> {
        let of = |ops: &[Op]| -> u64 {
            jobs.iter().map(|job| ops.iter().map(|op| job.count_of(*op)).sum::<u64>()).sum()
        };
        let rows = of(&[Op::Insert, Op::Select, Op::Update, Op::Assign]);
        same("rows in the space", self.count()?, rows)?;
        let changed = of(&[Op::Insert, Op::Update, Op::Assign]);
        let [first, ..] = jobs else {
            return Ok(());
        };
        if changed > 0 {
            let text = match first.op {
                Op::Update | Op::Mixed => first.patch(),
                _ => &first.payload,
            };
            same("rows with the new text", self.count_changed(text)?, changed)?;
        }
        Ok(())
    }

    /// How many requests the server has executed so far.
    ///
    /// # Errors
    ///
    /// If it can't be asked.
    pub fn executed(&self) -> Result<Executed, Failure> {
        match &self.backend {
            Backend::Lua(client) => Ok(client.eval(EXECUTED, ())?),
            Backend::Embedded(server) => {
                use RequestType as Type;
                let types = [Type::INSERT, Type::SELECT, Type::UPDATE, Type::DELETE];
                Ok(types.map(|kind| server.executed(kind)))
            }
        }
    }

    /// The server's version.
    ///
    /// # Errors
    ///
    /// If it can't be asked.
    pub fn version(&self) -> Result<String, Failure> {
        match &self.backend {
            Backend::Lua(_) => {
                Ok(format!("Tarantool {}", self.eval::<String>("return _TARANTOOL")?))
            }
            Backend::Embedded(_) => Ok("the embedded server, no database".into()),
        }
    }

    fn truncate(&self) -> Result<(), Failure> {
        let left = match &self.backend {
            Backend::Lua(_) => self.eval(TRUNCATE)?,
            Backend::Embedded(server) => {
                server.truncate(SPACE_NAME);
                self.count()?
            }
        };
        same("rows after truncate", left, 0)
    }

    fn count(&self) -> Result<u64, Failure> {
        match &self.backend {
            Backend::Lua(_) => self.eval("return box.space.tarantool_bench:len()"),
            Backend::Embedded(server) => Ok(server.len(SPACE_NAME).unwrap_or(0) as u64),
        }
    }

    /// How many tuples have a string that begins with this.
    fn count_changed(&self, beginning: &str) -> Result<u64, Failure> {
        match &self.backend {
            Backend::Lua(client) => Ok(client.eval(COUNT_CHANGED, (beginning,))?),
            Backend::Embedded(server) => {
                let rows = server.rows::<(u64, String)>(SPACE_NAME)?;
                Ok(rows.iter().filter(|row| row.1.starts_with(beginning)).count() as u64)
            }
        }
    }

    fn eval<T: DeserializeOwned>(&self, lua: &str) -> Result<T, Failure> {
        match &self.backend {
            Backend::Lua(client) => Ok(client.eval(lua, ())?),
            Backend::Embedded(_) => Err("the embedded server has no Lua".into()),
        }
    }
}

fn same(what: &str, found: u64, expected: u64) -> Result<(), Failure> {
    if found == expected {
        Ok(())
    } else {
        Err(format!("{found} {what}, must be {expected}").into())
    }
}
