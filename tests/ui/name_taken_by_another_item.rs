use pm_runtime::worker_query;

pub struct RollPool;

#[worker_query]
//<^^^^^^^^^^^^^^^ the name `RollPool` is defined multiple times
fn roll() {}

fn main() {}
