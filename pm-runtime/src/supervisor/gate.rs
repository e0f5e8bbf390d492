//! Deliberate kills: a gate is shut first, what runs is read again, and then it is decided.

use std::time::Instant;

use super::query::Due;
use super::slot::{Gate, Phase, Slot, Verdict};
use super::{
    Action, Bug, Core, DEATH_PATIENCE, DROP_PATIENCE, GATE_PATIENCE, Place, QueryKey, Violation,
    WorkerId, later,
};
use crate::error::{BootError, CrashCause};

impl<P> Core<P> {
    /// A worker's gate is shut: these run, and nothing begins until it is opened.
    pub(crate) fn gated(
        &mut self,
        worker: WorkerId,
        running: &[QueryKey],
        now: Instant,
    ) -> Result<(), Violation> {
        let Gate::Shutting { verdict, .. } = self.slot(worker).ok_or(Violation::Gated)?.gate else {
            return Err(Violation::Gated);
        };
        if self.slot(worker).is_some_and(|slot| slot.is_dying()) {
            return Ok(());
        }
        if running.len() > self.config.concurrency {
            return Err(Violation::TooManyBegun);
        }
        for &key in running {
            self.begun_at(worker, key, now, now)?;
        }
        let guilty = match verdict {
            Verdict::Cancelled(_) if self.has(Bug::KillForAnswered) => true,
            Verdict::Overran(key) | Verdict::Cancelled(key) => {
                running.contains(&key) && self.holds(worker, verdict, now)
            }
            Verdict::Stuck | Verdict::GraceOver => self.holds(worker, verdict, now),
            Verdict::Mute => false,
        };
        if guilty {
            self.execute(worker, verdict, now);
        } else {
            self.reprieve(worker, verdict, now);
        }
        self.after_change(now);
        Ok(())
    }

    /// Whether a worker is still guilty, by all that it has told.
    fn holds(&self, worker: WorkerId, verdict: Verdict, now: Instant) -> bool {
        let Some(slot) = self.slot(worker) else {
            return false;
        };
        match verdict {
            Verdict::Cancelled(key) => slot.begun.contains(&key),
            Verdict::Overran(key) => {
                let has_time = self.has_time(key, now) && !self.has(Bug::KillExtended);
                slot.begun.contains(&key) && !has_time
            }
            Verdict::Stuck => {
                slot.runs_none()
                    && !slot.handed.is_empty()
                    && later(slot.progress, self.config.boot_timeout) <= now
            }
            Verdict::GraceOver | Verdict::Mute => true,
        }
    }

    /// A worker broke the protocol: it is killed.
    pub(crate) fn violated(&mut self, worker: WorkerId, what: &str, now: Instant) {
        let cause = self.breach(worker, what);
        self.kill(worker, cause, None, now);
        self.after_change(now);
    }

    pub(super) fn breach(&self, worker: WorkerId, what: &str) -> CrashCause {
        match self.slot(worker).is_some_and(Slot::is_starting) {
            true => CrashCause::Boot(BootError::Protocol { reason: what.into() }),
            false => CrashCause::Protocol(what.into()),
        }
    }

    /// Shuts the gate of a worker that is to be killed, so that nothing begins that would die
    /// of it.
    pub(super) fn accuse(&mut self, worker: WorkerId, verdict: Verdict, now: Instant) {
        if self.has(Bug::KillWithoutGate) {
            return self.execute(worker, verdict, now);
        }
        let until = later(now, GATE_PATIENCE);
        let Some(slot) = self.slot_mut(worker) else {
            return;
        };
        if slot.gate != Gate::Open || slot.is_dying() {
            return;
        }
        slot.gate = Gate::Shutting { verdict, until };
        self.wake_by(until);
        self.actions.push_back(Action::ShutGate(worker));
    }

