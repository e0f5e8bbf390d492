//! A pool's state at one moment, for people and for machines.

mod account;
mod display;
mod latency;
mod rates;

use std::time::Duration;

use serde_derive::{Deserialize, Serialize};

use crate::error::Crash;
pub use account::Account;
pub use latency::{Latencies, Latency};
pub use rates::Rates;

/// The state of a pool at one moment: every count in it is of that moment, so that they agree
/// with each other. Only `rss` and `cpu` of its workers are read a moment later.
///
/// Printed, it is a few lines for people; with `{:#}`, a line more for each worker. With serde it is
/// for machines.
///
/// ```
/// use pm_runtime::worker_query;
///
/// #[worker_query(workers = 2)]
/// fn double(n: u32) -> u32 {
///     2 * n
/// }
///
/// #[pm_runtime::main]
/// async fn main() -> Result<(), pm_runtime::Error> {
///     let pool = DoublePool::new();
///     assert_eq!(pool.query(21).await?, 42);
///     let text = pool.health().to_string();
///     assert!(text.starts_with("double: 2 workers: "), "{text}");
///     assert!(text.contains("of 1 query 1 completed, 0 failed"), "{text}");
///     println!("{:#}", pool.health());
///     Ok(())
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Health {
    /// The pool's name.
    pub name: String,
    /// Every worker that is not gone, oldest first.
    pub workers: Vec<WorkerHealth>,
    /// Workers that are not ready yet.
    pub starting: usize,
    /// Workers that are ready and have nothing to do, as far as is known: of a
    /// [raw](crate::worker_raw) one that is what the application has added to its load.
    pub idle: usize,
    /// Workers that have a load.
    pub busy: usize,
    /// Workers that are ready beyond the pool's size, and are handed nothing. Those that are not ready
    /// yet are among `starting`.
    pub spares: usize,
    /// Workers on their way out.
    pub releasing: usize,
    /// Queries in the queue, not handed to any worker.
    pub queued: usize,
    /// The bytes of their arguments.
    pub queued_bytes: usize,
    /// Queries that were handed to workers and have not ended, detached ones included: the load of all
    /// workers.
    pub in_flight: usize,
    /// Queries that run although their callers have dropped them.
    pub detached: usize,
    /// Workers that ever died without the pool's doing, or never became ready: whoever is to
    /// [blame](crate::Blame), somebody outside included.
    pub deaths: u64,
    /// Those of them that counted against the crash budget.
    pub crashes: u64,
    /// The last of those.
    pub last_crash: Option<Crash>,
    /// The crash budget is spent: there is no worker, what is asked for is refused, and one is tried now
    /// and then, until one answers, or somebody [forgives](crate::Pool::forgive).
    pub exhausted: bool,
    /// How many different queries are [refused](crate::PoolBuilder::quarantine), because they have
    /// killed too many workers.
    pub quarantined: usize,
    /// Messages of workers, and occasions for callbacks, that were lost because nobody listened, or
    /// who did was too slow. (Readers of events are told themselves what they missed.)
    pub missed: u64,
    /// How often a worker was started in the place of one that had died, was killed for what it
    /// did, or was recycled; not those that somebody asked for, as
    /// [`respawn`](crate::Pool::respawn) does, nor temporary ones.
    pub restarts: u64,
    /// Queries that ran longer than their timeout, for whoever.
    pub timeouts: u64,
    /// Queries that panicked, and whose workers caught that.
    pub panics: u64,
    /// Where every submitted query is, or how it ended.
    pub account: Account,
    /// How far `rates` and `latency` reach back: between 60 and 80 s; less where the first query
    /// came later than that, and zero where none came yet.
    pub window: Duration,
    /// Queries per second over `window`.
    pub rates: Rates,
    /// How long queries waited and ran, over `window`.
    pub latency: Latencies,
}

/// The state of a worker at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct WorkerHealth {
    /// Its number in its pool, from 1.
    pub id: u64,
    /// Its process id: that of the pool's process where the worker is a thread of it, and 0 where
    /// no process has been started yet.
    pub pid: u32,
    /// What it is doing.
    pub state: WorkerState,
    /// Queries that it was handed and has not ended, or streams that are open in it, and what the
    /// application has [added](crate::Worker::add_load).
    pub load: usize,
    /// What has run in it for longest of what runs there now, as far as is known: the end of its last
    /// query may not have been heard.
    pub running: Option<Running>,
    /// Queries that it has ended.
    pub queries: u64,
    /// How long ago it was started.
    pub age: Duration,
    /// Its resident set, in bytes: what it holds in memory now, including what it shares with
    /// others. `None` where it has no process of its own: it is a thread, was not started yet, or
    /// has just ended.
    pub rss: Option<u64>,
    /// The CPU time that it has used, user and system together, without the processes that it
    /// started. `None` as for `rss`.
    pub cpu: Option<Duration>,
    /// It runs one query, which no other can reach, and is gone afterwards. It is no part of the
    /// pool's size.
    pub temporary: bool,
    /// It is a thread of the pool's process: nothing is isolated.
    pub in_process: bool,
}

/// A query that runs in a worker, or a stream that is open there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Running {
    /// What it calls: the name of the function, or of the service and its method, such as `Dex::lookup`.
    pub query: String,
    /// How long it has been running.
    pub age: Duration,
    /// It is a stream that was opened.
    pub open: bool,
    /// The last [text](crate::worker::debug) by which it told what it is at.
    pub debug: Option<String>,
}

/// What a worker is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum WorkerState {
    /// It is not ready yet.
    Starting,
    /// It is ready and has nothing to do.
    Idle,
    /// It has a load: queries, streams, or what the application has added.
    Busy,
    /// It is ready, and is handed nothing until one of the pool's size is missing
    /// ([`spares`](crate::PoolBuilder::spares)).
    Spare,
    /// It takes no more queries, and ends when it has none.
    Releasing,
    /// It is no more.
    Gone,
}
