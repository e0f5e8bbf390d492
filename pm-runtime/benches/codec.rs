//! Arguments and answers as bytes, and back.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use pm_runtime::bench::{decode, encode};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Encounter {
    zone: String,
    weather: Option<String>,
    levels: Vec<u32>,
    shiny: bool,
}

fn both_ways<T: Serialize + for<'a> Deserialize<'a>>(c: &mut Criterion, name: &str, value: &T) {
    let bytes = encode(value).expect("it can be encoded");
    let mut group = c.benchmark_group(format!("codec/{name}"));
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    group.bench_function("encode", |bencher| bencher.iter(|| encode(black_box(value))));
    group.bench_function("decode", |bencher| bencher.iter(|| decode::<T>(black_box(&bytes))));
}

fn codec(c: &mut Criterion) {
    both_ways(c, "two numbers", &(1_u64, 2_u64));
    let encounter = Encounter {
        zone: "safari-forest".into(),
        weather: Some("fog".into()),
        levels: (0..16).collect(),
        shiny: false,
    };
    both_ways(c, "a struct", &encounter);
    both_ways(c, "4096 numbers", &(0..4096).collect::<Vec<u64>>());
}

criterion_group!(benches, codec);
criterion_main!(benches);
