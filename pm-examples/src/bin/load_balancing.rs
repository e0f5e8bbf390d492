//! A processor that finds its own size, and the numbers that tell how it is doing.

use std::error::Error;
use std::fs::{self, File};
use std::io;
use std::path::Path;

use futures_util::future;
use pm_runtime::{Event, Pool, worker_query};
use rustix::fs::{FlockOperation, flock};

/// Counts how many of a species live in a zone, once nobody writes to its map any more.
#[worker_query(workers = 1..=4, timeout = "30s")]
fn count(map: &Path, species: &str) -> usize {
    let map = read(map).expect("each zone has a map");
    map.split_whitespace().filter(|seen| *seen == species).count()
}

fn read(map: &Path) -> io::Result<String> {
    let map = File::open(map)?;
    flock(&map, FlockOperation::LockShared)?;
    io::read_to_string(map)
}

/// What its pool knows of itself: nobody has to count or to measure anything.
fn print_metrics(pool: &Pool) {
    let health = pool.health();
    println!(
        "{} workers, {} queries, {} pending, {} completed, {} failed",
        health.workers.len(),
        health.account.submitted,
        health.account.waiting + health.account.running,
        health.account.completed,
        health.account.failed,
    );
    // Of the last minute.
    eprintln!("{:.1} queries per second", health.rates.submitted);
    if let Some(run) = health.latency.run {
        eprintln!("mean {:?}, 99 of 100 within {:?}", run.mean, run.p99);
    }
}

#[pm_runtime::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let map = folder.path().join("safari-forest");
    let lock = File::create(&map)?;
    flock(&lock, FlockOperation::LockExclusive)?;

    let pool = CountPool::new();
    let mut events = pool.events();
    let species = ["Nidoran", "Chansey", "Tauros", "Pinsir", "Scyther", "Dratini"];
    let counts = future::try_join_all(species.map(|species| pool.query(&map, species)));
    let draw_map = async {
        // All six have to wait for the map, so that each worker is busy.
        while let Some(event) = events.next().await {
            if let Event::Scaled { from, to, .. } = event {
                println!("scaled from {from} to {to} workers");
                if to == 4 {
                    break;
                }
            }
        }
        print_metrics(&pool);
        fs::write(&map, "Nidoran Scyther Nidoran Tauros Nidoran").expect("it can be written");
        drop(lock);
    };
    let (counts, ()) = future::join(counts, draw_map).await;
    println!("counted: {:?}", counts?);

    if pool.query(&folder.path().join("glitch"), "Missingno").await.is_err() {
        println!("one query failed");
    }
    print_metrics(&pool);
    Ok(())
}
