//! A calculator of wild encounters, with three workers and a time limit.

use std::fmt;

use pm_runtime::worker_query;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Serialize, Deserialize)]
struct EncounterInput {
    zone: String,
    weather: String,
    time_of_day: String,
    player_level: u32,
}

#[derive(Debug, Serialize, Deserialize)]
struct EncounterResult {
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
    Legendary,
}

const SAFARI: [(&str, Rarity, u64); 4] = [
    ("Nidoran", Rarity::Common, 60),
    ("Scyther", Rarity::Uncommon, 25),
    ("Chansey", Rarity::Rare, 12),
    ("Moltres", Rarity::Legendary, 3),
];

/// Calculates an encounter in a separate process.
#[worker_query(workers = 3, timeout = "30s")]
fn encounter(input: EncounterInput) -> EncounterResult {
    let luck = luck(&input);
    let mut weight = luck % 100;
    let found = SAFARI.iter().find(|(_, _, share)| {
        let found = weight < *share;
        weight = weight.saturating_sub(*share);
        found
    });
    let (pokemon, rarity, _) = found.unwrap_or(&SAFARI[0]);
    EncounterResult {
        pokemon: (*pokemon).into(),
        level: input.player_level + (luck >> 8) as u32 % 5,
        shiny: (luck >> 16).is_multiple_of(1000),
        rarity: *rarity,
    }
}

/// A number for which the same input always gets the same one.
fn luck(input: &EncounterInput) -> u64 {
    let EncounterInput { zone, weather, time_of_day, player_level } = input;
    let text = format!("{zone} {weather} {time_of_day} {player_level}");
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

impl fmt::Display for EncounterResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pokemon, level, shiny, rarity } = self;
        let shiny = if *shiny { "shiny " } else { "" };
        write!(f, "{shiny}{pokemon} (level {level}, {rarity:?})")
    }
}

#[pm_runtime::main]
async fn main() -> Result<(), pm_runtime::Error> {
    let encounters = EncounterPool::new();
    encounters.spawn(3).await?; // otherwise the first query starts them

    let input = EncounterInput {
        zone: "safari-forest".into(),
        weather: "rain".into(),
        time_of_day: "night".into(),
        player_level: 25,
    };
    let encounter = encounters.query(input.clone()).await?;
    println!("found {encounter}!");

    // Many at once: all workers are busy, and the answers come in order.
    let levels = (26..30).map(|player_level| EncounterInput { player_level, ..input.clone() });
    let mut results = encounters.map(levels);
    while let Some(encounter) = results.next().await {
        println!("then {}", encounter?);
    }
    Ok(())
}
