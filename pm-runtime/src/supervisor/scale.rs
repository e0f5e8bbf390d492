//! How many workers a pool has, where that is a range.
//!
//! To start a worker costs about as much as to have a query wait for as long as a start takes. So one
//! more is started when a query has waited for so long: at worst twice of what was the right thing to
//! do is paid. Each further one is decided upon anew, with those that are coming counted in. A worker
//! that nobody has needed for the idle time-out goes, which is never less than a query has to wait for a
//! new one, so that the two do not chase each other.
//!
//! By hand a pool may be made any size, also one outside of its range: from there it grows no further
//! than the range, and shrinks no further.

use std::time::{Duration, Instant};

use super::query::Place;
use super::slot::Slot;
use super::{Bug, Config, Core, Note, Stage, WorkerId, later};

/// A query may wait for so long in any pool: less is worth no process.
pub(super) const SHORT: Duration = Duration::from_millis(20);

/// The size that the pool had when it last looked at it.
#[derive(Debug, Default)]
pub(super) struct Scaled {
    size: usize,
    /// When it last grew, by itself or by hand: as long ago at least a worker has to have been idle.
    pub(super) raised: Option<Instant>,
}

impl Config {
    /// Whether the pool finds its size by itself.
    pub(super) fn scales(&self) -> bool {
        self.workers < self.most
    }
}

impl<P> Core<P> {
    /// A worker took so long to start.
    pub(super) fn booted(&mut self, time: Duration) {
        self.boot = Some(self.boot.map_or(time, |mean| mean - mean / 4 + time / 4));
    }

    /// Whether the pool's size is its own to change.
    #[inline]
    fn may_scale(&mut self, now: Instant) -> bool {
        if !self.config.scales() || self.stage != Stage::Open {
            return false;
        }
        if self.target > std::mem::replace(&mut self.scaled.size, self.target) {
            self.scaled.raised = Some(now);
        }
        self.target > 0
    }

    /// Starts workers for queries that have waited for long; says when to look again.
    #[inline]
    pub(super) fn grow(&mut self, now: Instant) {
        if self.may_scale(now) {
            self.raise(now);
        }
    }

    fn raise(&mut self, now: Instant) {
        let most = if self.has(Bug::GrowBeyond) { usize::MAX } else { self.config.most };
        while self.target < most && self.missing() == 0 {
            let Some(since) = self.longest_wait() else { return };
            let due = later(since, self.worth());
            if now < due && !self.has(Bug::GrowAtOnce) {
                if !self.has(Bug::ForgetWakeOfWait) {
                    self.wake_by(due);
                }
                return;
            }
            let coming = self.slots.iter().filter(|slot| slot.is_starting() && slot.is_staying());
            let taken = coming.count().saturating_mul(self.config.concurrency);
            if self.backlog() <= taken && !self.has(Bug::GrowForAll) {
                return;
            }
            let spare = self.next_spare();
            if spare.is_none() && !self.may_start(now) {
                return;
            }
            let from = self.target;
            self.target += 1;
            self.scaled = Scaled { size: self.target, raised: Some(now) };
            let worker = spare.unwrap_or_else(|| self.launch(now));
            self.note(Note::Scaled { worker, from, to: self.target });
            if spare.is_some() {
                if self.enlist(worker, now) {
                    self.dispatch(now);
                }
                // There are to be as many spares as before.
                self.fill(now);
            }
        }
    }

    /// Whether one more worker may be started; says when to look again.
    fn may_start(&mut self, now: Instant) -> bool {
        let starting = self.slots.iter().filter(|slot| slot.is_starting()).count();
        if starting >= self.config.boots_at_once {
            return false;
        }
        let later = match self.budget.is_spent(now) {
            true => self.budget.recovers_at(),
            false => self.budget.not_before().filter(|&at| now < at),
        };
        if let Some(at) = later {
            self.wake_by(at);
        }
        later.is_none() && !self.budget.is_spent(now)
    }

