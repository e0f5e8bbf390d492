use pm_runtime::worker_query;

struct Dex;

fn number() -> u32 {
    3
}

#[worker_query(init = number)]
//                    ^^^^^^ `init` has to return `Dex`, a `Result<Dex, E>` whose `E` is `Display`, or a future of either
impl Dex {
    fn count(&self) -> u32 {
        151
    }
}

fn with_argument(_: u32) {}

#[worker_query(init = with_argument)]
//                    ^^^^^^^^^^^^^ `init` has to return `()`, a `Result<(), E>` whose `E` is `Display`, or a future of either
fn after() {}

fn main() {}
