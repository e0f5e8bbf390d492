//! What pools of one name have counted.

use ::metrics::{counter, gauge, histogram};

use crate::health::{Account, WorkerState};
use crate::pool::Shared;
use crate::supervisor::{Losses, Times};

/// Times of so many queries are recorded at once, at most: an exporter that nobody asks keeps each.
const MOST_TIMES: u64 = 10_000;

/// What only grows.
#[derive(Default)]
pub(super) struct Counts {
    account: Account,
    losses: Losses,
    crashes: u64,
    restarts: u64,
    missed: u64,
    /// Those that no recorder has.
    times: Times,
}

/// That, and what there is now.
#[derive(Default)]
pub(super) struct Now {
    pub(super) counts: Counts,
    waiting: u64,
    running: u64,
    detached: usize,
    queue_bytes: usize,
    quarantined: usize,
    resident: u64,
    starting: usize,
    idle: usize,
    busy: usize,
    spare: usize,
    releasing: usize,
}

impl Counts {
    /// What a pool has counted; its times are taken from it.
    pub(super) fn of(shared: &Shared) -> Self {
        let missed = shared.missed();
        let (account, losses, crashes, restarts, times) = shared.counted();
        Self { account, losses, crashes, restarts, missed, times }
    }

    pub(super) fn add(&mut self, other: Self) {
        let (sum, more) = (&mut self.account, other.account);
        sum.submitted += more.submitted;
        sum.completed += more.completed;
        sum.failed += more.failed;
        sum.cancelled += more.cancelled;
        sum.rejected += more.rejected;
        self.losses.deaths += other.losses.deaths;
        self.losses.timeouts += other.losses.timeouts;
        self.losses.panics += other.losses.panics;
        self.crashes += other.crashes;
        self.restarts += other.restarts;
        self.missed += other.missed;
        self.times.add(&other.times);
    }

    /// A copy that has the times, which are not here any more.
    pub(super) fn take(&mut self) -> Self {
        Self { times: std::mem::take(&mut self.times), ..*self }
    }

    fn record(&self, pool: &str) {
        let count = |name: &'static str, value: u64| {
            counter!(name, "pool" => pool.to_owned()).absolute(value);
        };
        count("pm_queries_submitted_total", self.account.submitted);
        count("pm_query_timeouts_total", self.losses.timeouts);
        count("pm_query_panics_total", self.losses.panics);
        count("pm_worker_deaths_total", self.losses.deaths);
        count("pm_worker_crashes_total", self.crashes);
        count("pm_worker_restarts_total", self.restarts);
        count("pm_messages_missed_total", self.missed);
        for (outcome, value) in [
            ("completed", self.account.completed),
            ("failed", self.account.failed),
            ("cancelled", self.account.cancelled),
            ("rejected", self.account.rejected),
        ] {
            let labels = [("pool", pool.to_owned()), ("outcome", outcome.to_owned())];
            counter!("pm_queries_total", &labels).absolute(value);
        }
        let queue = histogram!("pm_query_queue_seconds", "pool" => pool.to_owned());
        let run = histogram!("pm_query_run_seconds", "pool" => pool.to_owned());
        for (time, count) in self.times.queue(MOST_TIMES) {
            queue.record_many(time.as_secs_f64(), count);
        }
        for (time, count) in self.times.run(MOST_TIMES) {
            run.record_many(time.as_secs_f64(), count);
        }
    }
}

impl Now {
    pub(super) fn add(&mut self, shared: &Shared) {
        let health = shared.health();
        self.waiting += health.account.waiting;
        self.running += health.account.running;
        self.detached += health.detached;
        self.queue_bytes += health.queued_bytes;
        self.quarantined += health.quarantined;
        self.resident += health.workers.iter().filter_map(|worker| worker.rss).sum::<u64>();
        self.starting += health.starting;
        self.idle += health.idle;
        self.busy += health.busy;
        self.spare += health.spares;
        self.releasing += health.releasing;
        self.counts.add(Counts::of(shared));
    }

    pub(super) fn record(&self, pool: &str) {
        self.counts.record(pool);
        for (name, value) in [
            ("pm_queries_waiting", self.waiting as f64),
            ("pm_queries_running", self.running as f64),
            ("pm_queries_detached", self.detached as f64),
            ("pm_queue_bytes", self.queue_bytes as f64),
            ("pm_queries_quarantined", self.quarantined as f64),
            ("pm_workers_resident_bytes", self.resident as f64),
        ] {
            gauge!(name, "pool" => pool.to_owned()).set(value);
        }
        for (state, workers) in [
            (WorkerState::Starting, self.starting),
            (WorkerState::Idle, self.idle),
            (WorkerState::Busy, self.busy),
            (WorkerState::Spare, self.spare),
            (WorkerState::Releasing, self.releasing),
        ] {
            let labels = [("pool", pool.to_owned()), ("state", state.to_string())];
            gauge!("pm_workers", &labels).set(workers as f64);
        }
    }
}
