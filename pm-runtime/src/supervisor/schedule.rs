//! Which worker gets which query.

use std::time::Instant;

use super::pace::Fast;
use super::query::Query;
use super::{Action, Bug, Core, Place, QueryKey, Route, Slot, Submission, WorkerId, later};
use crate::conduct::Conduct;

/// So many queries keep a worker busy until somebody hears of the first one's end.
const BUSY: usize = 16;

impl<P> Core<P> {
    /// Hands waiting queries, oldest first, to workers with room; sees to it that none is idle while
    /// another has too many.
    pub(super) fn dispatch(&mut self, now: Instant) {
        self.hand_waiting(now);
        self.rebalance(now);
    }

    /// Hands waiting queries, oldest first, to workers with room.
    pub(super) fn hand_waiting(&mut self, now: Instant) {
        self.dispatch_pinned(now);
        while let Some(key) = self.queries.front() {
            let Some(worker) = self.choose(key, now) else {
                break;
            };
            self.hand(worker, key, now);
            self.dispatch_pinned(now);
        }
    }

    /// Hands queries to the workers that they are pinned to, those that are older than all that
    /// anybody may have: nobody overtakes.
    fn dispatch_pinned(&mut self, now: Instant) {
        if self.queries.none_pinned() {
            return;
        }
        let turn = self.queries.front().map_or(u64::MAX, |key| self.queries.seq_of(key));
        let wanted: Vec<WorkerId> = self.queries.wanted().collect();
        for worker in wanted {
            while let Some(key) = self.queries.front_pinned(worker)
                && self.queries.seq_of(key) < turn
                && let Some(index) = self.with_room(worker, key)
            {
                self.hand(index, key, now);
            }
        }
    }

    /// The worker that is to get a query which any of them may have.
    fn choose(&mut self, key: QueryKey, now: Instant) -> Option<usize> {
        let query = self.queries.get(key)?;
        let (size, seq, route, conduct) = (query.size(), query.seq, query.route, query.conduct);
        let exclusive = self.is_exclusive(key);
        let Route::Key(of) = route else {
            return match query.runs_alone() {
                true => self.least_loaded(size, seq, exclusive),
                false => self.choose_any(size, seq, conduct, now),
            };
        };
        let usual = self.keys.get(of).filter(|_| !self.has(Bug::ForgetKeys));
        let index = usual
            .and_then(|worker| self.with_room(worker, key))
            .or_else(|| self.least_loaded(size, seq, exclusive))?;
        if self.has(Bug::GrowKeys) {
            self.keys.grow();
        }
        self.keys.set(of, self.slots[index].id);
        Some(index)
    }

    /// The same, where it does not matter which one had others like it.
    pub(super) fn choose_any(
        &mut self,
        size: usize,
        seq: u64,
        conduct: Conduct,
        now: Instant,
    ) -> Option<usize> {
        match self.choose_fast(size, seq, conduct, now) {
            Fast::Here(index, until) => {
                self.doubt(until);
                Some(index)
            }
            Fast::Later(until) => {
                self.doubt(until);
                None
            }
            Fast::Anywhere => self.least_loaded(size, seq, self.config.is_exclusive(conduct)),
        }
    }

    /// A worker that takes queries, where it may have this one too.
    fn with_room(&self, worker: WorkerId, key: QueryKey) -> Option<usize> {
        let query = self.queries.get(key)?;
        let (size, seq) = (query.size(), query.seq);
        let index = self.index_of(worker)?;
        let slot = &self.slots[index];
        let takes = slot.takes_queries() && !self.is_reserved(slot, seq);
        (takes && self.has_room_in(slot, size, self.is_exclusive(key))).then_some(index)
    }

    /// Somebody has waited for this worker by name, longer than since `seq`.
    pub(super) fn is_reserved(&self, slot: &Slot, seq: u64) -> bool {
        !self.queries.none_pinned()
            && self.queries.front_pinned(slot.id).is_some_and(|key| self.queries.seq_of(key) < seq)
    }

    /// Whether a worker would begin a query of this size at once, or may hold it ahead.
    pub(super) fn has_room_in(&self, slot: &Slot, size: usize, exclusive: bool) -> bool {
        // One by one no more than keep it busy: many at once take less time each.
        let most = if self.behind { self.config.ahead } else { self.config.ahead.min(BUSY) };
        self.has_room_up_to(most, slot, size, exclusive)
    }

