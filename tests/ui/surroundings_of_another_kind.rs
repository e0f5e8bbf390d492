use pm_runtime::worker_query;

#[worker_query(clear_env = "yes")]
//                         ^^^^^ `clear_env` is true or false: write `clear_env = true`
fn query_0() {}

#[worker_query(core_dumps = 0)]
//                          ^ `core_dumps` is true or false
fn query_1() {}

#[worker_query(cwd = 3)]
//                   ^ `cwd` is the path of a folder: write `cwd = "/var/lib/safari"`
fn query_2() {}

#[worker_query(nice = 20)]
//                    ^^ `nice` is a whole number from -20 (served first) to 19 (served last)
fn query_3() {}

#[worker_query(nice = -21)]
//                    ^^^ `nice` is a whole number from -20
fn query_4() {}

#[worker_query(stdio = "pipe")]
//                     ^^^^^^ `stdio` is "inherit" or "null" or "capture"
fn query_5() {}

fn main() {}
