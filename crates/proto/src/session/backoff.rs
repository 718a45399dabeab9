//! How long to wait before addresses are tried anew.

use std::time::Duration;

/// Waits that grow with every round of failures, up to a limit, and differ from client to client.
///
/// The wait after round `n`, counted from 0, is a random time between half and the whole of
/// `min * factor^n`, which is at most `max`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Backoff {
    /// The first wait. Default 50 ms; at least 1 ms.
    pub min: Duration,
    /// The longest wait. Default 5 s.
    pub max: Duration,
    /// By how much each wait is longer than the one before. Default 2; 1 keeps them alike.
    pub factor: u32,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { min: Duration::from_millis(50), max: Duration::from_secs(5), factor: 2 }
    }
}

const MIN: Duration = Duration::from_millis(1);

impl Backoff {
    pub(super) fn delay(&self, round: u32, chance: &mut Chance) -> Duration {
        let grown = self.factor.max(1).checked_pow(round).unwrap_or(u32::MAX);
        let whole = self.min.max(MIN).saturating_mul(grown).min(self.max.max(MIN));
        let half = whole / 2;
        let nanos = u64::try_from(half.as_nanos()).unwrap_or(u64::MAX);
        whole - half + Duration::from_nanos(chance.up_to(nanos))
    }
}

/// Numbers that look random, the same ones for the same seed: SplitMix64.
#[derive(Debug)]
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to `max`, both included.
    fn up_to(&mut self, max: u64) -> u64 {
        match max.checked_add(1) {
            Some(count) => self.next() % count,
            None => self.next(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranges(backoff: Backoff, rounds: [u32; 5]) -> [(u128, u128); 5] {
        rounds.map(|round| {
            let mut chance = Chance::new(u64::from(round));
            let delays = (0..1000).map(|_| backoff.delay(round, &mut chance).as_millis());
            delays.fold((u128::MAX, 0), |(min, max), delay| (min.min(delay), max.max(delay)))
        })
    }

    #[test]
    fn waits_grow_up_to_the_limit_and_differ() {
        let found = ranges(Backoff::default(), [0, 1, 3, 7, u32::MAX]);
        let whole = [50, 100, 400, 5000, 5000];
        for ((min, max), whole) in found.into_iter().zip(whole) {
            assert!((whole / 2..whole * 6 / 10).contains(&min), "{min} of {whole}");
            assert!((whole * 9 / 10..=whole).contains(&max), "{max} of {whole}");
        }
    }

    #[test]
    fn settings_without_sense_do_not_make_it_spin_nor_panic() {
        let backoff = Backoff { min: Duration::ZERO, max: Duration::ZERO, factor: 0 };
        let mut chance = Chance::new(1);
        assert!(backoff.delay(0, &mut chance) >= MIN / 2);
        let backoff = Backoff { min: Duration::MAX, max: Duration::MAX, factor: u32::MAX };
        assert!(backoff.delay(u32::MAX, &mut chance) >= Duration::MAX / 2);
        let backoff = Backoff { factor: 1, ..Backoff::default() };
        assert!(backoff.delay(u32::MAX, &mut chance) <= backoff.min);
    }

    #[test]
    fn a_seed_tells_all_numbers() {
        let numbers = |seed| {
            let mut chance = Chance::new(seed);
            [(); 4].map(|()| chance.next())
        };
        assert_eq!(numbers(7), numbers(7));
        assert_ne!(numbers(7), numbers(8));
        assert_eq!(numbers(0)[0], 0xe220_a839_7b1d_cdaf);
    }
}
