use pm_runtime::worker_query;

#[worker_query(spares = 1)]
//             ^^^^^^ `spares` is not there yet: this version of pm-runtime does not implement it
fn early() {}

fn main() {}
