use pm_runtime::worker_query;

#[worker_query(runtime = "tokio")]
//                       ^^^^^^^ tokio is an optional part of pm-runtime: enable its feature `tokio`, as in `pm-runtime = { version = "..", features = ["tokio"] }`
async fn on_tokio() {}

fn main() {}
