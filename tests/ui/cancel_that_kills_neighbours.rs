use pm_runtime::worker_query;

#[worker_query(cancel = "kill", concurrency = 2)]
//                                            ^ where a cancelled query is killed with its worker, none can run beside it: write `concurrency = 1`, or `cancel = "detach"`
fn together() {}

fn main() {}
