use pm_runtime::worker_query;

#[derive(Default)]
struct Dex;

#[worker_query]
impl Dex {
    #[worker_query]
//  ^^^^^^^^^^^^^^^ `#[worker_query]` cannot stand beside `#[worker_query]`: keep one of them
    fn lookup(&self) {}
}

fn main() {}
