//! A query: a function, its messages and its pool.

use std::fmt::Debug;

use pm_runtime::{Pool, QueryError, worker_query};
use serde::de::DeserializeOwned;
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
    let EncounterInput { zone, weather, time_of_day, player_level } = input;
    let pokemon = format!("{zone} {weather} {time_of_day}");
    EncounterResult { pokemon, level: player_level + 1, shiny: true }
}

pub(super) fn input(player_level: u32) -> EncounterInput {
    EncounterInput {
        zone: "safari-forest".into(),
        weather: "rain".into(),
        time_of_day: "night".into(),
        player_level,
    }
}

/// The body of the documentation's `main`; as a program it is `programs/encounter.rs`.
#[pm_runtime::test]
async fn a_query_is_answered_by_its_pool() -> Result<(), pm_runtime::Error> {
    let pool = EncounterPool::new();
    let result: EncounterResult = pool.query(input(24)).await?; // first use starts the workers
    println!("{result:?}");
    assert_eq!(result, encounter(input(24)));
    pool.destroy().await;
    Ok(())
}

#[test]
fn the_handle_is_a_face_of_the_untyped_pool() {
    fn handle<P: Clone + Send + Sync + Debug + Default + std::ops::Deref<Target = Pool>>(_: &P) {}
    fn message<M: Serialize + DeserializeOwned>() {}
    let pool: EncounterPool = EncounterPoolBuilder::build(EncounterPool::builder());
    handle(&pool);
    let untyped: &Pool = &pool;
    assert_eq!(untyped.name(), "encounter");
    message::<EncounterRequest>();
    message::<EncounterResponse>();
    let _ = EncounterRequest::Query(input(1));
    let _ = EncounterResponse::Query(roll(&input(1)));
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct TooLow;

impl std::fmt::Display for TooLow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the level is too low")
    }
}

impl std::error::Error for TooLow {}

#[worker_query(workers = 1)]
async fn checked(name: &str, bytes: &[u8], one: &Option<u32>, level: u32) -> Result<u32, TooLow> {
    let rest = name.len() + bytes.len();
    level.checked_sub(one.unwrap_or_default() + rest as u32).ok_or(TooLow)
}

#[worker_query(workers = 1)]
fn nothing() {}

#[pm_runtime::test]
async fn a_fallible_function_reads_with_two_question_marks()
-> Result<(), Box<dyn std::error::Error>> {
    let pool = CheckedPool::new();
    assert_eq!(pool.query("abc", b"de", &Some(1), 10).await??, 4);
    assert_eq!(pool.query("abc", b"de", &None, 3).await?, Err(TooLow));
    let () = NothingPool::new().query().await?;
    Ok(())
}

#[pm_runtime::test]
async fn an_in_process_pool_answers_the_same() -> Result<(), QueryError> {
    let here = EncounterPool::in_process();
    assert_eq!(here.query(input(9)).await?, EncounterPool::new().query(input(9)).await?);
    Ok(())
}
