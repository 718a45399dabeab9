//! When requests of an open-loop load begin: at a fixed rate, whatever became of earlier ones.
//!
//! A load that waits for replies before it goes on makes fewer requests just when the server is
//! slow, and so hides that it was (coordinated omission). Here each request has its time, and its
//! latency counts from that time, also when the client could not begin it then.

use std::time::Duration;

const NANOS: f64 = 1e9;

/// The times of requests.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Schedule {
    period: f64,
    count: usize,
}

impl Schedule {
    /// `count` requests, the first at once, at `rate` per second.
    ///
    /// # Errors
    ///
    /// If the rate is not a positive number.
    pub fn new(rate: f64, count: usize) -> Result<Self, String> {
        if rate.is_finite() && rate > 0.0 {
            Ok(Self { period: NANOS / rate, count })
        } else {
            Err(format!("a rate of {rate} requests per second"))
        }
    }

    /// When a request is to begin, after the start.
    #[must_use]
    pub fn at(&self, request: usize) -> Duration {
        Duration::from_nanos((request as f64 * self.period).ceil() as u64)
    }

    /// How many requests must have begun by now.
    #[must_use]
    pub fn due(&self, elapsed: Duration) -> usize {
        let mut due = ((elapsed.as_nanos() as f64 / self.period) as usize).saturating_add(1);
        // The division may have come out a little short.
        if self.at(due) <= elapsed {
            due += 1;
        }
        due.min(self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_evenly_spread() {
        let schedule = Schedule::new(1000.0, 5).unwrap();
        assert_eq!(schedule.at(0), Duration::ZERO);
        assert_eq!(schedule.at(3), Duration::from_millis(3));
        assert_eq!(schedule.due(Duration::ZERO), 1);
        assert_eq!(schedule.due(Duration::from_micros(2_999)), 3);
        assert_eq!(schedule.due(Duration::from_millis(3)), 4);
    }

    #[test]
    fn a_stall_makes_all_that_it_delayed_due_and_no_more_than_there_are() {
        let schedule = Schedule::new(1000.0, 50).unwrap();
        assert_eq!(schedule.due(Duration::from_millis(20)), 21);
        assert_eq!(schedule.due(Duration::from_secs(20)), 50);
    }

    #[test]
    fn every_request_is_due_at_its_time() {
        for rate in [0.3, 7.0, 333.0, 123_457.0, 3e6] {
            let schedule = Schedule::new(rate, 10_000).unwrap();
            for request in 0..10_000 {
                assert!(schedule.due(schedule.at(request)) > request, "{rate}, {request}");
            }
        }
    }

    #[test]
    fn only_positive_rates_are_rates() {
        for rate in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(Schedule::new(rate, 1).is_err(), "{rate}");
        }
    }
}