    /// The same, where it may hold so many ahead.
    pub(super) fn has_room_up_to(
        &self,
        most: usize,
        slot: &Slot,
        size: usize,
        exclusive: bool,
    ) -> bool {
        let ahead = slot.load() < self.config.concurrency + most
            && slot.handed_bytes.saturating_add(size) <= self.config.ahead_bytes;
        slot.would_begin(exclusive, self.config.concurrency)
            || ahead
            || self.has(Bug::OverfillWorker)
    }

    /// Whether a query would be handed to a worker at once.
    pub(super) fn has_room(&self, submission: &Submission<P>) -> bool {
        let size = submission.size;
        let exclusive = self.config.is_exclusive(submission.conduct);
        match submission.route {
            Route::Any | Route::Key(_) => {
                // Fast queries may wait although there is room.
                let waits = |front| self.room_for(front).is_none() || self.has(Bug::RefuseForPace);
                !self.queries.front().is_some_and(waits)
                    && self.least_loaded(size, u64::MAX, exclusive).is_some()
            }
            Route::Worker(worker) => {
                self.queries.front().is_none()
                    && self.queries.front_pinned(worker).is_none()
                    && self.slot(worker).is_some_and(|slot| {
                        slot.takes_queries() && self.has_room_in(slot, size, exclusive)
                    })
            }
            Route::Temporary => {
                let here = self.slots.iter().filter(|slot| slot.temporary).count();
                here < self.config.most
            }
        }
    }

    /// The worker that a query goes to which any of them may have, fast or not.
    fn room_for(&self, key: QueryKey) -> Option<usize> {
        let query = self.queries.get(key)?;
        let (size, seq) = (query.size(), query.seq);
        self.least_loaded(size, seq, self.is_exclusive(key))
    }

    /// Hands the oldest query on, fast or not: there is no place for another one to wait.
    pub(super) fn make_place(&mut self, now: Instant) {
        if let Some(key) = self.queries.front()
            && let Some(index) = self.room_for(key)
        {
            self.hand(index, key, now);
        }
    }

    /// The least-loaded worker that may take a query of this size: one that would begin it at
    /// once, else one that may hold it ahead. The older of two wins, so that few stay warm.
    fn least_loaded(&self, size: usize, seq: u64, exclusive: bool) -> Option<usize> {
        let mut best = None;
        let mut least = (true, usize::MAX);
        for (index, slot) in self.slots.iter().enumerate() {
            let load = slot.load();
            let idle = slot.would_begin(exclusive, self.config.concurrency);
            if (!idle, load) >= least || !self.has_room_in(slot, size, exclusive) {
                continue;
            }
            let takes = slot.takes_queries()
                || (self.has(Bug::HandToShutGate) && slot.is_live())
                || (self.has(Bug::HandToLost) && slot.is_live() && slot.lost.is_some())
                || (self.has(Bug::HandToSpare) && slot.spare && slot.is_sound())
                || (self.has(Bug::HandToReleasing) && slot.is_releasing())
                || (self.has(Bug::ShareTemporary) && slot.temporary && slot.is_releasing());
            if takes && !self.is_reserved(slot, seq) {
                best = Some(index);
                least = (!idle, load);
                if load == 0 {
                    break;
                }
            }
        }
        best
    }

    pub(super) fn hand(&mut self, index: usize, key: QueryKey, now: Instant) {
        let worker = self.slots[index].id;
        let forgets = self.has(Bug::ShareSuspects);
        self.queries.leave_queue(key, Place::Handed { worker, recalled: false });
        let (mut size, mut bound) = (0, false);
        if let Some(query) = self.queries.get_mut(key) {
            query.alone = query.print.is_some() && !forgets;
            (size, bound) = (query.size(), query.route.is_bound());
        }
        let exclusive = self.is_exclusive(key);
        let slot = &mut self.slots[index];
        slot.handed_bytes += size;
        slot.bound += usize::from(bound);
        slot.exclusive += usize::from(exclusive);
        self.note_handed(index, key, now);
    }

    /// A worker is handed this query, behind those that it holds.
    pub(super) fn note_handed(&mut self, index: usize, key: QueryKey, now: Instant) {
        let slot = &mut self.slots[index];
        let worker = slot.id;
        // Of one that holds others already it is known.
        let mut stuck_at = None;
        if slot.runs_none() && slot.handed.is_empty() {
            slot.progress = now;
            slot.moved = now;
            stuck_at = Some(later(now, self.config.boot_timeout));
        }
        slot.handed.push_back(key);
        let place = slot.handed.len() - 1;
        self.expect_begin(index, place, now);
        if let Some(at) = stuck_at {
            self.wake_by(at);
        }
        self.actions.push_back(Action::Hand(worker, key));
    }

