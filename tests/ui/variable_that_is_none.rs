use pm_runtime::worker_query;

#[worker_query(env = "A=B")]
//             ^^^ `env` takes its variables in parentheses: write `env(SAFARI_MODE = "calm")`
fn query_0() {}

#[worker_query(env())]
//             ^^^ `env` has no variable
fn query_1() {}

#[worker_query(env(LEVEL = 3))]
//                         ^ `LEVEL` is text: write `LEVEL = "3"`
fn query_2() {}

#[worker_query(env(SAFARI-MODE = "calm"))]
//                 ^^^^^^ a name that is no identifier stands in quotes
fn query_3() {}

#[worker_query(env("A=B" = ""))]
//                 ^^^^^ cannot be the name of a variable
fn query_4() {}

#[worker_query(env(MODE = "calm", MODE = "loud"))]
//                                ^^^^ `MODE` is given twice: keep one of them
fn query_5() {}

#[worker_query(env(MODE = 3 + 4))]
//                        ^^^^^ AsRef<OsStr>
fn query_6() {}

fn main() {}
