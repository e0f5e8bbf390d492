use pm_runtime::worker_query;

#[worker_query(workers = 0)]
//                       ^ `workers` cannot be zero: write `workers = 4`
fn nobody() {}

#[worker_query(timeout = "0s")]
//                       ^^^^ `timeout` cannot be zero: write `timeout = "30s"`, or "none" for no limit
fn no_time() {}

#[worker_query(boot_timeout = "0s")]
//                            ^^^^ `boot_timeout` cannot be zero: write `boot_timeout = "10s"`, or "none" for no limit
fn no_start() {}

#[worker_query(max_frame = "0B")]
//                         ^^^^ `max_frame` cannot be zero: write `max_frame = "64MiB"`
fn no_room() {}

#[worker_query(max_frame = 0)]
//                         ^ `max_frame` cannot be zero: write `max_frame = "64MiB"`
fn no_room_either() {}

fn main() {}
