//! Births of workers: how many are missing, and what budget and backoff allow.

use std::time::Instant;

use super::budget::BACKOFF_CAP;
use super::{Action, Bug, Core, Note, Slot, Stage, WorkerId, later};
use crate::error::{BootError, QueryError, SpawnError};

impl<P> Core<P> {
    /// Starts the workers and spares that are missing, as far as budget, backoff and CPUs allow.
    pub(super) fn fill(&mut self, now: Instant) {
        if self.has(Bug::NeverRespawn) && self.next_worker > self.target as u64 {
            return;
        }
        if self.draft(now) {
            self.dispatch(now);
        }
        let mut missing = self.missing();
        // Somebody may have made the pool smaller since.
        self.vacant = self.vacant.min(missing);
        while missing > 0 || self.missing_spares() > 0 {
            let starting = self.slots.iter().filter(|slot| slot.is_starting()).count();
            if starting >= self.config.boots_at_once && !self.has(Bug::TooManyBoots) {
                return;
            }
            let spent = self.budget.is_spent(now) && !self.has(Bug::RespawnBeyondTheBudget);
            if spent && self.slots.iter().any(|slot| !slot.is_dying() && !slot.temporary) {
                // Crashes are forgiven as they grow old.
                if let Some(at) = self.budget.recovers_at()
                    && !self.has(Bug::ForgetWakeOfRecovery)
                {
                    self.wake_by(at);
                }
                return;
            }
            let spare = missing == 0;
            if spent && spare {
                return;
            }
            if let Some(at) = self.budget.not_before()
                && now < at
                && !self.has(Bug::SkipBackoff)
            {
                self.wake_by(at);
                return;
            }
            let worker = self.launch(now);
            if spare {
                if let Some(slot) = self.slot_mut(worker) {
                    slot.spare = true;
                }
                continue;
            }
            let restart = self.vacant > 0 || self.has(Bug::CountFirstStarts);
            self.vacant = self.vacant.saturating_sub(1);
            self.restarts += u64::from(restart && !self.has(Bug::ForgetRestart));
            if let Some(slot) = self.slot_mut(worker) {
                slot.probe = spent;
            }
            if let Some(rolling) = &mut self.rolling {
                rolling.new.push(worker);
            }
            if spent && !self.has(Bug::ProbeAtOnce) {
                self.budget.defer_probe(now);
            }
            missing = self.missing();
        }
    }

    /// There is something to do: the pool gets its size.
    pub(super) fn demand(&mut self) {
        if self.target == 0 && self.stage != Stage::Destroyed {
            self.target = self.config.workers;
        }
    }

    /// Workers that are missing: those of the target, and replacements of a rolling respawn.
    pub(super) fn missing(&self) -> usize {
        if self.stage == Stage::Destroyed {
            return 0;
        }
        (self.target + self.to_replace()).saturating_sub(self.staying())
    }

    pub(super) fn launch(&mut self, now: Instant) -> WorkerId {
        let worker = self.next_worker;
        self.next_worker += 1;
        let slot = Slot::new(worker, now, self.config.boot_timeout);
        self.slots.push(slot);
        self.wake_by(later(now, self.config.boot_timeout));
        self.note(Note::Spawned(worker));
        self.actions.push_back(Action::Launch(worker));
        worker
    }

    /// No worker takes queries, none is about to, and none will be started for now.
    pub(super) fn is_hopeless(&mut self, now: Instant) -> bool {
        self.target > 0 && self.budget.is_spent(now) && self.coming() == 0
    }

    /// Workers that are ready, or will be unless they fail; from a probe nothing is expected.
    pub(super) fn coming(&self) -> usize {
        let comes = |slot: &&Slot| slot.is_staying() && (slot.is_live() || !slot.probe);
        self.slots.iter().filter(comes).count()
    }

    pub(super) fn fail_if_hopeless(&mut self, now: Instant) {
        if self.queries.front().is_none() || !self.is_hopeless(now) {
            return;
        }
        while let (Some(key), Some(error)) = (self.queries.front(), self.exhaustion()) {
            self.fail(key, error, now);
        }
    }

    pub(super) fn exhaustion(&self) -> Option<QueryError> {
        Some(QueryError::BudgetExhausted {
            crashes: self.budget.crashes(),
            window: self.budget.window(),
            last: self.budget.last()?.clone(),
        })
    }

    pub(super) fn spawn_exhaustion(&self) -> Option<SpawnError> {
        Some(SpawnError::BudgetExhausted {
            crashes: self.budget.crashes(),
            window: self.budget.window(),
            last: self.budget.last()?.clone(),
        })
    }

    pub(super) fn note_exhaustion(&mut self, worker: WorkerId, now: Instant) {
        if self.is_hopeless(now) {
            // The next attempt is a probe, a full pause from now.
            self.budget.defer_probe(now);
            self.wake_by(later(now, BACKOFF_CAP));
            if !std::mem::replace(&mut self.exhausted, true) {
                self.note(Note::BudgetExhausted(worker));
            }
        }
    }

    /// Another attempt would fail in the same way: who waits is told so, unless workers live.
    pub(super) fn give_up(&mut self, error: BootError, now: Instant) {
        if self.slots.iter().any(|slot| slot.is_staying()) {
            return;
        }
        self.target = 0;
        // Only somebody's demand starts the next one, and need not wait for it.
        if !self.budget.is_spent(now) {
            self.budget.calm_down();
        }
        while let Some(key) = self.queries.front() {
            self.fail(key, QueryError::Boot(error.clone()), now);
        }
    }
}
