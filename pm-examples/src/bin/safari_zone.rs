//! A processor with two pools: encounters, of which there are many, and statistics, which are heavy.

use std::time::Duration;

use pm_runtime::{Error, QueryError, worker_query};
use serde::{Deserialize, Serialize};
use smol::future;

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Encounter {
    pokemon: String,
    level: u32,
}

#[derive(Debug, Serialize, Deserialize)]
struct Statistics {
    count: usize,
    mean_level: f64,
}

#[worker_query(timeout = "10s")]
fn encounter(zone: &str, weather: &str, player_level: u32) -> Encounter {
    let rates = match zone {
        "safari-forest" => [6, 3, 1],
        "safari-lake" => [2, 5, 3],
        unknown => panic!("there is no zone {unknown}"),
    };
    let pokemon = ["Nidoran", "Goldeen", "Dratini"];
    let modifier = if weather == "rain" { [1, 3, 2] } else { [1, 1, 1] };
    let (_, likely) =
        (0..3).map(|i| (rates[i] * modifier[i], pokemon[i])).max().unwrap_or_default();
    Encounter { pokemon: likely.into(), level: player_level + rates[0] }
}

#[worker_query(timeout = "1min")]
fn statistics(encounters: &[Encounter]) -> Statistics {
    let sum: u32 = encounters.iter().map(|encounter| encounter.level).sum();
    let count = encounters.len();
    Statistics { count, mean_level: f64::from(sum) / count as f64 }
}

struct SafariZone {
    encounters: EncounterPool,
    statistics: StatisticsPool,
}

impl SafariZone {
    fn new() -> Self {
        Self {
            encounters: EncounterPool::builder().workers(4).build(),
            statistics: StatisticsPool::builder().workers(2).build(),
        }
    }

    /// Whatever happens to the query, the player meets something.
    async fn encounter(&self, zone: &str, weather: &str, level: u32) -> Encounter {
        match self.encounters.query(zone, weather, level).await {
            Ok(encounter) => encounter,
            Err(error) => {
                let reason = match &error {
                    QueryError::Panicked(report) => report.message().to_owned(),
                    error => error.to_string(),
                };
                println!("encounter calculation failed: {reason}");
                Encounter { pokemon: "Rattata".into(), level: 2 }
            }
        }
    }

    /// A worker of its own for one heavy query, gone afterwards.
    async fn special_encounter(&self, zone: &str) -> Result<Encounter, QueryError> {
        self.encounters.query_temporary(zone, "rain", 100).timeout(Duration::from_secs(60)).await
    }

    async fn shut_down(&self) {
        future::zip(self.encounters.destroy(), self.statistics.destroy()).await;
    }
}

#[pm_runtime::main]
async fn main() -> Result<(), Error> {
    let zone = SafariZone::new();
    let mut met = Vec::new();
    for (place, weather) in [
        ("safari-forest", "sun"),
        ("safari-forest", "rain"),
        ("safari-lake", "rain"),
        ("glitch", ""),
    ] {
        let encounter = zone.encounter(place, weather, 25).await;
        println!("{} (level {})", encounter.pokemon, encounter.level);
        met.push(encounter);
    }
    let special = zone.special_encounter("safari-lake").await?;
    println!("special: {} (level {})", special.pokemon, special.level);

    let Statistics { count, mean_level } = zone.statistics.query(&met).await?;
    println!("{count} encounters, mean level {mean_level}");
    zone.shut_down().await;
    Ok(())
}
