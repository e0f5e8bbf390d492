use pm_runtime::worker_query;

struct Dex;

impl Dex {
    #[worker_query]
    fn lookup(&self, name: &str) -> u32 {
//            ^^^^^ a query on a free function has no `self`: take the value as an argument, such as `state: State`, or put `#[worker_query]` on the `impl` block
        name.len() as u32
    }
}

impl Dex {
    #[worker_query]
    fn made(level: u32) -> Result<Self, String> {
//                                ^^^^ a query on a free function has no `Self`: write the type's name, or put `#[worker_query]` on the `impl` block
        Err(level.to_string())
    }

    #[worker_query]
    fn compare(this: &Self, other: Vec<Self>) -> bool {
//                    ^^^^ a query on a free function has no `Self`: write the type's name, or put `#[worker_query]` on the `impl` block
//                                     ^^^^ a query on a free function has no `Self`: write the type's name, or put `#[worker_query]` on the `impl` block
        other.len() as u32 == this.lookup("")
    }
}

#[worker_query]
fn outside(self, name: &str) {}
//         ^^^^ `self` parameter is only allowed in associated functions
//         ^^^^ a query on a free function has no `self`: take the value as an argument, such as `state: State`, or put `#[worker_query]` on the `impl` block

fn main() {}
