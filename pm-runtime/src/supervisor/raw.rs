//! Workers that run one function each, to its end, and no queries.
//!
//! What is said to them and by them is none of the policy's business. It starts, releases and replaces
//! them as any others; but their functions may return, and what an answer proves of others, of these
//! only their age does.

use std::time::Instant;

use super::budget::BACKOFF_CAP;
use super::slot::{Phase, Slot};
use super::{Bug, Core, LINK_PATIENCE, Note, Violation, WorkerId, later};
use crate::error::CrashCause;

impl<P> Core<P> {
    /// The function of a worker has returned, and meant to: the worker ends, and nobody takes its
    /// place, as if it had been released.
    pub(crate) fn leave(&mut self, worker: WorkerId, now: Instant) -> Result<(), Violation> {
        let (raw, deadline) = (self.config.raw, self.gone_by(now));
        let (replaced, trims) = (self.has(Bug::ReplaceLeft), self.has(Bug::TrimForLeft));
        let slot =
            self.slot_mut(worker).filter(|slot| raw && !slot.spare).ok_or(Violation::Left)?;
        match &mut slot.phase {
            Phase::Starting { .. } => return Err(Violation::Left),
            Phase::Dying { .. } => return Ok(()),
            Phase::Releasing { told, .. } => *told = true,
            phase @ Phase::Live => {
                if !trims {
                    *phase = Phase::Releasing { deadline: Some(deadline), told: true };
                }
                if !replaced {
                    self.give_up_place(worker);
                }
                self.vacant += usize::from(self.has(Bug::VacateLeft));
                self.wake_by(deadline);
            }
        }
        self.after_change(now);
        Ok(())
    }

    /// The function of a worker has returned an error, or panicked: the worker is about to end, and its
    /// death tells what that was. One that does not get away is killed when the grace is over.
    pub(crate) fn failed(&mut self, worker: WorkerId, now: Instant) -> Result<(), Violation> {
        let (raw, until) = (self.config.raw, self.gone_by(now));
        let forgets = self.has(Bug::ForgetFailing);
        let slot =
            self.slot_mut(worker).filter(|slot| raw && !slot.spare).ok_or(Violation::Left)?;
        if slot.is_starting() {
            return Err(Violation::Left);
        }
        slot.failing.get_or_insert(until);
        if !forgets {
            self.wake_by(until);
        }
        Ok(())
    }

    pub(super) fn tick_failing(&mut self, worker: WorkerId, now: Instant) {
        let slot = self.slot(worker).filter(|slot| !slot.is_dying());
        match slot.and_then(|slot| slot.failing) {
            _ if self.has(Bug::ForgetFailing) => {}
            Some(until) if until <= now => {
                self.kill(worker, CrashCause::Grace(self.config.grace), None, now);
            }
            Some(until) => self.wake_by(until),
            None => {}
        }
    }

    /// When a worker should be gone whose function has ended: also where the pool has no grace, it takes
    /// a moment to end a process.
    fn gone_by(&self, now: Instant) -> Instant {
        later(now, self.config.grace.max(LINK_PATIENCE))
    }

    /// The application counts what a worker is at.
    pub(crate) fn add_load(&mut self, worker: WorkerId, delta: isize) {
        if let Some(slot) = self.slot_mut(worker) {
            slot.added = slot.added.saturating_add_signed(delta);
        }
    }

    /// A worker that is gone has lived long enough to say that the next one will, too.
    pub(super) fn prove_by_age(&mut self, slot: &Slot, now: Instant) {
        let is_old = proven_at(slot).is_some_and(|at| at <= now);
        if self.config.raw && is_old && !slot.spare && !self.has(Bug::ForgetAge) {
            self.budget.answered();
        }
    }

    /// A probe that has lived for as long as the pause to the next one heals the pool; once somebody
    /// has forgiven all, any worker does.
    pub(super) fn tick_probe(&mut self, worker: WorkerId, now: Instant) {
        if !self.config.raw || self.has(Bug::ForgetOldProbe) {
            return;
        }
        let (hasty, forgets) = (self.has(Bug::HealAtOnce), self.has(Bug::ForgetWakeOfProbe));
        let exhausted = self.exhausted;
        let proves = |slot: &&mut Slot| slot.is_live() && (slot.probe || exhausted);
        let Some(slot) = self.slot_mut(worker).filter(proves) else {
            return;
        };
        match proven_at(slot) {
            Some(at) if at <= now || hasty => match std::mem::take(&mut slot.probe) {
                true => self.heal(worker),
                false => self.note_healed(worker),
            },
            Some(_) if forgets => {}
            Some(at) => self.wake_by(at),
            None => {}
        }
    }

    pub(super) fn heal(&mut self, worker: WorkerId) {
        self.budget.heal();
        self.note_healed(worker);
    }

    /// Who was told that the budget is exhausted hears that workers serve again.
    pub(super) fn note_healed(&mut self, worker: WorkerId) {
        self.exhausted = false;
        self.note(Note::Healed(worker));
    }
}

/// When a worker will have lived for long enough.
fn proven_at(slot: &Slot) -> Option<Instant> {
    slot.live.map(|live| later(live, BACKOFF_CAP))
}
