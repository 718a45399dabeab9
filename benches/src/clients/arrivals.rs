//! What tells a task which request to make next, and since when its latency counts.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use super::queue::Queue;
use crate::job::{Job, Op};
use crate::latency::{Latencies, Ticks, ticks};
use crate::schedule::Schedule;

/// The requests of one task.
#[derive(Debug)]
pub struct Arrivals {
    source: Source,
    timing: Timing,
    began: Option<Instant>,
    done: Done,
}

/// From so many requests in flight on, only some are timed: looking at the clock may take a tenth
/// of what such a request costs.
const MANY: usize = 8;
/// One of so many then: a number that does not go with the four kinds of mixed requests.
const EVERY: usize = 7;

/// Which requests are timed.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    every: usize,
    skip: usize,
}

impl Timing {
    /// For one of so many tasks: not all of them time the same ones.
    #[must_use]
    pub const fn new(tasks: usize, task: usize) -> Self {
        if tasks < MANY { Self::ALL } else { Self { every: EVERY, skip: task % EVERY } }
    }

    const ALL: Self = Self { every: 1, skip: 0 };

    /// When the next request begins, if it is timed.
    pub fn begin(&mut self) -> Option<Instant> {
        if self.skip > 0 {
            self.skip -= 1;
            return None;
        }
        self.skip = self.every - 1;
        Some(Instant::now())
    }
}

#[derive(Debug)]
enum Source {
    /// Each when the last was answered: ids in steps, by a counter of its own or of all tasks.
    Closed { next: Arc<AtomicU64>, step: u64, end: u64 },
    /// Those that are given out, whoever has time.
    Open { given: Queue<(u64, Instant)> },
}

/// The requests of all tasks of a job without a rate.
///
/// Tasks take one id after the other, whoever comes next, so that the server is asked for the same rows
/// in the same order by all clients: it finds those side by side faster. Of a mixed job each task has
/// every so many.
#[must_use]
pub fn closed(job: &Job) -> Vec<Arrivals> {
    let Range { start, end } = job.ids;
    let shared = Arc::new(AtomicU64::new(start));
    (0..job.tasks)
        .map(|task| {
            let (next, step) = match job.op {
                Op::Mixed => (Arc::new(AtomicU64::new(start + task as u64)), job.tasks as u64),
                _ => (Arc::clone(&shared), 1),
            };
            let timing = Timing::new(job.tasks, task);
            let samples = Vec::with_capacity(job.count() / job.tasks / timing.every + 1);
            let done = Done { requests: 0, samples };
            Arrivals { source: Source::Closed { next, step, end }, timing, began: None, done }
        })
        .collect()
}

/// The requests of all tasks of a job with a rate, and who gives them out.
#[must_use]
pub fn open(job: &Job, schedule: Schedule) -> (Vec<Arrivals>, Pace) {
    let given = Queue::default();
    let arrivals = (0..job.tasks)
        .map(|_| Arrivals {
            source: Source::Open { given: given.clone() },
            timing: Timing::ALL,
            began: None,
            done: Done::default(),
        })
        .collect();
    (arrivals, Pace { schedule, ids: job.ids.clone(), given })
}

impl Arrivals {
    /// The next request; `None` when there are no more.
    pub async fn next(&mut self) -> Option<u64> {
        match &mut self.source {
            Source::Closed { .. } => self.next_closed(),
            Source::Open { given } => {
                let (id, due) = given.take().await?;
                self.began = Some(due);
                Some(id)
            }
        }
    }

    /// As [`next`](Self::next), for a thread.
    pub fn next_blocking(&mut self) -> Option<u64> {
        match &mut self.source {
            Source::Closed { .. } => self.next_closed(),
            Source::Open { .. } => smol::block_on(self.next()),
        }
    }

    fn next_closed(&mut self) -> Option<u64> {
        let Source::Closed { next, step, end } = &self.source else {
            return None;
        };
        let id = next.fetch_add(*step, Ordering::Relaxed);
        if id >= *end {
            return None;
        }
        self.began = self.timing.begin();
        Some(id)
    }

    /// The request was answered.
    pub fn answered(&mut self) {
        self.done.requests += 1;
        if let Some(began) = self.began {
            self.done.samples.push(ticks(began.elapsed()));
        }
    }

    /// What it did.
    #[must_use]
    pub fn finish(self) -> Done {
        self.done
    }
}

/// What tasks did.
#[derive(Clone, Debug, Default)]
pub struct Done {
    /// Requests answered with success.
    pub requests: usize,
    /// How long those took that were timed.
    pub samples: Vec<Ticks>,
}

impl Done {
    /// Adds what another task did.
    pub fn add(&mut self, other: Self) {
        self.requests += other.requests;
        self.samples.extend(other.samples);
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
    fn rows_are_asked_for_in_their_order() {
        let mut tasks = closed(&job(3));
        let ids = [2, 0, 0, 1].map(|task: usize| tasks[task].next_blocking());
        assert_eq!(ids, [Some(5), Some(6), Some(7), Some(8)]);
        let mut tasks = closed(&Job { op: Op::Mixed, ..job(4) });
        let ids = [2, 0, 0, 0].map(|task: usize| tasks[task].next_blocking());
        assert_eq!(ids, [Some(7), Some(5), Some(9), None]);
    }

    #[test]
    fn of_many_tasks_every_seventh_request_is_timed() {
        let job = Job { ids: 0..700, ..job(10) };
        let mut done = Done::default();
        for mut arrivals in closed(&job) {
            while arrivals.next_blocking().is_some() {
                arrivals.answered();
            }
            done.add(arrivals.finish());
        }
        assert_eq!((done.requests, done.samples.len()), (700, 100));
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
        let samples = arrivals.finish().samples;
        assert_eq!(samples.len(), 7);
        assert!(samples.iter().all(|sample| *sample >= 300_000), "{samples:?}");
    }
}
