use pm_runtime::worker_query;

#[worker_query]
fn sometimes(#[cfg(unix)] x: u8) {}
//           ^^^^^^^^^^^^ an argument of a query cannot depend on a condition: write the whole function twice

fn main() {}
