//! An application with one worker, and nothing to do.

use std::io::Read;

use pm_runtime::worker_query;

#[worker_query(workers = 1)]
fn add(a: u64, b: u64) -> u64 {
    a + b
}

#[pm_runtime::main]
fn main() -> Result<(), pm_runtime::Error> {
    let pool = AddPool::new();
    pool.query(1, 2).wait()?;
    println!("idle");
    // Until whoever measures has seen enough.
    let _ = std::io::stdin().read(&mut [0]);
    Ok(())
}
