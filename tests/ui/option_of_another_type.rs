use pm_runtime::worker_query;

const SECONDS: u64 = 30;

#[worker_query(timeout = SECONDS)]
//                       ^^^^^^^ From<u64>
fn seconds() {}

#[worker_query(workers = unheard_of())]
//                       ^^^^^^^^^^ cannot find function `unheard_of`
fn unknown() {}

fn main() {}
