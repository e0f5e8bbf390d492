use pm_runtime::worker_query;

#[worker_query(crate = 3)]
//                     ^ `crate` is a path: write `crate = path::to::pm_runtime`
fn number() {}

#[worker_query(crate = "pm-runtime")]
//                     ^^^^^^^^^^^^ `crate` is a path: write `crate = path::to::pm_runtime`
fn name_of_the_package() {}

fn main() {}
