//! Two pools of which each recovers in its own way: without encounters there are simple ones,
//! without statistics none are collected for a while.

use pm_runtime::{CrashReport, Error, Pool, worker, worker_query};
use smol::channel::{Receiver, unbounded};
use smol::future;

#[worker_query(workers = 2, timeout = "30s")]
fn generate_encounter(zone: &str) -> String {
    worker::debug(format!("generating an encounter in {zone}"));
    worker::message(format!("somebody is in {zone}")).ok();
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
#[derive(Clone, Copy)]
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
        let watch = |pool: &Pool, recovery| {
            let sender = sender.clone();
            pool.on_crash(move |report| {
                print(report);
                sender.try_send(recovery).ok();
            });
        };
        let (encounters, statistics) = (GenerateEncounterPool::new(), CountEncountersPool::new());
        watch(&encounters, Recovery::FallBackToSimpleEncounters);
        watch(&statistics, Recovery::PauseStatistics);
        encounters.on_message(|worker, text| eprintln!("[worker {}] {text}", worker.id()));
        Self { encounters, statistics, recoveries }
    }

    async fn recover(&self) {
        match self.recoveries.recv().await {
            Ok(Recovery::FallBackToSimpleEncounters) => println!("falling back to Rattata"),
            Ok(Recovery::PauseStatistics) => println!("no statistics for a while"),
            Err(_) => println!("both pools are gone"),
        }
    }

    fn health_check(&self) {
        let pools: [&Pool; 2] = [&self.encounters, &self.statistics];
        for health in pools.map(Pool::health) {
            let load: usize = health.workers.iter().map(|worker| worker.load).sum();
            println!(
                "{}: workers {}, releasing {}, load {load}, crashes {}, restarts {}",
                health.name,
                health.workers.len(),
                health.releasing,
                health.crashes,
                health.restarts,
            );
        }
    }

    async fn shut_down(&self) {
        future::zip(self.encounters.destroy(), self.statistics.destroy()).await;
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
    // Each has its two workers, or waits here until the lost one is replaced.
    future::try_zip(zone.encounters.spawn(2), zone.statistics.spawn(2)).await?;
    zone.health_check();
    zone.shut_down().await;
    Ok(())
}
