//! The state of every pool, as a health check prints it or sends it to a monitoring system.

use pm_runtime::{Error, Health, QueryError, worker, worker_query};

#[worker_query(workers = 2)]
fn encounter(level: u32) -> u32 {
    worker::message(format!("an encounter of level {level}")).ok();
    assert!(level <= 100, "there is no level {level}");
    level + 1
}

#[worker_query(workers = 1)]
fn statistics(crash: bool) -> u32 {
    if crash {
        std::process::abort();
    }
    151
}

fn health_check() {
    // Those of the whole process, in the order in which they were made.
    for pool in pm_runtime::pools() {
        let health = pool.health();
        let load: usize = health.workers.iter().map(|worker| worker.load).sum();
        println!("{}:", health.name);
        println!(
            "  workers {}, releasing {}, load {load}, queued {}",
            health.workers.len(),
            health.releasing,
            health.queued,
        );
        let account = health.account;
        println!(
            "  submitted {} = completed {} + failed {} + pending {}",
            account.submitted,
            account.completed,
            account.failed,
            account.waiting + account.running,
        );
        match &health.last_crash {
            Some(crash) => println!(
                "  crashes {}, the last by {}",
                health.crashes,
                crash.exit.signal_name().unwrap_or("an exit code"),
            ),
            None => println!("  crashes {}", health.crashes),
        }
        record(&health);
    }
}

/// Stands for a monitoring system: all that is known, as JSON.
fn record(health: &Health) {
    match serde_json::to_string(health) {
        Ok(json) => eprintln!("{json}"),
        Err(error) => eprintln!("{error}"),
    }
}

#[pm_runtime::main]
async fn main() -> Result<(), Error> {
    let (encounters, statistics) = (EncounterPool::new(), StatisticsPool::new());
    encounters.on_message(|worker, text| eprintln!("[DEBUG] worker {}: {text}", worker.id()));
    health_check();

    for level in [1, 50, 100] {
        encounters.query(level).await?;
    }
    println!("a level too high: {}", failure(encounters.query(101).await));
    println!("statistics that crash: {}", failure(statistics.query(true).await));
    println!("statistics after that: {}", statistics.query(false).await?);
    health_check();
    Ok(())
}

fn failure(result: Result<u32, QueryError>) -> &'static str {
    match result {
        Ok(_) => "none",
        Err(QueryError::Panicked(_)) => "it panicked, and its worker serves on",
        Err(QueryError::Crashed(_)) => "its worker is replaced",
        Err(_) => "another",
    }
}
