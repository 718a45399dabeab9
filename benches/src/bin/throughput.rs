//! Throughput of clients against a real server, in interleaved rounds.

use std::error::Error;
use std::process::ExitCode;
use std::str::FromStr;
use std::{env, io};

use tarantool_benches::contest::{Contest, Shape};
use tarantool_benches::job::{Contender, Op};
use tarantool_benches::server::Server;
use tarantool_benches::{clients, pin, report};

const USAGE: &str = "\
usage: throughput [options]
  --op LIST      operations: insert, select, update, assign, delete, ping [insert,select,update]
  --tasks LIST   requests in flight [1,100]
  --client LIST  clients, in the order of each round [raw]
  --count N      requests of each run [100000]
  --size N       bytes of each string [1536]
  --rounds N     rounds after the warm-up [5]
  --server PATH  the server's program [tarantool]
  --unpinned     do not bind the server and the client to a core each";

struct Options {
    ops: Vec<Op>,
    tasks: Vec<usize>,
    clients: Vec<String>,
    shape: Shape,
    server: String,
    pinned: bool,
}

impl Options {
    /// `None` when help is asked for.
    fn parse(mut args: impl Iterator<Item = String>) -> Result<Option<Self>, String> {
        let mut options = Self {
            ops: vec![Op::Insert, Op::Select, Op::Update],
            tasks: vec![1, 100],
            clients: vec![clients::raw::NAME.into()],
            shape: Shape { count: 100_000, size: 1536, rounds: 5 },
            server: "tarantool".into(),
            pinned: true,
        };
        while let Some(name) = args.next() {
            match name.as_str() {
                "--help" | "-h" => return Ok(None),
                "--unpinned" => {
                    options.pinned = false;
                    continue;
                }
                _ => {}
            }
            let mut value = || args.next().ok_or_else(|| format!("{name} needs a value"));
            match name.as_str() {
                "--op" => options.ops = list(&name, &value()?)?,
                "--tasks" => options.tasks = list(&name, &value()?)?,
                "--client" => options.clients = list(&name, &value()?)?,
                "--count" => options.shape.count = one(&name, &value()?)?,
                "--size" => options.shape.size = one(&name, &value()?)?,
                "--rounds" => options.shape.rounds = one(&name, &value()?)?,
                "--server" => options.server = value()?,
                _ => return Err(format!("unknown option `{name}`")),
            }
        }
        let Shape { count, rounds, .. } = options.shape;
        if count == 0 || rounds == 0 || options.tasks.contains(&0) {
            return Err("--count, --rounds and --tasks must not be 0".into());
        }
        Ok(Some(options))
    }
}

fn one<T: FromStr<Err: ToString>>(name: &str, text: &str) -> Result<T, String> {
    text.parse().map_err(|error: T::Err| format!("{name} {text}: {}", error.to_string()))
}

fn list<T: FromStr<Err: ToString>>(name: &str, text: &str) -> Result<Vec<T>, String> {
    text.split(',').map(|item| one(name, item)).collect()
}

fn main() -> ExitCode {
    let options = match Options::parse(env::args().skip(1)) {
        Ok(Some(options)) => options,
        Ok(None) => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("{error}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match contest(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("failed: {error}");
            ExitCode::FAILURE
        }
    }
}

fn contest(options: &Options) -> Result<(), Box<dyn Error>> {
    if options.pinned {
        pin::client()?;
    }
    let server = Server::start(&options.server, options.pinned)?;
    let mut contenders = options
        .clients
        .iter()
        .map(|name| clients::by_name(name, server.addr()))
        .collect::<Result<Vec<Box<dyn Contender>>, _>>()?;
    let names: Vec<&str> = options.clients.iter().map(String::as_str).collect();
    let baseline = names.iter().position(|name| *name == clients::raw::NAME);
    let mut contest = Contest::new(server.addr(), options.shape)?;

    describe(options, &mut io::stdout())?;
    println!("{}", report::head());
    for &op in &options.ops {
        for &tasks in &options.tasks {
            let rounds = contest.rounds(op, tasks, &mut contenders)?;
            print!("{}", report::lines(op, tasks, &names, &rounds, baseline));
        }
    }
    Ok(())
}

fn describe(options: &Options, out: &mut impl io::Write) -> io::Result<()> {
    let Shape { count, size, rounds } = options.shape;
    let cores = if options.pinned {
        format!("server on core {}, client on core {}", pin::SERVER_CORE, pin::CLIENT_CORE)
    } else {
        "not pinned".into()
    };
    writeln!(out, "{count} requests a run, {size} bytes, {rounds} rounds, {cores}\n")
}
