use pm_runtime::worker_query;

#[worker_query(workers)]
//             ^^^^^^^ `workers` takes its value after `=`: write `workers = 4`
fn word() {}

#[worker_query(workers = )]
//                     ^ `workers` has no value: write `workers = 4`
fn nothing() {}

#[worker_query(workers = , timeout = "30s")]
//                     ^ `workers` has no value: write `workers = 4`
fn nothing_before_another() {}

#[worker_query(workers(4))]
//             ^^^^^^^ `workers` takes its value after `=`: write `workers = 4`
fn in_parentheses() {}

#[worker_query(workers: 4)]
//             ^^^^^^^ `workers` takes its value after `=`: write `workers = 4`
fn behind_a_colon() {}

fn main() {}
