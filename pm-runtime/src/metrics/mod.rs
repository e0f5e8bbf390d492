//! What pools count and measure, for the recorder of the crate [`metrics`](https://docs.rs/metrics), which
//! Prometheus, StatsD and others have exporters for. With the feature `metrics`.
//!
//! Nothing is recorded by itself: [`publish`] does it now, such as when somebody scrapes, and
//! [`publish_every`] again and again. Each has the label `pool`, which is the pool's
//! [name](crate::Pool::name): pools of one name are added up, so that
//! [labels](crate::PoolBuilder::label) tell them apart. Pools that are gone still count in the counters.
//!
//! | counter | of |
//! |---|---|
//! | `pm_queries_submitted_total` | queries that came |
//! | `pm_queries_total` | those that ended, by `outcome`: `completed`, `failed`, `cancelled`, `rejected`, as in [`Account`](crate::Account) |
//! | `pm_query_timeouts_total` | queries that ran longer than their timeout |
//! | `pm_query_panics_total` | queries that panicked |
//! | `pm_worker_deaths_total` | workers that died without the pool's doing, whoever is to blame |
//! | `pm_worker_crashes_total` | deaths that counted against the crash budget |
//! | `pm_worker_restarts_total` | workers that were started in the place of others |
//! | `pm_messages_missed_total` | messages of workers, and occasions for callbacks, that were lost |
//!
//! | gauge | of |
//! |---|---|
//! | `pm_workers` | workers that are not gone, by `state`: `starting`, `idle`, `busy`, `spare`, `releasing` |
//! | `pm_workers_resident_bytes` | the resident sets of all of them, in bytes |
//! | `pm_queries_waiting` | queries that no worker has begun |
//! | `pm_queries_running` | queries that a worker runs, with a caller that waits |
//! | `pm_queries_detached` | queries that run for nobody |
//! | `pm_queue_bytes` | arguments in the queue, in bytes |
//! | `pm_queries_quarantined` | different queries that are refused |
//!
//! | histogram | of |
//! |---|---|
//! | `pm_query_queue_seconds` | how long queries waited until a worker began them, in seconds |
//! | `pm_query_run_seconds` | how long they ran, in seconds |
//!
//! A time in a histogram is within 1/32 of what it was. Of more than 10,000 queries between two
//! publications it has so many, evenly chosen: their counts are those of the counters.
//!
//! ```
//! use metrics_util::debugging::{DebugValue, DebuggingRecorder}; // or an exporter's
//! use pm_runtime::{metrics, worker_query};
//!
//! #[worker_query(workers = 1)]
//! fn double(n: u32) -> u32 {
//!     2 * n
//! }
//!
//! #[pm_runtime::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let recorder = DebuggingRecorder::new();
//!     let snapshotter = recorder.snapshotter();
//!     recorder.install()?;
//!
//!     let pool = DoublePool::new();
//!     assert_eq!(pool.query(21).await?, 42);
//!     metrics::publish();
//!     let all = snapshotter.snapshot().into_vec();
//!     let value = |name: &str| all.iter().find(|(key, ..)| key.key().name() == name);
//!     let (_, _, _, submitted) = value("pm_queries_submitted_total").ok_or("it is not there")?;
//!     assert_eq!(*submitted, DebugValue::Counter(1));
//!     Ok(())
//! }
//! ```
//!
//! # Prometheus
//!
//! The crate `metrics-exporter-prometheus` makes summaries of what it was told no buckets for, and those of
//! several processes cannot be added up. In seconds, for queries that take from 10 us to 10 s:
//!
//! ```text
//! let recorder = PrometheusBuilder::new()
//!     .set_buckets(&[1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0, 10.0])?
//!     .install_recorder()?;
//!
//! // Whenever somebody scrapes:
//! pm_runtime::metrics::publish();
//! let body = recorder.render();
//! ```
//!
//! The example `measured` is a program with that.

mod describe;
mod record;

use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::pool::counts::counted;
use crate::sync::{lock, shielded};

/// Records what all pools of this process have counted by now.
///
/// It asks the system for the memory of each worker, as [`health`](crate::Pool::health) does, which
/// takes some ten microseconds a worker; pools go on meanwhile. Where several threads publish at once,
/// gauges may be those of a moment before.
pub fn publish() {
    describe::all();
    // Not under a lock: a recorder is code of the application.
    for (name, pool) in counted() {
        record::pool(&pool, &name);
    }
}

/// Publishes again and again, on a thread of its own, until what this returns is dropped.
///
/// # Errors
///
/// The system has no thread to give.
///
/// ```
/// use std::time::Duration;
///
/// #[pm_runtime::main]
/// fn main() -> std::io::Result<()> {
///     let _publishing = pm_runtime::metrics::publish_every(Duration::from_secs(5))?;
///     // .. what the application does
///     Ok(())
/// }
/// ```
pub fn publish_every(interval: Duration) -> io::Result<Publishing> {
    let ending = Arc::new((Mutex::new(false), Condvar::new()));
    let theirs = ending.clone();
    let run = move || {
        let (is_over, changed) = &*theirs;
        let mut over = lock(is_over);
        while !*over {
            drop(over);
            shielded(publish);
            over = lock(is_over);
            if !*over {
                let waited = changed.wait_timeout_while(over, interval, |over| !*over);
                over = waited.unwrap_or_else(PoisonError::into_inner).0;
            }
        }
    };
    thread::Builder::new().name("pm-metrics".into()).spawn(run)?;
    Ok(Publishing(ending))
}

/// As long as it is there, metrics are published: see [`publish_every`].
#[must_use = "its drop ends the publications, as `let _ = …` does at once: write `let _publishing = …`"]
pub struct Publishing(Arc<(Mutex<bool>, Condvar)>);

impl Drop for Publishing {
    fn drop(&mut self) {
        let (is_over, changed) = &*self.0;
        *lock(is_over) = true;
        changed.notify_one();
    }
}

impl std::fmt::Debug for Publishing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Publishing").finish_non_exhaustive()
    }
}
