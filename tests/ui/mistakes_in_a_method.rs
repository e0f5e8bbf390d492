use pm_runtime::worker_query;

#[derive(Default)]
struct Dex;

#[worker_query]
impl Dex {
    fn generic<T>(&self, x: T) {}
//             ^ a query cannot be generic, because the worker must know the type: write a concrete one, and a query for each that you need

    fn by_mutable_reference(&self, other: &mut Self) {}
//                                        ^^^^^^^^^ the worker gets a copy, so nothing would come back through `&mut`: take `Self` and return the new value

    fn borrowed(&self) -> &Self {
//                        ^^^^^ an answer comes from another process and cannot be borrowed: return `Self`
        self
    }

    unsafe fn dangerous(&self) {}
//  ^^^^^^ a pool cannot promise what an `unsafe fn` asks of its callers: remove `unsafe`, or call it from a safe function
}

fn main() {}
