use pm_runtime::worker_query;

#[worker_query(workers = 0, timout = "3s", grace = "3")]
//                       ^ `workers` cannot be zero: write `workers = 4`
//                          ^^^^^^ unknown option `timout`: did you mean `timeout`? the options are workers, timeout,
//                                                 ^^^ `3` has no unit: write "3s", "3ms" or "3min"
const fn all<T>(&self, (x, y): (u8, u8), z: &mut T) -> &T {
//<^^^^^ a query runs in another process: remove `const`
//           ^ a query cannot be generic, because the worker must know the type: write a concrete one, and a query for each that you need
//              ^^^^^ `self` parameter is only allowed in associated functions
//              ^^^^^ a query on a free function has no `self`: take the value as an argument, such as `state: State`, or put `#[worker_query]` on the `impl` block
//                     ^^^^^^ an argument of a query needs a plain name: take it apart in the body
//                                          ^^^^^^ the worker gets a copy, so nothing would come back through `&mut`: take `T` and return the new value
//                                                     ^^ an answer comes from another process and cannot be borrowed: return `T`
    z
}

fn main() {
    // What uses the pool makes no further mistakes of its own.
    let pool = AllPool::new();
    let _ = pool.query((1, 2), &mut 3);
}
