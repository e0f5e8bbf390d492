use pm_runtime::worker_query;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Parsed<'a> {
    name: &'a str,
}

#[worker_query]
fn parse(text: &str) -> Parsed<'_> {
//                             ^^ an answer comes from another process and cannot be borrowed: return a type that owns its fields, such as a `String` for a `&str`
    Parsed { name: text }
}

fn main() {}
