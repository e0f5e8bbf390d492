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
//! | `pm_query_oldest_seconds` | for how long the oldest query runs, streams aside, in seconds |
//! | `pm_pools_exhausted` | pools whose crash budget is spent: there is one of a name, as a rule |
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

use std::cell::Cell;
use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::pool::counts::counted;
use crate::process::fork;
use crate::sync::{lock, shielded};

/// Records what all pools of this process have counted by now.
///
/// It asks the system for the memory of each worker, as [`health`](crate::Pool::health) does, which
/// takes some ten microseconds a worker; pools go on meanwhile. Threads that publish at once do so one
/// after the other, so that gauges are never set back; a recorder that publishes in turn does nothing.
pub fn publish() {
    static ALONE: Mutex<()> = Mutex::new(());
    fork::mark();
    // In a fork there is nothing to publish, and the lock may be held for ever.
    if fork::is_fork() {
        return;
    }
    let Some(_busy) = Busy::begin() else { return };
    let _alone = lock(&ALONE);
    describe::all();
    for (name, pool) in counted() {
        record::pool(&pool, &name);
    }
}

/// This thread publishes.
struct Busy;

thread_local!(static IS_BUSY: Cell<bool> = const { Cell::new(false) });

impl Busy {
    /// `None`: it does so already.
    fn begin() -> Option<Self> {
        (!IS_BUSY.replace(true)).then(|| Self)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        IS_BUSY.set(false);
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
    fork::mark();
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
        if fork::is_fork() {
            // The thread is another process's, and may have held the lock.
            return;
        }
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

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

    use ::metrics::{
        Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit,
        with_local_recorder,
    };

    use super::*;

    /// Sees who publishes, and publishes itself.
    #[derive(Default)]
    struct Watch {
        here: AtomicUsize,
        most: AtomicUsize,
        publications: AtomicUsize,
    }

    impl Watch {
        fn see(&self) {
            self.most.fetch_max(self.here.fetch_add(1, SeqCst) + 1, SeqCst);
            thread::yield_now();
            publish();
            self.here.fetch_sub(1, SeqCst);
        }
    }

    impl Recorder for Watch {
        fn describe_counter(&self, name: KeyName, _: Option<Unit>, _: SharedString) {
            self.see();
            if name.as_str() == "pm_queries_total" {
                self.publications.fetch_add(1, SeqCst);
            }
        }

        fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {
            self.see();
        }

        fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {
            self.see();
        }

        fn register_counter(&self, _: &Key, _: &Metadata<'_>) -> Counter {
            Counter::noop()
        }

        fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
            Gauge::noop()
        }

        fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
            Histogram::noop()
        }
    }

    #[test]
    fn threads_publish_one_after_the_other_and_each_once() {
        let (watch, begin) = (Watch::default(), Barrier::new(4));
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    begin.wait();
                    with_local_recorder(&watch, publish);
                });
            }
        });
        assert_eq!((watch.most.into_inner(), watch.publications.into_inner()), (1, 4));
    }
}
