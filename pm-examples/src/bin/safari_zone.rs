//! A processor with two pools: encounters, of which there are many, and statistics, which are heavy.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use pm_runtime::{Error, QueryError, worker_query};
use serde::{Deserialize, Serialize};
use smol::future;

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Encounter {
    pokemon: String,
    level: u32,
    shiny: bool,
    rarity: Rarity,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
enum Rarity {
    Common,
    Uncommon,
    Rare,
}

#[derive(Debug, Serialize, Deserialize)]
struct Statistics {
    count: usize,
    mean_level: f64,
}

#[worker_query(timeout = "10s")]
fn encounter(zone: &str, weather: &str, time_of_day: &str, player_level: u32) -> Encounter {
    let base = match zone {
        "safari-forest" => [6, 3, 1],
        "safari-lake" => [2, 5, 3],
        unknown => panic!("there is no zone {unknown}"),
    };
    let weather = if weather == "rain" { [1, 3, 2] } else { [1, 1, 1] };
    let time = if time_of_day == "night" { [1, 1, 4] } else { [2, 2, 1] };
    let found =
        [("Nidoran", Rarity::Common), ("Goldeen", Rarity::Uncommon), ("Dratini", Rarity::Rare)];
    let rates = (0..3).map(|i| base[i] * weather[i] * time[i]);
    let (pokemon, rarity) =
        found[rates.enumerate().max_by_key(|&(_, rate)| rate).unwrap_or_default().0];
    Encounter {
        pokemon: pokemon.into(),
        level: player_level + base[0],
        shiny: is_shiny(zone, player_level),
        rarity,
    }
}

/// One in a thousand is.
fn is_shiny(zone: &str, player_level: u32) -> bool {
    let mut hasher = DefaultHasher::new();
    (zone, player_level).hash(&mut hasher);
    hasher.finish().is_multiple_of(1000)
}

#[worker_query(timeout = "1min")]
fn statistics(encounters: &[Encounter]) -> Statistics {
    let sum: u32 = encounters.iter().map(|encounter| encounter.level).sum();
    let count = encounters.len();
    Statistics { count, mean_level: f64::from(sum) / count as f64 }
}

impl fmt::Display for Encounter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pokemon, level, shiny, rarity } = self;
        let shiny = if *shiny { "shiny " } else { "" };
        write!(f, "{shiny}{pokemon} (level {level}, {rarity:?})")
    }
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
    async fn encounter(&self, zone: &str, weather: &str, time: &str, level: u32) -> Encounter {
        match self.encounters.query(zone, weather, time, level).await {
            Ok(encounter) => encounter,
            Err(error) => {
                let reason = match &error {
                    QueryError::Panicked(report) => report.message().to_owned(),
                    error => error.to_string(),
                };
                println!("encounter calculation failed: {reason}");
                let (shiny, rarity) = (false, Rarity::Common);
                Encounter { pokemon: "Rattata".into(), level: 2, shiny, rarity }
            }
        }
    }

    /// A worker of its own for one heavy query, gone afterwards; a process, even in a session in
    /// which [`set_disabled`](pm_runtime::set_disabled) makes threads of workers.
    async fn special_encounter(&self, zone: &str) -> Result<Encounter, QueryError> {
        let query = self.encounters.query_temporary(zone, "rain", "night", 100);
        query.timeout(Duration::from_secs(60)).force().await
    }

    async fn shut_down(&self) {
        future::zip(self.encounters.destroy(), self.statistics.destroy()).await;
    }
}

#[pm_runtime::main]
async fn main() -> Result<(), Error> {
    let zone = SafariZone::new();
    let mut met = Vec::new();
    for (place, weather, time) in [
        ("safari-forest", "sun", "day"),
        ("safari-forest", "rain", "day"),
        ("safari-lake", "rain", "night"),
        ("glitch", "", ""),
    ] {
        let encounter = zone.encounter(place, weather, time, 25).await;
        println!("{encounter}");
        met.push(encounter);
    }
    println!("special: {}", zone.special_encounter("safari-lake").await?);

    let Statistics { count, mean_level } = zone.statistics.query(&met).await?;
    println!("{count} encounters, mean level {mean_level}");
    zone.shut_down().await;
    Ok(())
}
