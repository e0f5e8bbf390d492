use pm_runtime::worker_query;

#[worker_query(workers = 3 timeout = "30s")]
//                         ^^^^^^^ put a comma between two options
fn run_together() {}

#[worker_query(workers = 3; timeout = "30s")]
//                        ^ put a comma between two options
fn semicolon() {}

fn main() {}