    /// Nobody waits any more for a query that this worker runs, and only the worker's death ends
    /// it. Where that is not wished, it runs on.
    pub(super) fn end_unwanted(&mut self, worker: WorkerId, key: QueryKey, now: Instant) {
        if !self.is_unwanted(key) {
            return;
        }
        match self.has(Bug::CancelWithoutGate) {
            true => self.execute(worker, Verdict::Cancelled(key), now),
            false => self.accuse(worker, Verdict::Cancelled(key), now),
        }
    }

    /// A worker has not confirmed in time that its gate is shut.
    pub(super) fn lose_patience(&mut self, worker: WorkerId, verdict: Verdict, now: Instant) {
        if self.holds(worker, verdict, now) {
            return self.execute(worker, verdict, now);
        }
        // It did in time what was asked of it. What else runs there shall not die because the
        // machine is busy; but as long as its gate is shut the worker is of no use.
        let until = later(now, DROP_PATIENCE);
        if let Some(slot) = self.slot_mut(worker) {
            slot.gate = Gate::Shutting { verdict: Verdict::Mute, until };
            self.wake_by(until);
        }
    }

    /// Kills a worker for what its gate was shut for.
    pub(super) fn execute(&mut self, worker: WorkerId, verdict: Verdict, now: Instant) {
        let (cause, target) = match verdict {
            Verdict::Overran(key) => {
                let timeout = self.queries.get(key).and_then(|query| query.timeout());
                (CrashCause::TimedOut(timeout.unwrap_or_default()), Some(key))
            }
            Verdict::Cancelled(key) => (CrashCause::Cancelled, Some(key)),
            Verdict::Stuck => (CrashCause::Stuck(self.config.boot_timeout), None),
            Verdict::Mute => (CrashCause::Stuck(GATE_PATIENCE + DROP_PATIENCE), None),
            Verdict::GraceOver => (CrashCause::Grace(self.config.grace), None),
        };
        self.kill(worker, cause, target, now);
    }

    /// The decision of a moment ago no longer holds: the gate opens again.
    fn reprieve(&mut self, worker: WorkerId, verdict: Verdict, now: Instant) {
        if self.has(Bug::KillAnInnocent) {
            return self.execute(worker, verdict, now);
        }
        if let Verdict::Overran(key) | Verdict::Cancelled(key) = verdict
            && (matches!(verdict, Verdict::Cancelled(_)) || !self.has_time(key, now))
            && let Some(query) = self.queries.get_mut(key)
            && let Place::Begun { .. } = query.place
        {
            // Its end is on the way behind this message. Should it not be, that was a lie.
            let until = later(now, GATE_PATIENCE);
            let dropping = query.due().is_some_and(|due| due.dropping);
            query.set_due(Due { until, dropping, spared: true });
            self.wake_by(until);
        }
        let Some(slot) = self.slot_mut(worker) else {
            return;
        };
        slot.gate = Gate::Open;
        slot.progress = now;
        if !self.has(Bug::ForgetWakeAfterReprieve) {
            // While the gate was shut, nobody was accused of anything else.
            self.wake_by(now);
        }
        if self.has(Bug::NeverOpenGate) {
            return;
        }
        self.actions.push_back(Action::OpenGate(worker));
    }

    pub(super) fn kill(
        &mut self,
        worker: WorkerId,
        cause: CrashCause,
        target: Option<QueryKey>,
        now: Instant,
    ) {
        let deadline = later(now, DEATH_PATIENCE);
        let Some(slot) = self.slot_mut(worker) else {
            return;
        };
        if slot.is_dying() {
            return;
        }
        // Nobody takes the place of one that was no longer wanted.
        let is_release = matches!(cause, CrashCause::Grace(_)) && slot.failing.is_none();
        let wanted = slot.is_missed() && !is_release;
        slot.phase = Phase::Dying { cause, target, deadline };
        self.vacant += usize::from(wanted);
        self.wake_by(deadline);
        self.fail_pinned(worker, now);
        self.actions.push_back(Action::Kill(worker));
    }
}
