use pm_runtime::worker_query;

struct Plain;

#[worker_query]
fn answer() -> Option<Plain> {
//             ^^^^^^^^^^^^^ the trait bound `Plain:
    None
}

fn main() {}