    /// Lets workers go that have been idle for long, since the pool last grew at least.
    pub(super) fn shrink(&mut self, now: Instant) {
        if !self.may_scale(now) {
            return;
        }
        let Some(patience) = self.config.idle_timeout else { return };
        let patience = if self.has(Bug::Chase) { patience } else { patience.max(self.worth()) };
        let least = if self.has(Bug::ShrinkBeyond) { 0 } else { self.config.workers };
        let live = |core: &Self| core.slots.iter().filter(|slot| slot.is_live()).count();
        while self.target > least && live(self) >= self.target && self.none_waits() {
            let (busy, hasty) = (self.has(Bug::ShrinkTheBusy), self.has(Bug::ShrinkAtOnce));
            let idle = |slot: &&Slot| slot.takes_queries() && (busy || slot.load_with_added() == 0);
            let raised = self.scaled.raised.filter(|_| !self.has(Bug::Flap));
            let since = |slot: &Slot| raised.map_or(slot.progress, |at| at.max(slot.progress));
            let due = |slot: &Slot| later(since(slot), patience);
            let idle = self.slots.iter().filter(idle);
            // The older ones are the first to be given something.
            let youngest = idle.clone().rfind(|slot| due(slot) <= now || hasty);
            let Some(worker) = youngest.map(|slot| slot.id) else {
                if let Some(at) = idle.map(due).min()
                    && !self.has(Bug::ForgetWakeOfIdle)
                {
                    self.wake_by(at);
                }
                return;
            };
            let from = self.target;
            self.give_up_place(worker);
            self.scaled.size = self.target;
            self.note(Note::Scaled { worker, from, to: self.target });
            self.release(worker, None, now);
        }
    }

    /// A worker has failed to start. Where it was one more than the least, and by now nobody needs it,
    /// its place goes with it, rather than that others fail there, too, until the budget is spent.
    pub(super) fn give_up_vain_place(&mut self, worker: WorkerId, now: Instant) {
        let idles = |slot: &Slot| slot.takes_queries() && slot.load_with_added() == 0;
        let is_vain = self.may_scale(now)
            && self.target > self.config.workers
            && self.slots.iter().filter(|slot| slot.is_live()).count() < self.target
            && self.slots.iter().any(idles)
            && self.none_waits()
            && self.rolling.is_none()
            && self.is_awaited_by_nobody();
        if is_vain && !self.has(Bug::KeepVainPlaces) {
            let from = self.target;
            self.target -= 1;
            self.scaled.size = self.target;
            self.note(Note::Scaled { worker, from, to: self.target });
        }
    }

    /// Nothing is there that another worker would begin. Whoever idles may be about to get what others
    /// were asked for.
    fn none_waits(&self) -> bool {
        self.backlog() == 0 && self.slots.iter().all(|slot| slot.recalled == 0)
    }

    /// How long a query has to wait to be worth one more worker.
    fn worth(&self) -> Duration {
        self.boot.unwrap_or_default().max(SHORT)
    }

    /// Since when the query waits that has waited longest, and that another worker would have begun.
    fn longest_wait(&self) -> Option<Instant> {
        let submitted = |key| self.queries.get(key).map(|query| query.waits_since);
        let ahead = self.slots.iter().filter_map(|slot| self.longest_ahead(slot));
        let ahead = ahead.filter(|_| !self.has(Bug::ForgetAhead));
        self.queries.front().and_then(submitted).into_iter().chain(ahead).min()
    }

    /// The same of those that a worker holds beyond what it may have begun by now, and that others may
    /// have instead.
    fn longest_ahead(&self, slot: &Slot) -> Option<Instant> {
        if slot.surplus(self.config.concurrency) == 0 {
            return None;
        }
        let begins = slot.width(self.config.concurrency).saturating_sub(slot.begun.len());
        let handed = slot.handed.iter().filter_map(|&key| self.queries.get(key));
        let stay =
            handed.filter(|query| query.place != Place::Handed { worker: slot.id, recalled: true });
        let free = stay.skip(begins).filter(|query| !query.route.is_bound());
        free.map(|query| query.waits_since).min()
    }

    /// Queries that other workers would begin, if there were any.
    fn backlog(&self) -> usize {
        let concurrency = self.config.concurrency;
        let ahead: usize = self.slots.iter().map(|slot| slot.surplus(concurrency)).sum();
        self.queries.waiting_for_any() + ahead
    }
}
