//! The job that these connectors are measured by: 100,000 rows of `(id, 1536-byte string)`, each
//! inserted, selected, updated and deleted by a request of its own.
//!
//! First one request at a time, then by 40 tasks and by 40 threads over one connection: the same
//! sequential code, but its requests share system calls.
//!
//! `cargo run --release --example article [-- [--records N] [URI]]`. Without a URI it starts a
//! server of its own.

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use tarantool_examples::Server;
use tarantool_testkit::SchemaError;
use tarantool_tokio::{Stats, ops};

type Failure = Box<dyn Error + Send + Sync>;
type Row = (u64, String);

const JOBS: u64 = 40;
const BYTES: usize = 1536;
const SPACE: &str = "article";
const SCHEMA: &str = r"
    local space = box.schema.space.create('article', {if_not_exists = true})
    space:create_index('primary', {parts = {1, 'unsigned'}, if_not_exists = true})
    space:truncate()
    function article_check(records, letter)
        local space, right = box.space.article, 0
        local text = letter ~= '' and letter:rep(1536)
        for id = 0, records - 1 do
            local row = space:get(id)
            if row ~= nil and row[2] == text then right = right + 1 end
            if id % 1000 == 0 then require('fiber').yield() end
        end
        return space:len(), right
    end
";

#[derive(Clone, Copy, Debug)]
enum Operation {
    Insert,
    Select,
    Update,
    Delete,
}

impl Operation {
    const ALL: [Self; 4] = [Self::Insert, Self::Select, Self::Update, Self::Delete];

    /// What the server must hold afterwards: how many rows, of which letter.
    fn expectation(self, records: u64) -> (u64, &'static str) {
        match self {
            Self::Insert | Self::Select => (records, "x"),
            Self::Update => (records, "y"),
            Self::Delete => (0, ""),
        }
    }
}

fn main() -> Result<(), Failure> {
    let (records, server) = arguments()?;
    println!(
        "{records} rows of {BYTES} bytes, one connection, {}; system calls and requests per write \
         as the connection counts them\n",
        server.description()
    );
    println!(
        "{:<24}{:<8}{:>9}{:>13}{:>15}{:>16}",
        "client", "job", "seconds", "requests/s", "syscalls/req", "requests/write"
    );
    let client = tarantool_blocking::connect(server.uri())?;
    match server.embedded() {
        Some(embedded) => make_schema(embedded)?,
        None => client.eval::<()>(SCHEMA, ())?,
    }
    let check = |operation: Operation| check(&client, operation, records);

    one_at_a_time(server.uri(), records, &check)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(forty_tasks(server.uri(), records, &check))?;
    forty_threads(server.uri(), records, &check)?;

    if server.embedded().is_none() {
        client.eval::<()>("box.space.article:drop() article_check = nil", ())?;
    }
    println!("\nthe server held every row with the right content after each job");
    Ok(())
}

/// The schema where there is no Lua.
fn make_schema(server: &tarantool_testkit::Server) -> Result<(), SchemaError> {
    server.space(SPACE).primary_key("id").create()?;
    server.function_with("article_check", |context, (_, letter): (u64, String)| {
        let text = letter.repeat(BYTES);
        let rows = context.rows::<Row>(SPACE)?;
        let right = rows.iter().filter(|row| row.1 == text).count();
        Ok((rows.len(), right))
    });
    Ok(())
}

type Check<'a> = dyn Fn(Operation) -> Result<(), Failure> + 'a;

fn one_at_a_time(uri: &str, records: u64, check: &Check<'_>) -> Result<(), Failure> {
    let client = tarantool_blocking::connect(uri)?;
    let space = client.space::<Row>(SPACE);
    for operation in Operation::ALL {
        let meter = Meter::start("blocking, 1 at a time", operation, records, client.stats());
        for id in 0..records {
            match operation {
                Operation::Insert => space.insert(&row(id))?,
                Operation::Select => same(space.get(id)?, row(id))?,
                Operation::Update => changed(space.update(id, change())?)?,
                Operation::Delete => changed(space.delete(id)?)?,
            }
            meter.bar.inc(1);
        }
        meter.stop(client.stats());
        check(operation)?;
    }
    Ok(())
}

