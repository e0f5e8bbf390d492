//! What becomes of a command.

use std::fmt;
use std::sync::OnceLock;
use std::time::SystemTime;

use super::protocol::{ApplicationState, Command, Done, PoolState, VERSION};
use crate::error::{Escaped, SpawnError};
use crate::pool::{Pool, Wish, Worker, pools};
use crate::process::usage;

/// Does what was asked for, and says so when it is done. (Events are the client's affair.)
pub(super) async fn obey(command: Command) -> Result<Done, Refusal> {
    Ok(match command {
        Command::Health => Done::Health(state()),
        Command::Events => Done::Events,
        // No handle is held while these wait: it would keep alive a pool that the application drops.
        Command::Spawn { pool, workers } => {
            let begun = find_pool(pool)?.begin_spawn(workers)?;
            begun.come().await?;
            Done::Spawn
        }
        Command::Respawn { pool, worker } => {
            let begun = begin(pool, worker, Pool::begin_respawn)?;
            begun.come().await?;
            Done::Respawn
        }
        Command::Unspawn { pool, worker } => {
            let begun = begin(pool, worker, Pool::begin_unspawn)?;
            // The workers of a pool that ends meanwhile go, too.
            let _ = begun.come().await;
            Done::Unspawn
        }
        Command::Forgive { pool } => {
            find_pool(pool)?.forgive();
            Done::Forgive
        }
    })
}

fn state() -> ApplicationState {
    // It is reckoned back from now, and would be a little different each time. (A fork does not serve.)
    static STARTED: OnceLock<Option<SystemTime>> = OnceLock::new();
    let pools = pools().into_iter().map(|pool| PoolState { id: pool.id(), health: pool.health() });
    ApplicationState {
        version: VERSION,
        pid: std::process::id(),
        name: name(),
        started: *STARTED.get_or_init(usage::started),
        pools: pools.collect(),
    }
}

/// The name of the executable.
fn name() -> String {
    let path = std::env::current_exe().ok();
    let name = path.as_ref().and_then(|path| path.file_name()).unwrap_or_default();
    let name = name.to_string_lossy();
    // So the system calls one that has been replaced, as an upgrade does.
    name.strip_suffix(" (deleted)").unwrap_or(&name).to_owned()
}

/// Begins something with a worker of a pool, or with all of them.
fn begin(
    pool: u64,
    worker: Option<u64>,
    begin: fn(&Pool, Option<&Worker>) -> Result<Wish, SpawnError>,
) -> Result<Wish, Refusal> {
    let pool = find_pool(pool)?;
    let worker = worker.map(|id| find_worker(&pool, id)).transpose()?;
    Ok(begin(&pool, worker.as_ref())?)
}

fn find_pool(id: u64) -> Result<Pool, Refusal> {
    let there = pools();
    there
        .iter()
        .find(|pool| pool.id() == id)
        .cloned()
        .ok_or_else(|| Refusal::NoPool { id, there: there.iter().take(MOST).map(named).collect() })
}

fn named(pool: &Pool) -> String {
    format!("{} (`{}`)", pool.id(), Escaped(pool.name()))
}

fn find_worker(pool: &Pool, id: u64) -> Result<Worker, Refusal> {
    let there = pool.workers();
    there.iter().find(|worker| worker.id() == id).cloned().ok_or_else(|| {
        let there = there.iter().take(MOST).map(|worker| worker.id().to_string()).collect();
        Refusal::NoWorker { id, pool: named(pool), there }
    })
}

/// So many pools or workers are named at most.
const MOST: usize = 16;

/// Why a command was not obeyed.
pub(super) enum Refusal {
    NoPool { id: u64, there: Vec<String> },
    NoWorker { id: u64, pool: String, there: Vec<String> },
    Spawn(SpawnError),
}

impl From<SpawnError> for Refusal {
    fn from(error: SpawnError) -> Self {
        Self::Spawn(error)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPool { id, there } => {
                write!(f, "there is no pool {id}: there {}", Those(there))
            }
            Self::NoWorker { id, pool, there } => {
                write!(f, "pool {pool} has no worker {id}: there {}", Those(there))
            }
            Self::Spawn(error) => error.fmt(f),
        }
    }
}

/// Those that there are instead.
struct Those<'a>(&'a [String]);

impl fmt::Display for Those<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [] => f.write_str("is none now"),
            [one] => write!(f, "is {one}"),
            all => {
                let more = if all.len() < MOST { "" } else { ", …" };
                write!(f, "are {}{more}", all.join(", "))
            }
        }
    }
}
