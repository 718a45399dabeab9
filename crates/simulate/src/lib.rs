//! Sessions and servers in a simulated world: many clients, a few servers, links that break, and
//! virtual time. There is no socket, no thread and no clock, so that one seed is one run.
//!
//! A ledger knows what every request went through, and after every step what must hold is checked:
//! one outcome for each request, and a true one; nothing executed twice that must not be, nor on
//! another connection than its own; deadlines; limits; that all recover once faults are over.
//!
//! ```
//! let run = simulate::run(7).unwrap();
//! assert_eq!(run, simulate::run(7).unwrap());
//! ```

mod checking;
mod client;
mod driving;
mod ending;
mod faults;
mod ledger;
mod link;
mod network;
mod random;
mod schedule;
mod server;
mod serving;
mod settings;
mod trace;
mod using;
mod wire;
mod world;

use std::any::Any;
use std::fmt;
use std::panic::{self, AssertUnwindSafe};

use trace::Trace;
use world::World;

/// What a world was like, from its beginning to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Of all that happened, in its order.
    pub hash: u64,
    /// How many events there were.
    pub steps: u64,
    /// How many requests were accepted.
    pub requests: u64,
    /// How long it was, in virtual microseconds.
    pub micros: u64,
}

/// Something that must hold did not.
#[derive(Debug)]
pub struct Failure {
    /// The seed of the world: [`run`] with it fails in the same way.
    pub seed: u64,
    /// In which step.
    pub step: u64,
    /// What did not hold.
    pub what: String,
    /// The last events, a line each.
    pub events: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, step, what, events } = self;
        write!(f, "seed {seed}, step {step}: {what}\n{events}")
    }
}

impl std::error::Error for Failure {}

/// Runs the world of a seed.
///
/// # Errors
/// Something that must hold did not, or something panicked.
pub fn run(seed: u64) -> Result<Run, Box<Failure>> {
    run_with(seed, Trace::default())
}

/// As [`run`], and prints each event.
///
/// # Errors
/// As [`run`].
pub fn show(seed: u64) -> Result<Run, Box<Failure>> {
    let mut trace = Trace::default();
    trace.is_loud = true;
    run_with(seed, trace)
}

fn run_with(seed: u64, mut trace: Trace) -> Result<Run, Box<Failure>> {
    let whole = AssertUnwindSafe(|| World::new(seed, &mut trace).run());
    match panic::catch_unwind(whole) {
        Ok(requests) => {
            let (hash, steps, micros) = (trace.hash(), trace.steps(), trace.now());
            Ok(Run { hash, steps, requests, micros })
        }
        Err(panic) => Err(Box::new(Failure {
            seed,
            step: trace.steps(),
            what: words(&*panic),
            events: trace.to_string(),
        })),
    }
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref().copied()).unwrap_or("a panic without words").to_owned()
}
