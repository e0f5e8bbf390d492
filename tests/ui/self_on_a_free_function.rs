use pm_runtime::worker_query;

struct Dex;

impl Dex {
    #[worker_query]
    fn lookup(&self, name: &str) -> u32 {
//            ^^^^^ a query on a free function has no `self`: take the value as an argument, such as `state: State`, or put `#[worker_query]` on the `impl` block
        name.len() as u32
    }
}

#[worker_query]
fn outside(self, name: &str) {}
//         ^^^^ a query on a free function has no `self`: take the value as an argument, such as `state: State`, or put `#[worker_query]` on the `impl` block

fn main() {}
