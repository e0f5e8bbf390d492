//! Queries that are tried again: where their worker dies, and where they return an error that passes.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use pm_runtime::{Error, Retry, worker, worker_query};
use serde::{Deserialize, Serialize};

#[derive(Debug, PartialEq, thiserror::Error, Serialize, Deserialize)]
enum TradeError {
    #[error("the line is busy")]
    Busy,
    #[error("there is no trainer called {0}")]
    NoSuchTrainer(String),
}

/// Trades with somebody. A query whose worker died runs again, up to twice.
#[worker_query(workers = 1, retries = 2)]
fn trade(trainer: &str) -> Result<String, TradeError> {
    static CALLS: AtomicU32 = AtomicU32::new(0);
    match trainer {
        "Misty" if CALLS.fetch_add(1, Ordering::Relaxed) < 2 => Err(TradeError::Busy),
        "Misty" => Ok("Starmie".into()),
        "Bill" if worker::attempt() < 3 => std::process::abort(),
        "Bill" => Ok(format!("Eevee, in run {}", worker::attempt())),
        _ => Err(TradeError::NoSuchTrainer(trainer.into())),
    }
}

#[pm_runtime::main]
async fn main() -> Result<(), Error> {
    // What the function itself returns is tried again as this says, and only if there is hope.
    let policy = Retry::times(3)
        .backoff(Duration::from_millis(10), Duration::from_secs(1))
        .retry_if(|error: &TradeError| *error == TradeError::Busy);
    let pool = TradePool::new().retry(policy);

    for trainer in ["Misty", "Giovanni", "Bill"] {
        match pool.query(trainer).await? {
            Ok(pokemon) => println!("{trainer} traded {pokemon}"),
            Err(error) => println!("{trainer}: {error}"),
        }
    }
    let health = pool.health();
    println!("queries: {}, dead workers: {}", health.account.submitted, health.crashes);
    Ok(())
}
