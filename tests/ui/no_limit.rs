use pm_runtime::worker_query;

#[worker_query(workers = None)]
//                       ^^^^ `workers` needs a limit: write `workers = 4`
fn workers() {}

#[worker_query(grace = "none")]
//                     ^^^^^^ `grace` needs a limit: write `grace = "30s"`
fn grace() {}

#[worker_query(queue_bytes = "none")]
//                           ^^^^^^ `queue_bytes` needs a limit: write `queue_bytes = "256MiB"`
fn bytes() {}

fn main() {}
