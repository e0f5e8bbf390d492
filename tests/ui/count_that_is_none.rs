use pm_runtime::worker_query;

#[worker_query(workers = "3")]
//                       ^^^ `workers` is a whole number: write `workers = 4`
fn in_quotes() {}

#[worker_query(workers = -1)]
//                       ^^ `workers` cannot be negative: write `workers = 4`
fn negative() {}

#[worker_query(workers = 1.5)]
//                       ^^^ `workers` is a whole number: write `workers = 4`
fn fraction() {}

#[worker_query(workers = 3u8)]
//                       ^^^ `workers` is a `usize`: write `3`
fn narrow() {}

#[worker_query(max_crashes = 99999999999)]
//                           ^^^^^^^^^^^ `max_crashes` is a `u32`, which this number does not fit
fn huge() {}

#[worker_query(queue = [3])]
//                     ^^^ `queue` is a whole number: write `queue = 1024`
fn list() {}

#[worker_query(queue = 1..2)]
//                     ^^^^ `queue` is not a range: write `queue = 1024`
fn range() {}

fn main() {}
