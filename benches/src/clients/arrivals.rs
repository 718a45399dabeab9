//! What tells a task which request to make next, and since when its latency counts.

use std::ops::Range;
use std::thread;
use std::time::Instant;

use super::queue::Queue;
use crate::job::Job;
use crate::latency::{Latencies, Ticks, ticks};
use crate::schedule::Schedule;

/// The requests of one task.
#[derive(Debug)]
pub struct Arrivals {
    source: Source,
    began: Instant,
    samples: Vec<Ticks>,
}

#[derive(Debug)]
enum Source {
    /// Every so many of some ids, each when the last was answered.
    Closed { ids: std::iter::StepBy<Range<u64>> },
    /// Those that are given out, whoever has time.
    Open { given: Queue<(u64, Instant)> },
}

/// The requests of all tasks of a job, which begin now if the job has no rate.
#[must_use]
pub fn closed(job: &Job) -> Vec<Arrivals> {
    let began = Instant::now();
    (0..job.tasks as u64)
        .map(|task| {
            let ids = (job.ids.start + task..job.ids.end).step_by(job.tasks);
            let samples = Vec::with_capacity(ids.size_hint().0);
            Arrivals { source: Source::Closed { ids }, began, samples }
        })
        .collect()
}

/// The requests of all tasks of a job with a rate, and who gives them out.
#[must_use]
pub fn open(job: &Job, schedule: Schedule) -> (Vec<Arrivals>, Pace) {
    let given = Queue::default();
    let began = Instant::now();
    let arrivals = (0..job.tasks)
        .map(|_| Arrivals {
            source: Source::Open { given: given.clone() },
            began,
            samples: Vec::new(),
        })
        .collect();
    (arrivals, Pace { schedule, ids: job.ids.clone(), given })
}

impl Arrivals {
    /// The next request; `None` when there are no more.
    pub async fn next(&mut self) -> Option<u64> {
        match &mut self.source {
            Source::Closed { ids } => ids.next(),
            Source::Open { given } => {
                let (id, due) = given.take().await?;
                self.began = due;
                Some(id)
            }
        }
    }

    /// As [`next`](Self::next), for a thread.
    pub fn next_blocking(&mut self) -> Option<u64> {
        match &mut self.source {
            Source::Closed { ids } => ids.next(),
            Source::Open { .. } => smol::block_on(self.next()),
        }
    }

    /// The request was answered. One look at the clock for each request: without a rate, the next
    /// begins where this one ended.
    pub fn answered(&mut self) {
        let now = Instant::now();
        self.samples.push(ticks(now.saturating_duration_since(self.began)));
        self.began = now;
    }

    /// How long the requests took.
    #[must_use]
    pub fn into_samples(self) -> Vec<Ticks> {
        self.samples
    }
}

/// Gives out requests when they are due.
#[derive(Debug)]
pub struct Pace {
    schedule: Schedule,
    ids: Range<u64>,
    given: Queue<(u64, Instant)>,
}

impl Pace {
    /// Gives out all of them; returns how late that was.
    #[must_use]
    pub fn run(self) -> Latencies {
        let start = Instant::now();
        let count = (self.ids.end - self.ids.start) as usize;
        let mut lateness = Vec::with_capacity(count);
        while lateness.len() < count {
            let given = lateness.len();
            let now = start.elapsed();
            let due = self.schedule.due(now);
            if due == given {
                thread::sleep(self.schedule.at(given).saturating_sub(now));
            }
            for request in given..due {
                let at = self.schedule.at(request);
                lateness.push(ticks(now.saturating_sub(at)));
                self.given.push((self.ids.start + request as u64, start + at));
            }
        }
        self.given.close();
        lateness.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::job::Op;

    fn job(tasks: usize) -> Job {
        Job { op: Op::Ping, tasks, space: 1, ids: 5..12, payload: String::new(), rate: None }
    }

    #[test]
    fn tasks_share_all_requests() {
        let mut ids = Vec::new();
        for mut arrivals in closed(&job(3)) {
            while let Some(id) = arrivals.next_blocking() {
                ids.push(id);
                arrivals.answered();
            }
        }
        ids.sort_unstable();
        assert_eq!(ids, [5, 6, 7, 8, 9, 10, 11]);
    }

    #[test]
    fn latency_counts_from_when_a_request_was_due() {
        let job = Job { rate: Some(1e6), ..job(1) };
        let (mut arrivals, pace) = open(&job, Schedule::new(1e6, 7).unwrap());
        let _ = pace.run();
        // The client has no time for them all the while.
        thread::sleep(Duration::from_millis(30));
        let mut arrivals = arrivals.remove(0);
        while arrivals.next_blocking().is_some() {
            arrivals.answered();
        }
        let samples = arrivals.into_samples();
        assert_eq!(samples.len(), 7);
        assert!(samples.iter().all(|sample| *sample >= 300_000), "{samples:?}");
    }
}
