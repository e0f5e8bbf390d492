use pm_runtime::worker_query;

#[worker_query(4)]
//             ^ an option is a name and a value, such as `timeout = "30s"`
fn number() {}

#[worker_query("workers" = 4)]
//             ^^^^^^^^^ an option is a name and a value, such as `timeout = "30s"`
fn in_quotes() {}

fn main() {}
