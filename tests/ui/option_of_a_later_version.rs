use pm_runtime::worker_query;

#[worker_query(retries = 3)]
//             ^^^^^^^ `retries` is not there yet: this version of pm-runtime does not implement it
fn early() {}

fn main() {}
