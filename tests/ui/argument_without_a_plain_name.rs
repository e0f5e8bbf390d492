use pm_runtime::worker_query;

#[worker_query]
fn pair((x, y): (u8, u8)) {}
//      ^^^^^^ an argument of a query needs a plain name: take it apart in the body

#[worker_query]
fn ignored(_: u8) {}
//         ^ an argument of a query needs a plain name: write one, such as `_unused`

#[worker_query]
fn by_reference(ref x: u8) {}
//              ^^^^^ an argument of a query needs a plain name: leave `ref` out

fn main() {}
