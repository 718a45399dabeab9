//! How much this process has worked, for tests that nobody spins.

use std::fs;
use std::time::Duration;

/// How much processor time this process has used so far, as Linux counts it: all threads, in user and
/// kernel mode, in steps of 10 ms; `None` on other systems.
///
/// ```
/// use tarantool_testkit::processor;
///
/// let Some(before) = processor::used() else { return };
/// let sum = (0..20_000_000_u64).fold(0, |sum, number| std::hint::black_box(sum ^ number));
/// assert!(processor::used() > Some(before), "{sum}");
/// ```
#[must_use]
pub fn used() -> Option<Duration> {
    parse(&fs::read_to_string("/proc/self/stat").ok()?)
}

/// A tick of the kernel's interface is 10 ms on all systems of today.
const TICK: Duration = Duration::from_millis(10);

fn parse(stat: &str) -> Option<Duration> {
    // The name of the process, in parentheses, may have spaces in it.
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut times = fields.split(' ').skip(11).map(str::parse::<u32>);
    let (user, system) = (times.next()?.ok()?, times.next()?.ok()?);
    Some(TICK * user.checked_add(system)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_and_system_time_are_found() {
        let stat = "7 (a b) c) S 1 2 3 4 5 6 7 8 9 10 150 25 0 0 20 0";
        assert_eq!(parse(stat), Some(Duration::from_millis(1750)));
        for stat in ["", "7 (a) S 1 2", "7 (a) S 1 2 3 4 5 6 7 8 9 10 x 25 0"] {
            assert_eq!(parse(stat), None, "{stat}");
        }
    }
}