async fn forty_tasks(uri: &str, records: u64, check: &Check<'_>) -> Result<(), Failure> {
    let client = tarantool_tokio::connect(uri).await?;
    let space = client.space::<Row>(SPACE);
    for operation in Operation::ALL {
        let meter = Meter::start("tokio, 40 tasks", operation, records, client.stats());
        let tasks: Vec<_> = (0..JOBS)
            .map(|task| {
                let (space, bar) = (space.clone(), meter.bar.clone());
                tokio::spawn(async move {
                    for id in (task..records).step_by(JOBS as usize) {
                        match operation {
                            Operation::Insert => space.insert(&row(id)).await?,
                            Operation::Select => same(space.get(id).await?, row(id))?,
                            Operation::Update => changed(space.update(id, change()).await?)?,
                            Operation::Delete => changed(space.delete(id).await?)?,
                        }
                        bar.inc(1);
                    }
                    Ok::<(), Failure>(())
                })
            })
            .collect();
        for task in tasks {
            task.await??;
        }
        meter.stop(client.stats());
        check(operation)?;
    }
    Ok(())
}

fn forty_threads(uri: &str, records: u64, check: &Check<'_>) -> Result<(), Failure> {
    let client = tarantool_blocking::connect(uri)?;
    let space = client.space::<Row>(SPACE);
    for operation in Operation::ALL {
        let meter = Meter::start("blocking, 40 threads", operation, records, client.stats());
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..JOBS)
                .map(|thread| {
                    let (space, bar) = (&space, &meter.bar);
                    scope.spawn(move || {
                        for id in (thread..records).step_by(JOBS as usize) {
                            match operation {
                                Operation::Insert => space.insert(&row(id))?,
                                Operation::Select => same(space.get(id)?, row(id))?,
                                Operation::Update => changed(space.update(id, change())?)?,
                                Operation::Delete => changed(space.delete(id)?)?,
                            }
                            bar.inc(1);
                        }
                        Ok::<(), Failure>(())
                    })
                })
                .collect();
            threads.into_iter().try_for_each(|thread| {
                thread.join().unwrap_or_else(|_| Err("a thread panicked".into()))
            })
        })?;
        meter.stop(client.stats());
        check(operation)?;
    }
    Ok(())
}

fn row(id: u64) -> Row {
    (id, "x".repeat(BYTES))
}

fn change() -> tarantool_tokio::request::Operations {
    ops().assign(1, "y".repeat(BYTES))
}

fn same(found: Option<Row>, wanted: Row) -> Result<(), Failure> {
    if found.as_ref() == Some(&wanted) {
        return Ok(());
    }
    Err(format!("row {} came back as {found:?}", wanted.0).into())
}

fn changed(row: Option<Row>) -> Result<(), Failure> {
    row.map(drop).ok_or_else(|| "there was no such row".into())
}

/// Asks the server, row by row, whether it holds what it should.
fn check(
    client: &tarantool_blocking::Client,
    operation: Operation,
    records: u64,
) -> Result<(), Failure> {
    let (rows, letter) = operation.expectation(records);
    let patient = client.with_timeout(Duration::from_secs(120));
    let found: (u64, u64) = patient.call("article_check", (records, letter))?;
    if found == (rows, rows) {
        return Ok(());
    }
    let (total, right) = found;
    Err(format!("after {operation:?} the server holds {total} rows, {right} right, not {rows}")
        .into())
}

/// Measures one job and prints its line of the table.
struct Meter {
    client: &'static str,
    operation: Operation,
    records: u64,
    before: Stats,
    start: Instant,
    bar: Arc<ProgressBar>,
}

impl Meter {
    fn start(client: &'static str, operation: Operation, records: u64, before: Stats) -> Self {
        let bar = if std::io::IsTerminal::is_terminal(&std::io::stdout()) {
            ProgressBar::new(records)
        } else {
            ProgressBar::hidden()
        };
        if let Ok(style) = ProgressStyle::with_template("{msg} {bar:40} {pos}/{len} {eta}") {
            bar.set_style(style);
        }
        bar.set_message(format!("{client}: {operation:?}"));
        let bar = Arc::new(bar);
        Self { client, operation, records, before, start: Instant::now(), bar }
    }

    fn stop(self, after: Stats) {
        let seconds = self.start.elapsed().as_secs_f64();
        self.bar.finish_and_clear();
        let calls = (after.reads + after.writes) - (self.before.reads + self.before.writes);
        let writes = after.writes - self.before.writes;
        let records = self.records as f64;
        println!(
            "{:<24}{:<8}{:>9.2}{:>13.0}{:>15.3}{:>16.1}",
            self.client,
            format!("{:?}", self.operation).to_lowercase(),
            seconds,
            records / seconds,
            calls as f64 / records,
            records / writes as f64,
        );
    }
}

fn arguments() -> Result<(u64, Server), Failure> {
    let (mut records, mut uri) = (100_000, None);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        if argument == "--records" {
            let number = arguments.next().and_then(|number| number.parse().ok());
            records = number.ok_or("--records needs a number")?;
        } else {
            uri = Some(argument);
        }
    }
    Ok((records, Server::start(uri)?))
}
