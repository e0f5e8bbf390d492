//! Links that end on the worker's side.
//!
//! Mostly that is the first sign of a death, which is told of a moment later with its true cause.
//! A worker that lives on without its link can be of no use, and is killed for it.

use std::time::Instant;

use super::{Bug, Core, LINK_PATIENCE, WorkerId, later};

impl<P> Core<P> {
    /// A worker's side of the link has ended: it gets nothing more, and should be dead soon.
    pub(crate) fn lost(&mut self, worker: WorkerId, now: Instant) {
        if self.has(Bug::KillLostAtOnce) {
            return self.kill_lost(worker, now);
        }
        let until = later(now, LINK_PATIENCE);
        let forgets = self.has(Bug::ForgetLost);
        let Some(slot) = self.slot_mut(worker) else {
            return;
        };
        if slot.is_dying() || slot.lost.is_some() {
            return;
        }
        slot.lost = Some(until);
        if !forgets {
            self.wake_by(until);
        }
        // What it was asked for does not come back before its death.
        self.after_change(now);
    }

    /// Kills a worker that has not died of what ended its link. One that was told to end may take
    /// its time, within its grace.
    pub(super) fn tick_lost(&mut self, worker: WorkerId, now: Instant) {
        let Some(slot) = self.slot(worker).filter(|slot| !slot.is_dying() && !slot.is_told())
        else {
            return;
        };
        match slot.lost {
            Some(until) if until <= now => self.kill_lost(worker, now),
            Some(until) => self.wake_by(until),
            None => {}
        }
    }

    fn kill_lost(&mut self, worker: WorkerId, now: Instant) {
        let cause = self.breach(worker, "it closed its side of the link, and lived on");
        self.kill(worker, cause, None, now);
    }
}
