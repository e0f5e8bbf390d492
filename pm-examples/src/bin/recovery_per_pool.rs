//! Two pools of which each recovers in its own way: without encounters there are simple ones,
//! without statistics none are collected for a while.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::StreamExt;
use pm_runtime::{Error, Event, Pool, worker_query};

#[worker_query(workers = 2, timeout = "30s")]
fn generate_encounter(zone: &str) -> String {
    if zone == "glitch" {
        std::process::abort();
    }
    format!("Dratini of {zone}")
}

#[worker_query(workers = 2, timeout = "30s")]
fn count_encounters(encounters: &[String]) -> usize {
    if encounters.iter().any(|encounter| encounter == "Missingno") {
        std::process::abort();
    }
    encounters.len()
}

/// Runs what a manager does about a crash, at the first one.
fn recover(pool: &Pool, recovery: impl FnOnce() + Send + 'static) -> smol::Task<()> {
    let mut events = pool.events();
    smol::spawn(async move {
        while let Some(event) = events.next().await {
            if let Event::Crashed(report) = event {
                println!("a worker of {} crashed", report.pool);
                return recovery();
            }
        }
    })
}

#[pm_runtime::main]
async fn main() -> Result<(), Error> {
    let encounters = GenerateEncounterPool::new();
    let statistics = CountEncountersPool::new();

    let simple = Arc::new(AtomicBool::new(false));
    let fall_back = recover(&encounters, {
        let simple = simple.clone();
        move || simple.store(true, Ordering::Relaxed)
    });
    let paused = Arc::new(AtomicBool::new(false));
    let pause = recover(&statistics, {
        let paused = paused.clone();
        move || paused.store(true, Ordering::Relaxed)
    });

    println!("{}", encounters.query("safari-lake").await?);
    let failed = encounters.query("glitch").await.is_err();
    fall_back.await;
    println!("failed: {failed}, simple encounters: {}", simple.load(Ordering::Relaxed));
    // The pool itself has recovered, too: another worker answers.
    println!("{}", encounters.query("safari-forest").await?);

    let failed = statistics.query(&["Missingno".into()]).await.is_err();
    pause.await;
    println!("failed: {failed}, statistics paused: {}", paused.load(Ordering::Relaxed));
    println!("{} encounters", statistics.query(&["Dratini".into()]).await?);

    for pool in [&*encounters, &*statistics] {
        println!("{}: {} crashes", pool.name(), pool.health().crashes);
    }
    Ok(())
}
