use pm_runtime::worker_query;

#[worker_query(label = "uploads")]
//             ^^^^^ `label` is said to the builder: write `ParsePool::builder().label(..)`
fn parse() {}

#[worker_query(in_process, workers = 1)]
//             ^^^^^^^^^^ `in_process` is said to the builder: write `DebuggedPool::builder().in_process()`
fn debugged() {}

#[worker_query(listener = 80)]
//             ^^^^^^^^ `listener` is said to the builder of a `#[worker_raw]`, and has no meaning for `#[worker_query]`: remove it
fn accept() {}

fn main() {
    let _ = ParsePool::builder().label("uploads").build();
}
