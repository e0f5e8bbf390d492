use pm_runtime::worker_query;

#[worker_query]
unsafe fn dangerous() {}
//<^^^^^^ a pool cannot promise what an `unsafe fn` asks of its callers: remove `unsafe`, or call it from a safe function

#[worker_query]
const fn constant() {}
//<^^^^^ a query runs in another process: remove `const`

#[worker_query]
extern "C" fn foreign() {}
//<^^^^^^^^^^ a query is a Rust function: remove the `extern`

#[worker_query]
fn variadic(x: u8, ...) {}
//                 ^^^ a query has a fixed number of arguments: take a `Vec<T>`

fn main() {}
