//! The example of the documentation, as it stands there.

use std::time::Duration;

use pm_runtime::{QueryError, worker_query};
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
    EncounterResult {
        pokemon: format!("{}-{}-{}", input.zone, input.weather, input.time_of_day),
        level: input.player_level + 1,
        shiny: input.player_level.is_multiple_of(2),
    }
}

fn input(player_level: u32) -> EncounterInput {
    EncounterInput {
        zone: "safari-forest".into(),
        weather: "rain".into(),
        time_of_day: "night".into(),
        player_level,
    }
}

#[pm_runtime::test]
async fn an_encounter_is_rolled_by_a_worker() -> Result<(), pm_runtime::Error> {
    let pool = EncounterPool::new();
    let result: EncounterResult = pool.query(input(24)).await?;
    assert_eq!(result, encounter(input(24)));
    assert_eq!(result, roll(&input(24)));
    pool.destroy().await;
    assert_eq!(pool.query(input(1)).await, Err(QueryError::Destroyed));
    assert!(pool.health().account.balances());
    Ok(())
}

#[pm_runtime::test]
async fn options_are_set_on_the_builder_too() {
    let builder: EncounterPoolBuilder = EncounterPool::builder();
    let pool = builder.timeout(Duration::from_secs(30)).build();
    assert_eq!(pool.query(input(3)).await, Ok(encounter(input(3))));
    pool.spawn(3).await.unwrap();
    assert_eq!(pool.health().workers.len(), 3);
}

#[pm_runtime::test]
async fn the_same_handle_serves_in_process() {
    let pool = EncounterPool::in_process();
    assert_eq!(pool.query(input(5)).await, Ok(encounter(input(5))));
}
