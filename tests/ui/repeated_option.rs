use pm_runtime::worker_query;

#[worker_query(workers = 3, timeout = "30s", workers = 4)]
//                                           ^^^^^^^ `workers` is given twice: keep one of them
fn twice() {}

fn main() {}
