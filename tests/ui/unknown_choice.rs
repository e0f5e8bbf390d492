use pm_runtime::worker_query;

#[worker_query(cancel = "stop")]
//                      ^^^^^^ `cancel` is "detach" or "kill": write `cancel = "kill"`
fn unheard_of() {}

#[worker_query(runtime = "async-std")]
//                       ^^^^^^^^^^^ `runtime` is "smol" or "tokio": write `runtime = "smol"`
fn another_runtime() {}

#[worker_query(cancel = kill)]
//                      ^^^^ `cancel` is "detach" or "kill": write `cancel = "kill"`
fn without_quotes() {}

fn main() {}
