//! Runs one micro-benchmark some times, for counting instructions: `instructions NAME TIMES` under
//! `valgrind --tool=callgrind`, or `cargo xtask bench-check`, which does so for all and compares.
//! Without arguments it lists the names.

use std::process::ExitCode;

use tarantool_bench::micro;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [] => {
            micro::all().iter().for_each(|(name, _)| println!("{name}"));
            ExitCode::SUCCESS
        }
        [name, times] => run(name, times),
        _ => {
            eprintln!("usage: instructions [NAME TIMES]");
            ExitCode::from(2)
        }
    }
}

fn run(name: &str, times: &str) -> ExitCode {
    let found = micro::all().into_iter().find(|(known, _)| *known == name);
    match (found, times.parse::<u64>()) {
        (Some((_, make)), Ok(times)) => {
            let mut operation = make();
            (0..times).for_each(|_| operation());
            ExitCode::SUCCESS
        }
        _ => {
            eprintln!("no micro-benchmark `{name}`, or not a number of times: {times}");
            ExitCode::FAILURE
        }
    }
}
