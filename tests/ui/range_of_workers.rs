use pm_runtime::worker_query;

#[worker_query(workers = 1..=8)]
//                       ^^^^^ autoscaling is not there yet: write one number, such as `workers = 8`
fn scaled() {}

#[worker_query(workers = 2..)]
//                       ^^^ autoscaling is not there yet: write one number, such as `workers = 4`
fn endless() {}

fn main() {}
