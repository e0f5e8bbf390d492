//! All pools of the process: what each of them is at, and their end.

use pm_runtime::{Error, pools, shutdown, worker_query};

#[worker_query(workers = 3)]
fn encounter(level: u32) -> u32 {
    level + 1
}

#[worker_query(workers = 1)]
fn statistics(levels: &[u32]) -> u32 {
    levels.iter().sum()
}

fn print_pools() {
    println!("active pools: {}", pools().len());
    for pool in pools() {
        let health = pool.health();
        println!(
            "{}: {} workers, {} releasing, {} answered, {}",
            health.name,
            health.workers.len(),
            health.releasing,
            health.account.completed,
            if health.crashes == 0 { "well" } else { "has crashed" },
        );
    }
}

#[pm_runtime::main]
async fn main() -> Result<(), Error> {
    // Nobody keeps a list of them: a pool is known from where it is made until it is destroyed.
    let (encounters, statistics) = (EncounterPool::new(), StatisticsPool::new());
    encounters.start().await?;
    let levels = [encounters.query(24).await?, encounters.query(49).await?];
    println!("sum of the levels: {}", statistics.query(&levels).await?);
    print_pools();

    shutdown().await;
    println!("all pools are shut down");
    print_pools();
    Ok(())
}
