//! What the pools of this process have counted, by their names: for recorders that want to know.

use std::collections::BTreeMap;
use std::sync::Mutex;

use super::registry::undestroyed;
use super::shared::Shared;
use crate::health::Account;
use crate::process::fork;
use crate::supervisor::{Losses, Times};
use crate::sync::lock;

/// What pools that are gone have counted.
static GONE: Mutex<BTreeMap<String, Counts>> = Mutex::new(BTreeMap::new());

/// What only grows.
#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) account: Account,
    pub(crate) losses: Losses,
    pub(crate) crashes: u64,
    pub(crate) restarts: u64,
    pub(crate) missed: u64,
    /// Those that nobody was told of.
    pub(crate) times: Times,
}

/// That, and what there is now.
#[derive(Default)]
pub(crate) struct Counted {
    pub(crate) counts: Counts,
    pub(crate) waiting: u64,
    pub(crate) running: u64,
    pub(crate) detached: usize,
    pub(crate) queue_bytes: usize,
    pub(crate) quarantined: usize,
    /// The memory of all workers, in bytes.
    pub(crate) resident: u64,
    pub(crate) starting: usize,
    pub(crate) idle: usize,
    pub(crate) busy: usize,
    pub(crate) spare: usize,
    pub(crate) releasing: usize,
}

/// What there is of each name. Times are told once.
pub(crate) fn counted() -> BTreeMap<String, Counted> {
    let mut by_name: BTreeMap<String, Counted> = BTreeMap::new();
    if fork::is_fork() {
        // No pool of its parent's works there, and locks may be held for ever.
        return by_name;
    }
    let pools = {
        // A pool that ends meanwhile waits here, so that it is counted once.
        let mut gone = lock(&GONE);
        for (name, counts) in &mut *gone {
            by_name.entry(name.clone()).or_default().counts.add(counts.take());
        }
        let pools = undestroyed();
        for shared in &pools {
            by_name.entry(shared.name().to_owned()).or_default().add(shared);
        }
        pools
    };
    // Not under the lock: the last handle of a pool may be among them.
    drop(pools);
    by_name
}

/// A pool is over: what it has counted is kept.
pub(super) fn keep(shared: &Shared) {
    if !fork::is_fork() {
        let counts = Counts::of(shared);
        lock(&GONE).entry(shared.name().to_owned()).or_default().add(counts);
    }
}

impl Counts {
    /// What a pool has counted; its times are taken from it.
    fn of(shared: &Shared) -> Self {
        let missed = shared.missed();
        let core = &mut lock(&shared.state).core;
        Self {
            account: core.account(),
            losses: core.losses(),
            crashes: core.crashes(),
            restarts: core.restarts(),
            missed,
            times: core.take_times(),
        }
    }

    fn add(&mut self, other: Self) {
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
    fn take(&mut self) -> Self {
        Self { times: std::mem::take(&mut self.times), ..*self }
    }
}

impl Counted {
    fn add(&mut self, shared: &Shared) {
        let health = super::health::of_pool(shared);
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
}
