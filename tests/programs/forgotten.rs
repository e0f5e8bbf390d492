//! A program that forgot that it has workers.

use pm_runtime::{BootError, QueryError, SpawnError};

#[pm_runtime::worker_query(workers = 2)]
fn double(number: u32) -> u32 {
    number * 2
}

fn main() {
    println!("main runs");
    let pool = DoublePool::new();
    let error = pool.query(2).wait().expect_err("no worker can be started");
    assert_eq!(error, QueryError::Boot(BootError::NotInitialized));
    let error = smol::block_on(pool.spawn(1)).expect_err("no worker can be started");
    assert_eq!(error, SpawnError::Boot(BootError::NotInitialized));
    println!("{error}");
}
