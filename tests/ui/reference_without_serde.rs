use pm_runtime::worker_query;

struct Plain;

#[worker_query]
fn argument(plain: &Plain) {}
//                 ^^^^^^ the trait bound `Plain:

fn main() {}
