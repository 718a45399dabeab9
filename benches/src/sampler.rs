//! What the server does meanwhile: its own counters, read over a second connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::control::{Control, Executed};
use crate::job::{Failure, Op};

/// Requests per second that a server executed around one moment, of each kind of [`Op::MIX`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Point {
    /// Seconds since the first request.
    pub seconds: f64,
    /// Requests per second, of each kind.
    pub rates: [f64; Op::MIX.len()],
}

/// Looks at a server until it is told to stop.
pub struct Sampler {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Result<Seen, Failure>>,
}

/// The connection, and what the server's counters were when.
type Seen = (Control, Vec<(Instant, Executed)>);

impl Sampler {
    /// Looks now and every so often.
    #[must_use]
    pub fn start(control: Control, every: Duration) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            let mut samples = Vec::new();
            loop {
                let is_last = stopped.load(Ordering::SeqCst);
                samples.push((Instant::now(), control.executed()?));
                if is_last {
                    return Ok((control, samples));
                }
                thread::park_timeout(every);
            }
        });
        Self { stop, thread }
    }

    /// Looks once more; what was seen, and the connection for the next one.
    ///
    /// # Errors
    ///
    /// If the server could not be asked.
    pub fn stop(self) -> Result<(Control, Vec<Point>), Failure> {
        self.stop.store(true, Ordering::SeqCst);
        self.thread.thread().unpark();
        let (control, mut samples) =
            self.thread.join().map_err(|_| "the sampling thread panicked")??;
        // The run ended at some time before the last look: a rate up to it would be too low.
        if samples.len() > FEW {
            samples.pop();
        }
        let start = samples.first().map(|sample| sample.0);
        let seconds: Vec<_> = samples
            .iter()
            .filter_map(|sample| Some((sample.0.duration_since(start?).as_secs_f64(), sample.1)))
            .collect();
        Ok((control, points(&seconds)))
    }
}

/// Rates between neighbouring samples, at most [`POINTS_MAX`] of them.
fn points(samples: &[(f64, Executed)]) -> Vec<Point> {
    let step = samples.len().saturating_sub(1).div_ceil(POINTS_MAX).max(1);
    let mut kept: Vec<_> = samples.iter().step_by(step).collect();
    if let Some(last) = samples.last() {
        if kept.last() != Some(&last) {
            kept.push(last);
        }
    }
    kept.windows(2)
        .filter_map(|pair| {
            let [(from, before), (to, after)] = *pair else {
                return None;
            };
            let passed = to - from;
            let mut rates = [0.0; Op::MIX.len()];
            for (rate, (before, after)) in rates.iter_mut().zip(before.iter().zip(after)) {
                *rate = after.saturating_sub(*before) as f64 / passed;
            }
            (passed > 0.0).then_some(Point { seconds: f64::midpoint(*from, *to), rates })
        })
        .collect()
}

/// As many as a plot can show.
const POINTS_MAX: usize = 40;
/// So few samples are all kept.
const FEW: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_between_neighbours() {
        let samples = [(0.0, [5, 0, 0, 0]), (0.5, [15, 0, 0, 2]), (2.5, [15, 8, 0, 2])];
        let rates = [
            Point { seconds: 0.25, rates: [20.0, 0.0, 0.0, 4.0] },
            Point { seconds: 1.5, rates: [0.0, 4.0, 0.0, 0.0] },
        ];
        assert_eq!(points(&samples), rates);
        assert!(points(&samples[..1]).is_empty());
    }

    #[test]
    fn long_runs_are_thinned_without_losing_requests() {
        let samples: Vec<_> = (0..1001_u64).map(|i| (i as f64, [i * 3, 0, 0, 0])).collect();
        let points = points(&samples);
        assert!(points.len() <= POINTS_MAX, "{}", points.len());
        assert!(points.iter().all(|point| point.rates[0] == 3.0));
    }
}
