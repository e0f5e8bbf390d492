use pm_runtime::worker_query;

struct Plain;

#[worker_query]
fn argument(pair: (Vec<u8>, Plain)) {}
//                ^^^^^^^^^^^^^^^^ required by a bound introduced by this call
//                ^^^^^^^^^^^^^^^^ the trait bound `Plain:

#[worker_query]
fn answer() -> Result<Vec<u8>, Plain> {
//             ^^^^^^^^^^^^^^^^^^^^^^ the trait bound `Plain:
    Err(Plain)
}

fn main() {}
