//! A program whose `main` has the attribute below that of another executor.

#[pm_runtime::worker_query(workers = 2)]
fn double(number: u32) -> u32 {
    number * 2
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
#[pm_runtime::main]
async fn main() {
    println!("main runs");
    let call = tokio::spawn(DoublePool::new().query(2));
    println!("{}", call.await.expect("the executor runs").expect("it is answered"));
}
