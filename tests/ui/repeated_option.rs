use pm_runtime::worker_query;

#[worker_query(workers = 3, timeout = "30s", workers = 4)]
//                                           ^^^^^^^ `workers` is given twice: keep one of them
fn twice() {}

#[worker_query(env(MODE = "calm"), env(LEVEL = "3"))]
//                                 ^^^ `env` is given twice: put all variables into one
fn lists() {}

fn main() {}
