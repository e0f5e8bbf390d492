//! Temporary workers: each runs one query, which nothing else can reach, and is gone afterwards.
//!
//! They are no part of the pool's size. A temporary worker is released at the moment in which it is
//! ready: it is handed its query, takes no other, and ends when it has none.

use std::time::Instant;

use super::life::was_killed;
use super::slot::{Phase, Slot};
use super::{Bug, Core, Stage, WorkerId};
use crate::error::{CrashCause, QueryError};

impl<P> Core<P> {
    /// Starts a worker for each query that wants one of its own, as far as their number, the
    /// pauses after failures and the CPUs allow.
    pub(super) fn fill_temporary(&mut self, now: Instant) {
        let over = matches!(self.stage, Stage::Destroyed | Stage::Draining { over: true, .. });
        if over || self.queries.front_temporary().is_none() {
            return;
        }
        let mut starting = self.slots.iter().filter(|slot| slot.is_starting()).count();
        let mut here = self.slots.iter().filter(|slot| slot.temporary).count();
        let coming = self.coming_temporary();
        let mut missing = self.queries.waiting_temporary().saturating_sub(coming);
        let most = match self.has(Bug::TooManyTemporary) {
            true => usize::MAX,
            false => self.config.most,
        };
        let mut drafted = false;
        while missing > 0
            && here < most
            && let Some(worker) = self.ready_spare()
        {
            if let Some(slot) = self.slot_mut(worker) {
                slot.spare = false;
                slot.temporary = true;
            }
            self.commission(worker, now);
            (here, missing, drafted) = (here + 1, missing - 1, true);
        }
        if drafted {
            // There are to be as many as before.
            self.fill(now);
            starting = self.slots.iter().filter(|slot| slot.is_starting()).count();
        }
        while missing > 0 && here < most && starting < self.config.boots_at_once {
            if let Some(at) = self.temporary_pauses.not_before()
                && now < at
            {
                self.wake_by(at);
                return;
            }
            let worker = self.launch(now);
            if let Some(slot) = self.slot_mut(worker) {
                slot.temporary = true;
            }
            (starting, here, missing) = (starting + 1, here + 1, missing - 1);
        }
    }

    /// A temporary worker is ready: it gets its query, and is on its way out.
    pub(super) fn commission(&mut self, worker: WorkerId, now: Instant) {
        let Some(index) = self.index_of(worker) else {
            return;
        };
        // Its query runs under its own timeout.
        self.slots[index].phase = Phase::Releasing { deadline: None, told: false };
        if let Some(key) = self.queries.front_temporary() {
            self.hand(index, key, now);
        }
    }

    /// A deliberate bug: hands another query to a temporary worker that has had its own.
    pub(super) fn reuse_temporary(&mut self, now: Instant) {
        let idle = |slot: &Slot| {
            slot.temporary && slot.phase == Phase::Releasing { deadline: None, told: false }
        };
        if let Some(key) = self.queries.front_temporary()
            && let Some(index) = self.slots.iter().position(|slot| idle(slot) && slot.load() == 0)
        {
            self.hand(index, key, now);
        }
    }

    /// Temporary workers that have no query yet, and will be ready unless they fail.
    fn coming_temporary(&self) -> usize {
        self.slots.iter().filter(|slot| slot.temporary && slot.is_starting()).count()
    }

    /// A temporary worker died, or never came to life: that concerns its query alone.
    pub(super) fn temporary_died(&mut self, slot: &Slot, cause: &CrashCause, now: Instant) {
        // What it hears before it is ready is another's.
        let began = slot.live.is_some() && (slot.served > 0 || !slot.begun.is_empty());
        if began {
            self.temporary_pauses.answered();
        } else if !matches!(cause, CrashCause::Grace(_)) {
            self.temporary_pauses.back_off(now);
        }
        let CrashCause::Boot(error) = cause else { return };
        // Whoever killed it has said nothing of its query: that gets another one.
        if was_killed(error) && !self.has(Bug::BlameKilledBoots) {
            return;
        }
        // Another attempt for the same query might fail for ever.
        while self.queries.waiting_temporary() > self.coming_temporary()
            && let Some(key) = self.queries.front_temporary()
        {
            self.fail(key, QueryError::Boot(error.clone()), now);
            if !error.is_permanent() {
                return;
            }
        }
    }
}
