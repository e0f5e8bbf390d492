use pm_runtime::worker_query;

struct Dex;

#[worker_query(init = Dex::load())]
//                    ^^^^^^^^^^^ the worker calls it: leave the parentheses out, and write `init = Dex::load`
impl Dex {
    fn load() -> Self {
        Dex
    }

    fn count(&self) -> u32 {
        151
    }
}

#[worker_query(init = "load")]
//                    ^^^^^^ `init` is the path of a function without arguments: write `init = set_up`
fn in_quotes() {}

#[worker_query(init = 3)]
//                    ^ `init` is the path of a function without arguments: write `init = set_up`
fn number() {}

fn main() {}
