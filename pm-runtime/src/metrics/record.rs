//! What recorders are told.

use ::metrics::{counter, gauge, histogram};

use crate::health::WorkerState;
use crate::pool::counts::{Counted, Counts};

/// Times of so many queries are recorded at once, at most: an exporter that nobody asks keeps each.
const MOST_TIMES: u64 = 10_000;

/// All that is known of the pools of one name.
pub(super) fn pool(now: &Counted, pool: &str) {
    counts(&now.counts, pool);
    for (name, value) in [
        ("pm_queries_waiting", now.counts.account.waiting as f64),
        ("pm_queries_running", now.counts.account.running as f64),
        ("pm_queries_detached", now.detached as f64),
        ("pm_queue_bytes", now.queue_bytes as f64),
        ("pm_queries_quarantined", now.quarantined as f64),
        ("pm_query_oldest_seconds", now.oldest.as_secs_f64()),
        ("pm_pools_exhausted", now.exhausted as f64),
        ("pm_workers_resident_bytes", now.resident as f64),
    ] {
        gauge!(name, "pool" => pool.to_owned()).set(value);
    }
    for (state, workers) in [
        (WorkerState::Starting, now.starting),
        (WorkerState::Idle, now.idle),
        (WorkerState::Busy, now.busy),
        (WorkerState::Spare, now.spare),
        (WorkerState::Releasing, now.releasing),
    ] {
        let labels = [("pool", pool.to_owned()), ("state", state.to_string())];
        gauge!("pm_workers", &labels).set(workers as f64);
    }
}

fn counts(counts: &Counts, pool: &str) {
    let count = |name: &'static str, value: u64| {
        counter!(name, "pool" => pool.to_owned()).absolute(value);
    };
    count("pm_queries_submitted_total", counts.account.submitted);
    count("pm_query_timeouts_total", counts.losses.timeouts);
    count("pm_query_panics_total", counts.losses.panics);
    count("pm_worker_deaths_total", counts.losses.deaths);
    count("pm_worker_crashes_total", counts.crashes);
    count("pm_worker_restarts_total", counts.restarts);
    count("pm_messages_missed_total", counts.missed);
    for (outcome, value) in [
        ("completed", counts.account.completed),
        ("failed", counts.account.failed),
        ("cancelled", counts.account.cancelled),
        ("rejected", counts.account.rejected),
    ] {
        let labels = [("pool", pool.to_owned()), ("outcome", outcome.to_owned())];
        counter!("pm_queries_total", &labels).absolute(value);
    }
    let queue = histogram!("pm_query_queue_seconds", "pool" => pool.to_owned());
    let run = histogram!("pm_query_run_seconds", "pool" => pool.to_owned());
    for (time, count) in counts.times.queue(MOST_TIMES) {
        queue.record_many(time.as_secs_f64(), count);
    }
    for (time, count) in counts.times.run(MOST_TIMES) {
        run.record_many(time.as_secs_f64(), count);
    }
}
