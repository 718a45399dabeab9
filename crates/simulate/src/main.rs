//! `simulate [--seeds N] [--seed S]`: runs the worlds of N seeds from S on, until one fails; without
//! N, the world of S alone, with everything that happens in it.

use std::env;
use std::process::ExitCode;
use std::time::Instant;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match read(&arguments) {
        Ok((first, Some(count))) => all(first, count),
        Ok((seed, None)) => report(simulate::show(seed).map(|run| println!("{run:?}"))),
        Err(why) => {
            eprintln!("simulate: {why}");
            ExitCode::FAILURE
        }
    }
}

const SEEDS: u64 = 1000;
/// How often it is told how far it is.
const TELLS_EVERY: u64 = 10_000;

/// The first seed, and how many there are.
fn read(arguments: &[&str]) -> Result<(u64, Option<u64>), String> {
    let number = |text: &str| text.parse().map_err(|_| format!("no number: {text}"));
    match *arguments {
        [] => Ok((0, Some(SEEDS))),
        ["--seeds", count] => Ok((0, Some(number(count)?))),
        ["--seed", seed] => Ok((number(seed)?, None)),
        ["--seeds", count, "--seed", seed] | ["--seed", seed, "--seeds", count] => {
            Ok((number(seed)?, Some(number(count)?)))
        }
        _ => Err(format!("[--seeds N] [--seed S], not {}", arguments.join(" "))),
    }
}

fn all(first: u64, count: u64) -> ExitCode {
    let start = Instant::now();
    let (mut steps, mut requests, mut micros) = (0, 0, 0);
    for done in 1..=count {
        match simulate::run(first.wrapping_add(done - 1)) {
            Ok(run) => {
                steps += run.steps;
                requests += run.requests;
                micros += run.micros;
            }
            Err(failure) => return report(Err(failure)),
        }
        if done % TELLS_EVERY == 0 || done == count {
            let (real, hours) = (start.elapsed(), micros / 3_600_000_000);
            println!(
                "{done} seeds in {real:.1?}: {steps} steps, {requests} requests, {hours} virtual hours"
            );
        }
    }
    ExitCode::SUCCESS
}

fn report(run: Result<(), Box<simulate::Failure>>) -> ExitCode {
    match run {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}\nagain: cargo xtask simulate --seed {}", failure.seed);
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments() {
        assert_eq!(read(&[]), Ok((0, Some(SEEDS))));
        assert_eq!(read(&["--seeds", "5"]), Ok((0, Some(5))));
        assert_eq!(read(&["--seed", "7"]), Ok((7, None)));
        for both in [["--seeds", "5", "--seed", "7"], ["--seed", "7", "--seeds", "5"]] {
            assert_eq!(read(&both), Ok((7, Some(5))));
        }
        assert!(read(&["--seeds"]).is_err() && read(&["--seeds", "x"]).is_err());
        assert!(read(&["7"]).is_err());
    }
}