    /// A worker would be idle while another holds queries that it has not begun: those are asked
    /// back, the youngest first, because they would have waited longest.
    fn rebalance(&mut self, now: Instant) {
        if self.slots.len() < 2 || self.has(Bug::SkipTakeBack) {
            return;
        }
        let concurrency = self.config.concurrency;
        // In all that follows nobody is asked for anything, as a rule, and each look at all workers
        // costs: so those that tell the most come first.
        if !self.slots.iter().any(|slot| slot.load() > slot.width(concurrency)) {
            return;
        }
        let (mut room, mut empty) = self.room_to_begin(now);
        if room == 0 {
            return;
        }
        let moves_bound = self.has(Bug::MovePinned) || self.has(Bug::MoveKeyed);
        let surplus = |slot: &Slot| match moves_bound {
            true => (slot.load() - slot.recalled).saturating_sub(slot.width(concurrency)),
            false => slot.surplus(concurrency),
        };
        let donors = self.slots.iter().filter(|slot| surplus(slot) > 0);
        let fast: Vec<_> = donors.map(|slot| self.is_fast_until(slot, now)).collect();
        if let Some(&until) = fast.iter().flatten().min() {
            self.doubt(until);
        }
        if fast.iter().all(Option::is_some) {
            return;
        }
        while room > 0 {
            let donor = self
                .slots
                .iter()
                .filter(|slot| surplus(slot) > 0 && slot.answers(now))
                .filter(|slot| self.is_fast_until(slot, now).is_none())
                .filter_map(|slot| Some((slot, self.to_recall(slot, empty > 0)?)))
                .max_by_key(|(slot, _)| slot.load() - slot.recalled);
            let Some((worker, key)) = donor.map(|(slot, key)| (slot.id, key)) else { break };
            empty = empty.saturating_sub(usize::from(self.is_exclusive(key)));
            self.recall(worker, key, now);
            room -= 1;
        }
    }

    /// How many queries workers would begin that they do not hold, nor are about to get back from
    /// others; and how many workers have nothing else to run, for what runs alone.
    fn room_to_begin(&self, now: Instant) -> (usize, usize) {
        let concurrency = self.config.concurrency;
        let trusting = self.has(Bug::WaitForEveryRecall);
        // What waits for a worker by name has its room first.
        let is_free = |slot: &Slot| {
            slot.takes_queries()
                && (self.queries.none_pinned() || self.queries.front_pinned(slot.id).is_none())
        };
        let (mut room, mut empty, mut owed) = (0_usize, 0_usize, 0);
        for slot in &self.slots {
            let (load, width) = (slot.load(), slot.width(concurrency));
            if load < width && is_free(slot) {
                room += width - load;
                empty += usize::from(load == 0);
            }
            if slot.recalled > 0 {
                owed += if trusting { slot.recalled } else { slot.owes(now) };
            }
        }
        (room.saturating_sub(owed), empty.saturating_sub(owed))
    }

    /// The youngest query of a worker that another could begin.
    fn to_recall(&self, slot: &Slot, alone: bool) -> Option<QueryKey> {
        let fits = |key: &QueryKey| self.is_movable(*key) && (alone || !self.is_exclusive(*key));
        slot.handed.iter().rev().copied().find(fits)
    }

    pub(super) fn is_exclusive(&self, key: QueryKey) -> bool {
        let is_exclusive =
            |query: &Query<P>| query.runs_alone() || self.config.is_exclusive(query.conduct);
        self.queries.get(key).is_some_and(is_exclusive)
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
        let mut bound = false;
        if let Some(query) = self.queries.get_mut(key) {
            query.place = Place::Handed { worker, recalled: true };
            bound = query.route.is_bound();
        }
        if let Some(slot) = self.slot_mut(worker) {
            slot.bound -= usize::from(bound);
            slot.asked = now;
            slot.recalled += 1;
            let deadline = slot.recall_deadline();
            if !self.has(Bug::ForgetWakeOfRecall) {
                self.wake_by(deadline);
            }
        }
        true
    }

    /// Whether another worker may have a handed query instead, and nobody has seen to it yet.
    fn is_movable(&self, key: QueryKey) -> bool {
        self.queries.get(key).is_some_and(|query| {
            let bound = match query.route {
                Route::Worker(_) if self.has(Bug::MovePinned) => false,
                Route::Key(_) if self.has(Bug::MoveKeyed) => false,
                route => route.is_bound(),
            };
            !bound && matches!(query.place, Place::Handed { recalled: false, .. })
        })
    }

    fn is_recalled(&self, key: QueryKey) -> bool {
        self.queries
            .get(key)
            .is_some_and(|query| matches!(query.place, Place::Handed { recalled: true, .. }))
    }
}
