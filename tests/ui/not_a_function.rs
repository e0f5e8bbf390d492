use pm_runtime::worker_query;

#[worker_query]
struct Query;
//<^^^^^^ `#[worker_query]` stands above a `fn` with a body, or above the `impl` block of a service: move it there

#[worker_query]
enum Kind {}
//<^^^^ `#[worker_query]` stands above a `fn` with a body, or above the `impl` block of a service: move it there

#[worker_query]
trait Dex {
//<^^^^^ `#[worker_query]` stands above a `fn` with a body, or above the `impl` block of a service: move it there
    fn lookup(&self);
}

#[worker_query]
mod queries {}
//<^^^ `#[worker_query]` stands above a `fn` with a body, or above the `impl` block of a service: move it there

#[worker_query]
const QUERY: fn() = main;
//<^^^^^ `#[worker_query]` stands above a `fn` with a body, or above the `impl` block of a service: move it there

trait Lookup {
    #[worker_query]
    fn lookup(name: String) -> u32;
//  ^^ `#[worker_query]` stands above a `fn` with a body, or above the `impl` block of a service: move it there
}

#[pm_runtime::test]
mod tests {}
//<^^^ `#[pm_runtime::test]` stands above a `fn` with a body: move it there

fn main() {}
