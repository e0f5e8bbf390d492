use pm_runtime::worker_query;

#[derive(Default)]
struct Dex;

#[worker_query]
impl Dex {
//<^^^^ a service has at least one method with `&self` or `&mut self`, which is a query: add one, or put `#[worker_query]` on a free `fn`
    fn helper() {}
}

#[derive(Default)]
struct Other;

#[worker_query]
unsafe impl Other {
//<^^^^^^ a service promises nothing that is unsafe: remove `unsafe`
//          ^^^^^ inherent impls cannot be unsafe
    fn count(&self) -> u32 {
        0
    }
}

trait Count {}

#[worker_query]
impl dyn Count {
//   ^^^^^^^^^ a service is a type with a name: wrap `dyn Count` in a `struct`
    fn count(&self) -> u32 {
        0
    }
}

fn main() {}
