//! What the pools of this process have counted, by their names: for recorders that want to know.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use super::registry;
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
    pub(crate) detached: usize,
    pub(crate) queue_bytes: usize,
    pub(crate) quarantined: usize,
    /// Pools whose crash budgets are spent.
    pub(crate) exhausted: usize,
    /// For how long the oldest query runs.
    pub(crate) oldest: Duration,
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
        // A pool that goes meanwhile waits here, so that it is counted once.
        let mut gone = lock(&GONE);
        for (name, counts) in &mut *gone {
            by_name.entry(name.clone()).or_default().counts.add(counts.take());
        }
        let pools = registry::all();
        for shared in &pools {
            let counted = by_name.entry(shared.name().to_owned()).or_default();
            counted.counts.add(Counts::of(shared));
        }
        pools
    };
    // Without the lock: the system is asked for the memory of each worker, and the last handle of a pool
    // may be among these.
    for shared in pools.iter().filter(|shared| !shared.is_destroyed()) {
        by_name.entry(shared.name().to_owned()).or_default().add(shared);
    }
    by_name
}

/// A pool is gone: what it has counted is kept.
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
        sum.waiting += more.waiting;
        sum.running += more.running;
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
        shared.look_at_workers();
        let health = super::health::of_pool(shared);
        self.exhausted += usize::from(health.exhausted);
        let running = health.workers.iter().filter_map(|worker| worker.running.as_ref());
        let queries = running.filter(|running| !running.open).map(|running| running.age);
        self.oldest = queries.fold(self.oldest, Duration::max);
        self.detached += health.detached;
        self.queue_bytes += health.queued_bytes;
        self.quarantined += health.quarantined;
        self.resident += health.workers.iter().filter_map(|worker| worker.rss).sum::<u64>();
        self.starting += health.starting;
        self.idle += health.idle;
        self.busy += health.busy;
        self.spare += health.spares;
        self.releasing += health.releasing;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::child::entries::{Entry, Reply, Serve};
    use crate::options::Options;
    use crate::pool::{Call, Pool};
    use crate::wire::bulk::Parcel;

    const NAME: &str = "counted once";

    /// A pool of that name, whose workers are threads.
    fn pool() -> Pool {
        let serve = Serve::blocking(|_| Reply(Ok(Parcel::default())));
        let (title, signature) = (NAME, "fn counted()");
        let entry = Entry { name: || NAME, title, signature, place: (file!(), line!()), serve };
        let options = Options { in_process: true, workers: Some(1.into()), ..Options::default() };
        Pool::new(Shared::new(NAME.into(), entry, options))
    }

    fn ask(pool: &Pool) {
        let call: Call<()> =
            Call::new(pool.handles.clone(), Ok(Parcel::default()), |_| Ok(()), None);
        call.wait().unwrap();
    }

    fn submitted() -> u64 {
        counted().get(NAME).map_or(0, |counted| counted.counts.account.submitted)
    }

    #[test]
    fn each_pool_counts_once_while_it_is_there_and_when_it_is_gone() {
        for before in [0, 1] {
            let pool = pool();
            ask(&pool);
            assert_eq!(submitted(), before + 1);
            // Who asks for its end and does not wait for it, and who asks again.
            smol::block_on(smol::future::poll_once(pool.destroy()));
            smol::block_on(pool.destroy());
            smol::block_on(pool.spawn(1)).unwrap_err();
            assert_eq!(submitted(), before + 1);
            drop(pool);
            while registry::all().iter().any(|shared| shared.name() == NAME) {
                std::thread::yield_now();
            }
            // It is no part of the registry when it is kept.
            while submitted() == before {
                std::thread::yield_now();
            }
            assert_eq!(submitted(), before + 1);
            let times = counted().get(NAME).map_or(0, |it| it.counts.times.run(9).count());
            assert_eq!(times, 0, "they were told");
        }
    }
}
