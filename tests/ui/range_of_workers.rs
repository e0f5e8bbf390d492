use pm_runtime::{RawLink, worker_query, worker_raw};

#[worker_query(workers = 8..=1)]
//                       ^^^^^ this range is empty: write `workers = 1..=8`
fn empty() {}

#[worker_query(workers = 2..)]
//                       ^^^ a range of workers has two ends: write `workers = 1..=8`
fn endless() {}

#[worker_raw(workers = 1..=8)]
//                     ^^^^^ raw workers have no queries, which would tell how many are needed: write one number, such as `workers = 8`
fn raw(_link: RawLink) {}

fn main() {}
