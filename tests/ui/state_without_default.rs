use pm_runtime::worker_query;

struct Dex;

#[worker_query]
impl Dex {
//   ^^^ the trait bound `Dex: Default`
    fn count(&self) -> u32 {
        151
    }
}

fn main() {}
