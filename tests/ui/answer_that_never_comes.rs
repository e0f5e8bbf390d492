use pm_runtime::worker_query;

#[worker_query]
fn endless() -> ! {
//              ^ a query returns an answer: write `()`, or leave the type out
    loop {}
}

fn main() {}
