//! A program that tells all of its pools what to do.

use pm_runtime::{Error, Pool, QueryError, worker_query};

#[worker_query(workers = 1)]
fn pid() -> u32 {
    std::process::id()
}

#[pm_runtime::main]
async fn main() -> Result<(), Error> {
    pm_runtime::shutdown_on_signals().expect("signals can be had"); // returns at once
    let here = std::process::id();

    pm_runtime::set_disabled(true);
    let disabled = PidPool::new();
    assert_eq!(disabled.query().await?, here);
    let forced = PidPool::builder().force().build();
    assert_ne!(forced.query().await?, here);
    let spawned = PidPool::new();
    spawned.spawn(1).force().await?;
    assert_ne!(spawned.query().await?, here);
    assert_ne!(PidPool::new().query().force().await?, here);
    pm_runtime::set_disabled(false);

    let pools: Vec<Pool> = pm_runtime::pools();
    let names: Vec<&str> = pools.iter().map(|pool| pool.name()).collect();
    println!("{}", names.join(", "));

    pm_runtime::shutdown().await;
    for pool in [disabled, forced, spawned] {
        assert_eq!(pool.query().await, Err(QueryError::Destroyed));
    }
    println!("all are destroyed");
    Ok(())
}
