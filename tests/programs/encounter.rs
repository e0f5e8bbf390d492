//! The example of the documentation, as it stands there.

use pm_runtime::worker_query;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EncounterInput {
    pub zone: String,
    pub weather: String,
    pub time_of_day: String,
    pub player_level: u32,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EncounterResult {
    pub pokemon: String,
    pub level: u32,
    pub shiny: bool,
}

/// Rolls one wild encounter.
#[worker_query(workers = 3, timeout = "30s")]
pub fn encounter(input: EncounterInput) -> EncounterResult {
    roll(&input)
}

fn roll(input: &EncounterInput) -> EncounterResult {
    let pokemon = format!("{} {} {}", input.zone, input.weather, input.time_of_day);
    EncounterResult { pokemon, level: input.player_level + 1, shiny: true }
}

#[pm_runtime::main]
async fn main() -> Result<(), pm_runtime::Error> {
    let pool = EncounterPool::new();
    let result: EncounterResult = pool
        .query(EncounterInput {
            zone: "safari".into(),
            weather: "rain".into(),
            time_of_day: "night".into(),
            player_level: 24,
        })
        .await?;
    println!("{result:?}");
    pool.destroy().await;
    Ok(())
}
