use pm_runtime::worker_query;

#[worker_query]
fn apply(f: fn(u32) -> u32) {}
//          ^^^^^^^^^^^^^^ the trait bound `fn(u32) -> u32:

#[worker_query]
fn boxed(f: Box<dyn Fn(u32) -> u32>) {}
//          ^^^^^^^^^^^^^^^^^^^^^^^ the trait bound `dyn Fn(u32) -> u32:

fn main() {}
