//! System calls of a run, as `strace` counts them.

use std::fs;
use std::process::{Command, Stdio};

use crate::clients::Choice;
use crate::job::{Failure, Job};
use crate::process;

/// Enough for a figure; each call costs two stops of the process.
pub const COUNT_MAX: usize = 20_000;

/// System calls per request: those of a run less those of one without requests, which connects
/// and ends as well. `None` where there is no `strace`, or it may not trace.
///
/// # Errors
///
/// If the run fails.
pub fn calls_per_request(client: &Choice, job: &Job, uri: &str) -> Result<Option<f64>, Failure> {
    if job.count() == 0 || !is_possible() {
        return Ok(None);
    }
    let nothing = Job { ids: job.ids.start..job.ids.start, ..job.clone() };
    let start = calls(client, &nothing, uri)?;
    let all = calls(client, job, uri)?;
    Ok(Some(all.saturating_sub(start) as f64 / job.count() as f64))
}

fn is_possible() -> bool {
    let mut probe = Command::new("strace");
    probe.args(["-f", "-c", "-o", "/dev/null", "true"]);
    probe.stdout(Stdio::null()).stderr(Stdio::null());
    probe.status().is_ok_and(|status| status.success())
}

fn calls(client: &Choice, job: &Job, uri: &str) -> Result<u64, Failure> {
    let summary = tempfile::NamedTempFile::new()?;
    let program = process::this_program(None)?;
    let status = Command::new("strace")
        .args(["-f", "-c", "-o"])
        .arg(summary.path())
        .arg(program.get_program())
        .args(process::arguments(client, job, uri))
        .args(["--warm-up", "0"])
        .stdout(Stdio::null())
        .status()?;
    if !status.success() {
        return Err(format!("the traced run ended with {status}").into());
    }
    let text = fs::read_to_string(summary.path())?;
    total(&text).ok_or_else(|| "strace counted nothing".into())
}

/// The number of calls in the last line of a summary: percent, seconds, usecs/call, calls.
fn total(summary: &str) -> Option<u64> {
    let line = summary.lines().find(|line| line.trim_end().ends_with("total"))?;
    line.split_whitespace().nth(3)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_in_the_last_line() {
        let summary = "\
% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 68.12    0.001000           1      1001           sendto
 31.88    0.000468           0       999         2 recvfrom
------ ----------- ----------- --------- --------- ----------------
100.00    0.001468           0      2000         2 total
";
        assert_eq!(total(summary), Some(2000));
        assert_eq!(total(""), None);
    }
}
