use pm_runtime::worker_query;

#[worker_query(memory_limit = 1000)]
//                            ^^^^ a worker itself needs about a MiB, and 1000 bytes are less: write `memory_limit = "512MiB"`, or "none" for no limit
fn forgotten_unit() {}

#[worker_query(max_memory = "512KiB")]
//                          ^^^^^^^^ a worker itself needs about a MiB, and 524288 bytes are less: write `max_memory = "512MiB"`, or "none" for no limit
fn wrong_unit() {}

#[worker_query(memory_limit = "1MiB", max_memory = None)]
fn fine() {}

fn main() {}
