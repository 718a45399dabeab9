//! Wall-clock and CPU time of a run.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// User and system CPU time this process has used so far, all threads included.
#[must_use]
pub fn process_cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    // The clock starts at zero with the process, so neither part is ever negative.
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec as u32)
}

/// Measures a run: start it after everything that is not to be counted.
#[derive(Debug)]
pub struct Stopwatch {
    cpu: Duration,
    wall: Instant,
}

/// What a run took.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Elapsed {
    /// Wall-clock seconds.
    pub seconds: f64,
    /// User and system CPU seconds of the whole process.
    pub cpu_seconds: f64,
}

impl Stopwatch {
    /// Starts counting.
    #[must_use]
    pub fn start() -> Self {
        Self { cpu: process_cpu_time(), wall: Instant::now() }
    }

    /// What passed since the start.
    #[must_use]
    pub fn stop(self) -> Elapsed {
        let seconds = self.wall.elapsed().as_secs_f64();
        let cpu = process_cpu_time().saturating_sub(self.cpu);
        Elapsed { seconds, cpu_seconds: cpu.as_secs_f64() }
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
        assert!(worked.cpu_seconds > 0.005, "{worked:?}");
    }
}
