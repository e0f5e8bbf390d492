use pm_runtime::worker_query;

struct Progress;

#[worker_query(message = Progress)]
//                       ^^^^^^^^ the trait bound `Progress:
fn work() {}

fn main() {}
