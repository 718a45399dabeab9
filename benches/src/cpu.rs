//! Wall-clock and CPU time of a run.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;

/// User and system CPU time this process has used so far, all threads included.
fn process_cpu_time() -> (Duration, Duration) {
    let time = |time: TimeVal| {
        // Neither part is ever negative.
        Duration::new(time.tv_sec().unsigned_abs(), time.tv_usec() as u32 * 1000)
    };
    getrusage(UsageWho::RUSAGE_SELF)
        .map(|usage| (time(usage.user_time()), time(usage.system_time())))
        .unwrap_or_default()
}

/// Measures a run: start it after everything that is not to be counted.
#[derive(Debug)]
pub struct Stopwatch {
    cpu: (Duration, Duration),
    began: SystemTime,
    wall: Instant,
}

/// What a run took.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Elapsed {
    /// When it began, in seconds since 1970.
    pub began: f64,
    /// Wall-clock seconds.
    pub seconds: f64,
    /// CPU seconds of the whole process in its own code.
    pub user_seconds: f64,
    /// CPU seconds of the whole process in the kernel.
    pub system_seconds: f64,
}

impl Stopwatch {
    /// Starts counting.
    #[must_use]
    pub fn start() -> Self {
        Self { cpu: process_cpu_time(), began: SystemTime::now(), wall: Instant::now() }
    }

    /// What passed since the start.
    #[must_use]
    pub fn stop(self) -> Elapsed {
        let seconds = self.wall.elapsed().as_secs_f64();
        let (user, system) = process_cpu_time();
        Elapsed {
            began: self.began.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64(),
            seconds,
            user_seconds: user.saturating_sub(self.cpu.0).as_secs_f64(),
            system_seconds: system.saturating_sub(self.cpu.1).as_secs_f64(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_work_and_not_sleep() {
        let watch = Stopwatch::start();
        std::thread::sleep(Duration::from_millis(50));
        let slept = watch.stop();
        assert!(slept.seconds >= 0.05);

        let watch = Stopwatch::start();
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_millis(50) {}
        let worked = watch.stop();
        assert!(worked.user_seconds + worked.system_seconds > 0.005, "{worked:?}");
    }
}
