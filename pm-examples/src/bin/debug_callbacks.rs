//! What workers say while they are at work, heard by a monitoring system: messages, texts that tell
//! what they are at, and their deaths.

use std::sync::mpsc::{Sender, channel};

use pm_runtime::{QueryError, worker, worker_query};
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
enum Progress {
    Entered { zone: String },
    Met { pokemon: String },
}

/// Walks through a zone, and returns how many it met.
#[worker_query(workers = 1, timeout = "30s", message = Progress)]
fn walk(zone: &str, wild: &[&str]) -> usize {
    worker::message(Progress::Entered { zone: zone.into() }).ok();
    for pokemon in wild {
        worker::debug(format_args!("before {pokemon} in {zone}"));
        if *pokemon == "Missingno" {
            std::process::abort();
        }
        worker::message(Progress::Met { pokemon: (*pokemon).into() }).ok();
    }
    wild.len()
}

/// Stands for a monitoring system.
#[derive(Clone)]
struct Monitoring(Sender<String>);

impl Monitoring {
    fn log(&self, text: String) {
        self.0.send(text).ok();
    }
}

fn watch(pool: &WalkPool, monitoring: &Monitoring) {
    let debug = monitoring.clone();
    pool.on_message(move |worker, progress| {
        debug.log(format!("[DEBUG] worker {}: {progress:?}", worker.id()));
    });
    let crashes = monitoring.clone();
    pool.on_crash(move |report| {
        let text = report.debug.as_deref().unwrap_or("it was silent");
        crashes.log(format!("[CRASH] worker {}: {text}", report.worker));
    });
}

#[pm_runtime::main]
async fn main() -> Result<(), QueryError> {
    let (log, logged) = channel();
    let pool = WalkPool::new();
    watch(&pool, &Monitoring(log));

    // Whoever made a call can hear of it alone.
    let call = pool.query("safari-forest", &["Nidoran", "Chansey"]);
    let met = call.on_message(|progress| println!("the call: {progress:?}")).await?;
    println!("met {met}");

    // What a worker said last is there as long as it lives, and in the report of its death.
    let text = pool.workers().first().and_then(|worker| worker.debug_text());
    println!("last said: {}", text.as_deref().unwrap_or("nothing"));
    if let Err(error) = pool.query("glitch", &["Missingno"]).await {
        println!("the query is lost: {}", matches!(error, QueryError::Crashed(_)));
    }

    // With the pool its callbacks go, when they have heard all.
    pool.destroy().await;
    drop(pool);
    logged.iter().for_each(|text| println!("{text}"));
    Ok(())
}
