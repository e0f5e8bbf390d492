use pm_runtime::worker_query;

#[worker_query(workers = None)]
//                       ^^^^ `workers` needs a limit: write `workers = 4`
fn workers() {}

#[worker_query(queue = "none")]
//                     ^^^^^^ `queue` needs a limit: write `queue = 1024`
fn queue() {}

#[worker_query(queue_bytes = "none")]
//                           ^^^^^^ `queue_bytes` needs a limit: write `queue_bytes = "256MiB"`
fn bytes() {}

fn main() {}
