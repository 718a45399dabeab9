//! Worlds of the first seeds: what must hold does, and a seed tells all that happens.

use simulate::run;

/// `cargo xtask simulate` runs as many as there is time for.
const SEEDS: u64 = 300;

#[test]
fn what_must_hold_does() {
    let mut requests = 0;
    for seed in 0..SEEDS {
        match run(seed) {
            Ok(run) => requests += run.requests,
            Err(failure) => panic!("{failure}"),
        }
    }
    assert!(requests > 100 * SEEDS, "{requests} requests are not worth it");
}

#[test]
fn a_seed_tells_all_that_happens() {
    for seed in SEEDS..SEEDS + 10 {
        let (first, second) = (run(seed).unwrap(), run(seed).unwrap());
        assert_eq!(first, second);
        assert_ne!(first.hash, run(seed + 1000).unwrap().hash);
    }
}
