//! All chance in a world: numbers that one seed tells.

use std::ops::RangeInclusive;

/// SplitMix64: small, and good enough to choose sizes, times and faults.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 on; `end` is not among them, unless it is 0.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    pub(crate) fn within(&mut self, range: RangeInclusive<u64>) -> u64 {
        let (start, end) = range.into_inner();
        start + self.below(end.saturating_sub(start) + 1)
    }

    /// Any length up to `end`, where short ones are as likely as long ones.
    pub(crate) fn up_to_about(&mut self, end: u64) -> u64 {
        let shift = self.below(u64::from(end.max(1).ilog2()) + 1);
        self.within(1..=(end >> shift).max(1))
    }

    pub(crate) fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }

    pub(crate) fn pick<T: Copy, const N: usize>(&mut self, of: [T; N]) -> T {
        of[self.below(N as u64) as usize]
    }
}
