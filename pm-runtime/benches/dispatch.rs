//! A query's way through the policy: submitted, handed over, begun, ended.

use criterion::{Criterion, criterion_group, criterion_main};
use pm_runtime::bench::Dispatch;

fn dispatch(c: &mut Criterion) {
    let mut group = c.benchmark_group("dispatch");
    for (workers, queries) in [(1, 1), (1, 64), (2, 64), (2, 100_000), (200, 64), (200, 1024)] {
        let mut dispatch = Dispatch::new(workers).expect("the workers are ready");
        group.bench_function(format!("{workers} workers, {queries} queries"), |bencher| {
            bencher.iter(|| dispatch.turn(queries).expect("the policy agrees"));
        });
    }
}

criterion_group!(benches, dispatch);
criterion_main!(benches);
