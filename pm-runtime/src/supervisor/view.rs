//! What observers see of a pool.

use std::time::{Duration, Instant};

use super::query::Query;
use super::{Bug, Core, Gate, Losses, Place, QueryKey, Slot, Stage, WorkerId};
use crate::error::CrashReport;
use crate::health::{Account, Latencies, Rates, WorkerState};

/// A worker, as observers see it.
#[derive(Debug, Clone)]
pub(crate) struct SlotView {
    pub(crate) id: WorkerId,
    pub(crate) state: WorkerState,
    pub(crate) load: usize,
    pub(crate) served: u64,
    pub(crate) since: Instant,
    pub(crate) temporary: bool,
    /// What has run there for longest.
    pub(crate) oldest: Option<QueryKey>,
}

impl<P> Core<P> {
    /// The least-loaded worker that takes queries.
    pub(crate) fn acquire(&self) -> Option<WorkerId> {
        self.slots
            .iter()
            .filter(|slot| slot.takes_queries())
            .min_by_key(|slot| match self.has(Bug::ForgetAdded) {
                true => slot.load(),
                false => slot.load_with_added(),
            })
            .map(|slot| slot.id)
    }

    /// This worker; the youngest that takes queries where it died before it was ready, and another
    /// one took its place.
    pub(crate) fn stand_in(&self, worker: WorkerId) -> WorkerId {
        let takes = |slot: &&Slot| slot.takes_queries();
        match self.slot(worker) {
            Some(_) => worker,
            None => self.slots.iter().rfind(takes).map_or(worker, |slot| slot.id),
        }
    }

    /// Queries that are not over.
    pub(crate) fn live(&self) -> usize {
        self.queries.live()
    }

    /// Queries that a worker was handed and has not ended, and what the application has added.
    pub(crate) fn load(&self, worker: WorkerId) -> usize {
        self.slot(worker).map_or(0, Slot::load_with_added)
    }

    /// Whether a worker begins what it was handed last at once, as far as the pool knows.
    pub(crate) fn is_prompt(&self, worker: WorkerId) -> bool {
        let is_prompt = |slot: &Slot| slot.load() <= slot.width(self.config.concurrency);
        self.slot(worker).is_some_and(is_prompt)
    }

    /// Whether a worker has something to tell: of its queries, or that its gate is shut, which may
    /// come after the end of the last query; or whatever it likes, where it runs none.
    pub(crate) fn is_awaited(&self, worker: WorkerId) -> bool {
        let is_awaited = |slot: &Slot| slot.load() > 0 || slot.gate != Gate::Open;
        self.slot(worker).is_some_and(|slot| self.config.raw || is_awaited(slot))
    }

    /// What its owner keeps with the queries that a worker has begun and not ended.
    pub(crate) fn begun_by(&self, worker: WorkerId) -> impl Iterator<Item = (QueryKey, &P)> {
        let begun = self.slot(worker).into_iter().flat_map(|slot| &slot.begun);
        begun.filter_map(|&key| Some((key, &self.queries.get(key)?.payload)))
    }

    /// Whether a query has opened a stream, which has not ended.
    pub(crate) fn is_stream(&self, key: QueryKey) -> bool {
        self.queries.get(key).is_some_and(|query| query.is_open)
    }

    /// Whether a query has run too long, and its worker was told to drop it.
    pub(crate) fn is_overdue(&self, key: QueryKey) -> bool {
        let due = self.queries.get(key).and_then(Query::due);
        due.is_some_and(|due| due.dropping)
    }

    /// The worker that runs a query.
    pub(crate) fn runs_at(&self, key: QueryKey) -> Option<WorkerId> {
        match self.queries.get(key)?.place {
            Place::Begun { worker, .. } => Some(worker),
            Place::Waiting | Place::Paused { .. } | Place::Handed { .. } => None,
        }
    }

    /// Nobody has asked it to end.
    pub(crate) fn is_open(&self) -> bool {
        self.stage == Stage::Open
    }

    /// How many workers there are to be now.
    pub(crate) fn target(&self) -> usize {
        self.target
    }

    /// Workers that stay only until others are ready in their places.
    pub(crate) fn to_be_replaced(&self) -> Vec<WorkerId> {
        let old = self.slots.iter().filter(|slot| self.is_to_go(slot));
        old.map(|slot| slot.id).collect()
    }

    /// How many workers there are of a pool in use, unless somebody has said otherwise.
    pub(crate) fn size(&self) -> usize {
        self.config.workers
    }

    /// Queries that keep every worker of the pool busy, with two for each to go on with.
    pub(crate) fn width(&self) -> usize {
        let workers = if self.target == 0 { self.config.workers } else { self.target };
        workers.saturating_mul(self.config.concurrency + 2)
    }

    pub(crate) fn is_destroyed(&self) -> bool {
        self.stage == Stage::Destroyed
    }

    pub(crate) fn account(&self) -> Account {
        self.tally.account()
    }

    /// How long queries waited and ran since it was asked for that.
    #[cfg(feature = "metrics")]
    pub(crate) fn take_times(&mut self) -> super::Times {
        self.tally.take_times()
    }

    /// How far [`rates`](Self::rates) and [`latency`](Self::latency) reach back.
    pub(crate) fn window(&self, now: Instant) -> Duration {
        self.tally.window(now)
    }

    pub(crate) fn rates(&self, now: Instant) -> Rates {
        self.tally.rates(now)
    }

    pub(crate) fn latency(&self, now: Instant) -> Latencies {
        self.tally.latency(now)
    }

    /// Workers that took the place of others.
    pub(crate) fn restarts(&self) -> u64 {
        self.restarts
    }

    pub(crate) fn losses(&self) -> Losses {
        self.losses
    }

    pub(crate) fn waiting(&self) -> usize {
        self.queries.waiting()
    }

    pub(crate) fn waiting_bytes(&self) -> usize {
        self.queries.waiting_bytes()
    }

    pub(crate) fn detached(&self) -> usize {
        self.detached
    }

    pub(crate) fn crashes(&self) -> u64 {
        self.budget.total()
    }

    /// Nobody works, and the budget of crashes is spent.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.exhausted
    }

    /// What its owner keeps with a query that runs, and how long it has run.
    pub(crate) fn ran_for(&self, key: QueryKey, now: Instant) -> Option<(&P, Duration)> {
        let query = self.queries.get(key)?;
        Some((&query.payload, query.ran(now)?))
    }

    pub(crate) fn last_crash(&self) -> Option<&CrashReport> {
        self.budget.last()
    }

    pub(crate) fn views(&self) -> impl Iterator<Item = SlotView> {
        self.slots.iter().map(|slot| SlotView {
            id: slot.id,
            state: slot.state(),
            load: slot.load_with_added(),
            served: slot.served,
            since: slot.since,
            temporary: slot.temporary,
            oldest: slot.begun.first().copied(),
        })
    }

    pub(crate) fn view(&self, worker: WorkerId) -> Option<SlotView> {
        self.views().find(|view| view.id == worker)
    }
}
