//! The raw pump at a fixed rate.

use std::io;
use std::net::TcpStream;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::TimeSpec;

use super::{Pumped, READ_SIZE, Scanner, bounded, end, invalid, receive, write_all};
use crate::frames::Frames;
use crate::latency::ticks;
use crate::schedule::Schedule;

/// Longer than any reply takes: a lost one must not hang the benchmark.
const SILENCE: Duration = Duration::from_secs(30);

/// Sends each frame when it is due, with at most `window` of them unanswered, and waits for all
/// replies.
///
/// # Errors
///
/// As [`run`](super::run).
pub fn run(
    stream: &mut TcpStream,
    frames: &Frames,
    window: usize,
    schedule: &Schedule,
) -> io::Result<Pumped> {
    let window = bounded(window, frames);
    let mut buffer = vec![0; READ_SIZE];
    let mut scanner = Scanner::default();
    let mut pumped = Pumped {
        latencies: Vec::with_capacity(frames.len()),
        lateness: Vec::with_capacity(frames.len()),
        ..Pumped::default()
    };
    let mut sent = 0;
    let start = Instant::now();
    while pumped.requests < frames.len() {
        let most = frames.len().min(pumped.requests + window);
        let now = start.elapsed();
        let next = schedule.due(now).min(most);
        if next > sent {
            pumped.lateness.extend((sent..next).map(|i| ticks(now.saturating_sub(schedule.at(i)))));
            pumped.writes += write_all(stream, frames.slice(sent..next))?;
            sent = next;
        }
        let wait =
            if sent < most { schedule.at(sent).saturating_sub(start.elapsed()) } else { SILENCE };
        if !readable(stream, wait)? {
            if sent < most {
                continue;
            }
            return Err(io::ErrorKind::TimedOut.into());
        }
        let done = receive(stream, &mut buffer, &mut scanner, &mut pumped)?;
        let answered = pumped.requests + done;
        if answered > sent {
            return Err(invalid("more replies than requests"));
        }
        let now = start.elapsed();
        let requests = pumped.requests..answered;
        pumped.latencies.extend(requests.map(|i| ticks(now.saturating_sub(schedule.at(i)))));
        pumped.requests = answered;
    }
    end(&scanner)?;
    Ok(pumped)
}

fn readable(stream: &TcpStream, wait: Duration) -> io::Result<bool> {
    let mut fds = [PollFd::new(stream.as_fd(), PollFlags::POLLIN)];
    Ok(ppoll(&mut fds, Some(TimeSpec::from_duration(wait)), None)? > 0)
}
