use pm_runtime::worker_query;

#[worker_query(program = 3)]
//                       ^ `program` is the path of a program: write `program = "/usr/bin/worker"`
fn number() {}

#[worker_query(program = "")]
//                       ^^ `program` is the path of a program: write `program = "/usr/bin/worker"`
fn nothing() {}

fn main() {}
