use std::time::Duration;

use pm_runtime::worker_query;

#[worker_query(cpu_limit = "1.5s")]
//                         ^^^^^^ `cpu_limit` is counted in whole seconds: write `cpu_limit = "10s"`
fn and_a_half() {}

#[worker_query(cpu_limit = "500ms")]
//                         ^^^^^^^ `cpu_limit` is counted in whole seconds: write `cpu_limit = "10s"`
fn half() {}

#[worker_query(cpu_limit = "0s")]
//                         ^^^^ `cpu_limit` cannot be zero: write `cpu_limit = "10s"`, or "none" for no limit
fn none_at_all() {}

#[worker_query(cpu_limit = 10)]
//                         ^^ `cpu_limit` needs a unit: write `cpu_limit = "10s"`
fn number() {}

#[worker_query(memory_limit = "0B")]
//                            ^^^^ `memory_limit` cannot be zero: write `memory_limit = "512MiB"`, or "none" for no limit
fn no_memory() {}

const LIMIT: Duration = Duration::from_secs(90);

#[worker_query(cpu_limit = "1min 30s", memory_limit = "1.5GiB")]
fn fine() {}

#[worker_query(cpu_limit = LIMIT, memory_limit = 64 << 20)]
fn fine_as_well() {}

#[worker_query(cpu_limit = None, memory_limit = "none")]
fn without() {}

fn main() {}
