use pm_runtime::{Retry, worker_query};

#[worker_query]
fn double(n: u32) -> u32 {
    2 * n
}

#[worker_query]
fn fetch(page: &str) -> Result<u32, String> {
    page.parse().map_err(|_| page.into())
}

fn main() {
    let _ = DoublePool::new().retry(Retry::<String>::times(3));
//                            ^^^^^ the function of `DoublePool` does not return `Result<_, _>`, which this policy is for
    let _ = FetchPool::new().retry(Retry::<u32>::times(3));
//                                 ^^^^^^^^^^^^^^^^^^^^^^ expected `Retry<String>`
}
