//! The core alone, timed: `cargo bench -p tarantool-bench`.

use criterion::{Criterion, criterion_group, criterion_main};
use tarantool_bench::micro;

fn all(criterion: &mut Criterion) {
    for (name, make) in micro::all() {
        let mut operation = make();
        criterion.bench_function(name, |bencher| bencher.iter(&mut operation));
    }
}

criterion_group!(benches, all);
criterion_main!(benches);
