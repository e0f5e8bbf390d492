//! A program that does by hand what the attribute does.

#[pm_runtime::worker_query(workers = 2)]
async fn double(number: u32) -> u32 {
    smol::future::yield_now().await;
    number * 2
}

fn main() {
    pm_runtime::init();
    println!("main runs");
    // Once more does no harm.
    pm_runtime::init();
    let answer = smol::block_on(DoublePool::new().query(2)).expect("it is answered");
    println!("{answer}");
}
