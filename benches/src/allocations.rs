//! Counts allocations, with the feature `allocations`.

#[cfg(feature = "allocations")]
#[global_allocator]
static COUNTING: &stats_alloc::StatsAlloc<std::alloc::System> = &stats_alloc::INSTRUMENTED_SYSTEM;

/// Allocations and reallocations of the process so far; `None` without the feature.
#[must_use]
pub fn so_far() -> Option<u64> {
    #[cfg(feature = "allocations")]
    {
        let stats = COUNTING.stats();
        Some((stats.allocations + stats.reallocations) as u64)
    }
    #[cfg(not(feature = "allocations"))]
    None
}
