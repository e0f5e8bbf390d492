use pm_runtime::worker_query;

#[worker_query]
#[worker_query(workers = 3)]
//<^^^^^^^^^^^^^^^^^^^^^^^^^^^^ `#[worker_query]` cannot stand beside `#[worker_query]`: keep one of them
fn twice() {}

#[pm_runtime::test]
#[worker_query]
//<^^^^^^^^^^^^^^^ `#[worker_query]` cannot stand beside `#[pm_runtime::test]`: keep one of them
fn test() {}

#[pm_runtime::main]
#[worker_query]
//<^^^^^^^^^^^^^^^ `#[worker_query]` cannot stand beside `#[pm_runtime::main]`: keep one of them
fn main() {}
