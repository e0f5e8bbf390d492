//! Queries through the memory that a pool shares with a worker; both ends on one thread, so that
//! it is the work that is measured, and not the way between two cores.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use pm_runtime::bench::Ring;

fn ring(c: &mut Criterion) {
    let mut group = c.benchmark_group("ring");
    for (queries, bytes) in [(1, 20), (1, 60), (16, 20)] {
        let mut ring = Ring::new(bytes).expect("there is memory");
        group.throughput(Throughput::Elements(queries as u64));
        group.bench_function(format!("{queries} of {bytes} bytes"), |bencher| {
            bencher.iter(|| assert_eq!(ring.trip(queries).ok(), Some(queries)));
        });
    }
}

criterion_group!(benches, ring);
criterion_main!(benches);
