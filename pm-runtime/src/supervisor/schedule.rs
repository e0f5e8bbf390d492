//! Which worker gets which query.

use std::time::Instant;

use super::{Action, Bug, Core, Place, QueryKey, Slot, WorkerId, later};
use crate::conduct::Conduct;

impl<P> Core<P> {
    /// Hands waiting queries, oldest first, to workers with room.
    pub(super) fn dispatch(&mut self, now: Instant) {
        while let Some(key) = self.queries.front() {
            let size = self.queries.get(key).map_or(0, |query| query.size);
            let Some(worker) = self.least_loaded(size, self.is_exclusive(key)) else {
                break;
            };
            self.hand(worker, key, now);
        }
        self.rebalance(now);
    }

    /// Whether a query of this size would be handed to a worker at once.
    pub(super) fn has_room(&self, size: usize, exclusive: bool) -> bool {
        self.queries.front().is_none() && self.least_loaded(size, exclusive).is_some()
    }

    /// The least-loaded worker that may take a query of this size: one that would begin it at
    /// once, else one that may hold it ahead. The older of two wins, so that few stay warm.
    fn least_loaded(&self, size: usize, exclusive: bool) -> Option<usize> {
        let mut best = None;
        let mut least = (true, usize::MAX);
        for (index, slot) in self.slots.iter().enumerate() {
            let load = slot.load();
            let idle = slot.would_begin(exclusive, self.config.concurrency);
            let takes = slot.takes_queries()
                || (self.has(Bug::HandToShutGate) && slot.is_live())
                || (self.has(Bug::HandToReleasing) && slot.is_releasing());
            if !takes || (!idle, load) >= least {
                continue;
            }
            let ahead = load < self.config.concurrency + self.config.ahead
                && slot.handed_bytes.saturating_add(size) <= self.config.ahead_bytes;
            let ahead = ahead || self.has(Bug::OverfillWorker);
            if idle || ahead {
                best = Some(index);
                least = (!idle, load);
                if load == 0 {
                    break;
                }
            }
        }
        best
    }

    fn hand(&mut self, index: usize, key: QueryKey, now: Instant) {
        let exclusive = self.is_exclusive(key);
        let slot = &mut self.slots[index];
        let worker = slot.id;
        if slot.load() == 0 {
            slot.progress = now;
        }
        let stuck_at =
            slot.begun.is_empty().then(|| later(slot.progress, self.config.boot_timeout));
        slot.handed.push_back(key);
        slot.exclusive += usize::from(exclusive);
        self.queries.leave_queue(key, Place::Handed { worker, recalled: false });
        self.slots[index].handed_bytes += self.queries.get(key).map_or(0, |query| query.size);
        if let Some(at) = stuck_at {
            self.wake_by(at);
        }
        self.actions.push_back(Action::Hand(worker, key));
    }

    /// A worker would be idle while another holds queries that it has not begun: those are asked
    /// back, the youngest first, because they would have waited longest.
    fn rebalance(&mut self, now: Instant) {
        if self.slots.len() < 2 {
            return;
        }
        if self.has(Bug::SkipTakeBack) {
            return;
        }
        let concurrency = self.config.concurrency;
        let trusting = self.has(Bug::WaitForEveryRecall);
        let owes = |slot: &Slot| {
            if trusting { slot.recalled } else { slot.owes(now) }
        };
        let owed: usize = self.slots.iter().map(owes).sum();
        let takers = self.slots.iter().filter(|slot| slot.takes_queries());
        let mut room = takers
            .clone()
            .map(|slot| slot.width(concurrency).saturating_sub(slot.load()))
            .sum::<usize>()
            .saturating_sub(owed);
        // What runs alone needs a worker of its own.
        let mut empty = takers.filter(|slot| slot.load() == 0).count().saturating_sub(owed);
        while room > 0 {
            let donor = self
                .slots
                .iter()
                .filter(|slot| slot.load() - slot.recalled > slot.width(concurrency))
                .filter(|slot| slot.answers(now))
                .filter_map(|slot| Some((slot, self.to_recall(slot, empty > 0)?)))
                .max_by_key(|(slot, _)| slot.load() - slot.recalled);
            let Some((worker, key)) = donor.map(|(slot, key)| (slot.id, key)) else { break };
            empty = empty.saturating_sub(usize::from(self.is_exclusive(key)));
            self.recall(worker, key, now);
            room -= 1;
        }
    }

    /// The youngest query of a worker that another could begin.
    fn to_recall(&self, slot: &Slot, alone: bool) -> Option<QueryKey> {
        let fits = |key: &QueryKey| !self.is_recalled(*key) && (alone || !self.is_exclusive(*key));
        slot.handed.iter().rev().copied().find(fits)
    }

    pub(super) fn is_exclusive(&self, key: QueryKey) -> bool {
        self.queries.get(key).is_some_and(|query| query.conduct == Conduct::Exclusive)
    }

    /// Asks a worker for a query that it has not begun.
    pub(super) fn recall(&mut self, worker: WorkerId, key: QueryKey, now: Instant) {
        if self.mark_recalled(worker, key, now) {
            self.actions.push_back(Action::Recall(worker, key));
        }
    }

    /// Notes that a handed query is on its way back; `false` where it already was.
    pub(super) fn mark_recalled(&mut self, worker: WorkerId, key: QueryKey, now: Instant) -> bool {
        if self.is_recalled(key) {
            return false;
        }
        if let Some(query) = self.queries.get_mut(key) {
            query.place = Place::Handed { worker, recalled: true };
        }
        if let Some(slot) = self.slot_mut(worker) {
            slot.asked = now;
            slot.recalled += 1;
            let deadline = slot.recall_deadline();
            if !self.has(Bug::ForgetWakeOfRecall) {
                self.wake_by(deadline);
            }
        }
        true
    }

    fn is_recalled(&self, key: QueryKey) -> bool {
        self.queries
            .get(key)
            .is_some_and(|query| matches!(query.place, Place::Handed { recalled: true, .. }))
    }
}
