//! Queries from call to answer, with real worker processes.

use pm_runtime::{QueryError, worker_query};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EncounterInput {
    pub zone: String,
    pub player_level: u32,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EncounterResult {
    pub pokemon: String,
    pub level: u32,
}

/// Rolls one wild encounter.
#[worker_query(workers = 2, timeout = "30s")]
pub fn encounter(input: EncounterInput) -> EncounterResult {
    EncounterResult { pokemon: format!("{}mon", input.zone), level: input.player_level + 1 }
}

#[worker_query(workers = 2)]
fn pid() -> u32 {
    std::process::id()
}

#[worker_query(workers = 1)]
fn die(how: &str) -> u32 {
    match how {
        "abort" => std::process::abort(),
        "exit" => std::process::exit(0),
        "panic" => panic!("at the {}", "disco"),
        "odd panic" => std::panic::panic_any(7u32),
        _ => 1,
    }
}

#[worker_query(workers = 1)]
async fn slow_echo(text: String, millis: u64) -> String {
    smol::Timer::after(std::time::Duration::from_millis(millis)).await;
    text
}

#[pm_runtime::test]
async fn a_query_is_answered_by_another_process() {
    let pool = EncounterPool::new();
    let input = EncounterInput { zone: "forest".into(), player_level: 25 };
    let result: EncounterResult = pool.query(input).await.unwrap();
    assert_eq!(result, EncounterResult { pokemon: "forestmon".into(), level: 26 });
    let pids = PidPool::new();
    assert_ne!(pids.query().await.unwrap(), std::process::id());
    assert_eq!(PidPool::in_process().query().await.unwrap(), std::process::id());
    pool.destroy().await;
    assert_eq!(
        pool.query(EncounterInput { zone: String::new(), player_level: 1 }).await,
        Err(QueryError::Destroyed)
    );
    assert!(pool.health().account.balances());
}

#[pm_runtime::test]
async fn deaths_are_told() {
    let pool = DiePool::new();
    for how in ["abort", "exit", "panic", "odd panic", "not"] {
        let result = pool.query(how).await;
        println!("{how}: {result:?}");
        if let Err(error) = result {
            println!("   {error}");
        }
    }
    println!("{:#?}", pool.health());
}

#[pm_runtime::test]
fn wait_serves_callers_without_async() {
    let pool = SlowEchoPool::new();
    assert_eq!(pool.query("hello".into(), 1).wait().unwrap(), "hello");
}
