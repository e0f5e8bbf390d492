use pm_runtime::worker_query;

struct Plain;

#[worker_query]
fn argument(plain: Plain) {}
//                 ^^^^^ required by a bound introduced by this call
//                 ^^^^^ the trait bound `Plain:

fn main() {}
