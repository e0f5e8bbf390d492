//! A program that may be told to end at any time, by a service manager or from the keyboard: what
//! was begun, and what waits, is finished first.

use std::error::Error;
use std::fs::File;
use std::path::Path;

use pm_runtime::{SignalError, shutdown_on_signals, shutdown_signal, worker_query};
use rustix::fs::{FlockOperation, flock};
use smol::future;
use tempfile::NamedTempFile;

/// Trains a Pokémon until its gym is no longer locked, or gone.
#[worker_query(workers = 1, grace = "30s")]
fn train(pokemon: &str, gym: &Path) {
    println!("{pokemon} trains");
    if let Ok(gym) = File::open(gym) {
        flock(gym, FlockOperation::LockShared).ok();
    }
    println!("{pokemon} is trained");
}

#[pm_runtime::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // This is all of it: SIGTERM or SIGINT drains every pool, each within its `grace`, and then ends
    // the process. A second one ends it at once.
    shutdown_on_signals()?;

    let gym = NamedTempFile::new()?;
    flock(&gym, FlockOperation::LockExclusive)?;
    let pool = TrainPool::new();
    let training = future::zip(pool.query("Pikachu", gym.path()), pool.query("Eevee", gym.path()));

    // Who wants to know that the end has begun asks for that.
    let closing = async {
        println!("{}: the gym is closed", shutdown_signal().await?);
        drop(gym);
        Ok::<_, SignalError>(())
    };
    let (closed, (pikachu, eevee)) = future::zip(closing, training).await;
    closed?;
    pikachu?;
    eevee?;
    // It is the signal that ends it.
    future::pending().await
}
