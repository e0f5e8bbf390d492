//! Two pools of which each recovers in its own way: without encounters there are simple ones,
//! without statistics none are collected for a while.

use pm_runtime::{CrashReport, Error, Pool, worker, worker_query};
use smol::channel::{Receiver, unbounded};

#[worker_query(workers = 2, timeout = "30s")]
fn generate_encounter(zone: &str) -> String {
    worker::debug(format!("generating an encounter in {zone}"));
    if zone == "glitch" {
        std::process::abort();
    }
    format!("Dratini of {zone}")
}

#[worker_query(workers = 2, timeout = "30s")]
fn count_encounters(encounters: &[String]) -> usize {
    worker::debug(format!("counting {encounters:?}"));
    if encounters.iter().any(|encounter| encounter == "Missingno") {
        std::process::abort();
    }
    encounters.len()
}

/// What is to be done about a crash.
enum Recovery {
    FallBackToSimpleEncounters,
    PauseStatistics,
}

struct SafariZone {
    encounters: GenerateEncounterPool,
    statistics: CountEncountersPool,
    recoveries: Receiver<Recovery>,
}

impl SafariZone {
    fn new() -> Self {
        let (sender, recoveries) = unbounded();
        let encounters = GenerateEncounterPool::new();
        encounters.on_crash({
            let sender = sender.clone();
            move |report| {
                print(report);
                sender.try_send(Recovery::FallBackToSimpleEncounters).ok();
            }
        });
        let statistics = CountEncountersPool::new();
        statistics.on_crash(move |report| {
            print(report);
            sender.try_send(Recovery::PauseStatistics).ok();
        });
        Self { encounters, statistics, recoveries }
    }

    async fn recover(&self) {
        match self.recoveries.recv().await {
            Ok(Recovery::FallBackToSimpleEncounters) => println!("falling back to Rattata"),
            Ok(Recovery::PauseStatistics) => println!("no statistics for a while"),
            Err(_) => println!("both pools are gone"),
        }
    }
}

fn print(report: &CrashReport) {
    let debug = report.debug.as_deref().unwrap_or("nothing");
    println!("a worker of {} crashed; it said: {debug}", report.pool);
}

#[pm_runtime::main]
async fn main() -> Result<(), Error> {
    let zone = SafariZone::new();

    println!("{}", zone.encounters.query("safari-lake").await?);
    if zone.encounters.query("glitch").await.is_err() {
        zone.recover().await;
    }
    if zone.statistics.query(&["Missingno".into()]).await.is_err() {
        zone.recover().await;
    }

    // The pools have recovered by themselves, too: other workers answer.
    println!("{}", zone.encounters.query("safari-forest").await?);
    println!("encounters: {}", zone.statistics.query(&["Dratini".into()]).await?);
    let pools: [&Pool; 2] = [&zone.encounters, &zone.statistics];
    for pool in pools {
        println!("crashes of {}: {}", pool.name(), pool.health().crashes);
    }
    Ok(())
}
