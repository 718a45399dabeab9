//! How long requests took.

use std::fmt;
use std::time::Duration;

use hdrhistogram::Histogram;

/// A latency in tenths of a microsecond, up to 7 minutes: small, since clients keep one for each
/// request until the clock has stopped.
pub type Ticks = u32;

const PER_US: f64 = 10.0;
const NANOS: u128 = 100;
/// Significant digits of a latency.
const DIGITS: u8 = 3;

/// A duration in [`Ticks`].
#[must_use]
pub fn ticks(duration: Duration) -> Ticks {
    Ticks::try_from(duration.as_nanos() / NANOS).unwrap_or(Ticks::MAX)
}

/// The distribution of latencies, to three digits.
#[derive(Clone)]
pub struct Latencies {
    histogram: Histogram<u64>,
}

impl fmt::Debug for Latencies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Latencies").field("count", &self.histogram.len()).finish_non_exhaustive()
    }
}

impl Default for Latencies {
    fn default() -> Self {
        let histogram = Histogram::new_with_max(Ticks::MAX.into(), DIGITS);
        Self { histogram: histogram.expect("three digits are possible") }
    }
}

impl FromIterator<Ticks> for Latencies {
    fn from_iter<I: IntoIterator<Item = Ticks>>(samples: I) -> Self {
        Self::from_counts(samples.into_iter().map(|sample| (sample.into(), 1)))
    }
}

impl Latencies {
    /// The distribution whose [`counts`](Self::counts) these are.
    #[must_use]
    pub fn from_counts(counts: impl IntoIterator<Item = (u64, u64)>) -> Self {
        let mut latencies = Self::default();
        for (value, count) in counts {
            latencies.histogram.saturating_record_n(value, count);
        }
        latencies
    }

    /// Ticks and how many requests took that long.
    #[must_use]
    pub fn counts(&self) -> Vec<(u64, u64)> {
        self.histogram
            .iter_recorded()
            .map(|step| (step.value_iterated_to(), step.count_at_value()))
            .collect()
    }

    /// Adds the requests of another run.
    pub fn add(&mut self, other: &Self) {
        for (value, count) in other.counts() {
            self.histogram.saturating_record_n(value, count);
        }
    }

    /// Microseconds that a share of the requests did not exceed; `None` without requests.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Option<f64> {
        let known = !self.histogram.is_empty();
        known.then(|| self.histogram.value_at_quantile(share) as f64 / PER_US)
    }

    /// Microseconds that the slowest request took; `None` without requests.
    #[must_use]
    pub fn max(&self) -> Option<f64> {
        self.quantile(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_the_samples() {
        // 1 to 1,000 us, one of each.
        let latencies: Latencies =
            (1..=1000).map(|us| ticks(Duration::from_micros(us))).rev().collect();
        for (share, us) in [(0.5, 500.0), (0.9, 900.0), (0.99, 990.0), (0.999, 999.0)] {
            let found = latencies.quantile(share).unwrap();
            assert!((found / us - 1.0).abs() < 0.002, "{share}: {found}");
        }
        assert!((latencies.max().unwrap() / 1000.0 - 1.0).abs() < 0.002);
        assert_eq!(Latencies::default().quantile(0.5), None);
    }

    #[test]
    fn counts_make_the_same_distribution_again() {
        let latencies: Latencies = [3, 70, 70, 123_456, 4_000_000_000].into_iter().collect();
        let mut again = Latencies::from_counts(latencies.counts());
        assert_eq!(again.counts(), latencies.counts());
        again.add(&latencies);
        assert_eq!(again.counts().iter().map(|step| step.1).sum::<u64>(), 10);
        assert_eq!(again.quantile(0.5), latencies.quantile(0.5));
    }

    #[test]
    fn ticks_end_instead_of_wrapping() {
        assert_eq!(ticks(Duration::from_nanos(199)), 1);
        assert_eq!(ticks(Duration::from_secs(3600)), Ticks::MAX);
    }
}
