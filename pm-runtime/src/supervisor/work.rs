//! What workers say of their queries.

use std::time::Instant;

use super::slot::Phase;
use super::{Action, Caller, Core, GATE_PATIENCE, Gate, Note, Place, QueryKey, Verdict, WorkerId};
use crate::error::{CrashCause, QueryError};

/// How a query ended in its worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// It was answered.
    Answered,
    /// It ended in an error that the worker tells of.
    Failed,
}

/// A worker said what it could not have said, had it kept to the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Violation {
    #[error("it began a query that it did not have")]
    Begun,
    #[error("it began more queries than it may run at once")]
    TooManyBegun,
    #[error("it answered a query that it did not run")]
    Answered,
    #[error("it returned a query that it did not have, or was not asked for")]
    Returned,
    #[error("it dropped a query that it was not told to drop")]
    Dropped,
    #[error("it said that its gate is shut, and was not asked to shut it")]
    Gated,
    #[error("it sent something before it was ready")]
    NotReady,
}

impl<P> Core<P> {
    /// A worker has begun a query. Known before its code runs.
    pub(crate) fn begun(
        &mut self,
        worker: WorkerId,
        key: QueryKey,
        now: Instant,
    ) -> Result<(), Violation> {
        let concurrency = self.config.concurrency;
        let query = self.queries.get(key).ok_or(Violation::Begun)?;
        match query.place {
            Place::Handed { worker: at, recalled } if at == worker => {
                let size = query.size;
                let slot = self.slot_mut(worker).ok_or(Violation::Begun)?;
                if slot.begun.len() >= concurrency {
                    return Err(Violation::TooManyBegun);
                }
                slot.handed.retain(|&other| other != key);
                slot.handed_bytes -= size;
                slot.recalled -= usize::from(recalled);
                slot.begun.push(key);
                slot.progress = now;
            }
            // A shut gate tells of a begin before the begin itself is told.
            Place::Begun { worker: at, .. } if at == worker => return Ok(()),
            _ => return Err(Violation::Begun),
        }
        self.queries.forget_deadline(key);
        let Some(query) = self.queries.get_mut(key) else {
            return Ok(());
        };
        query.place = Place::Begun { worker, at: now, dropping: None, spared: None };
        let timeout = query.timeout;
        match query.caller {
            Caller::Waits => {
                self.account.waiting -= 1;
                self.account.running += 1;
            }
            Caller::Gone => self.detached += 1,
        }
        if let Some(deadline) = timeout.and_then(|timeout| now.checked_add(timeout)) {
            self.wake_by(deadline);
        }
        Ok(())
    }

    /// A worker has ended a query. `Some`: its caller waits for the answer.
    pub(crate) fn ended(
        &mut self,
        worker: WorkerId,
        key: QueryKey,
        end: End,
        now: Instant,
    ) -> Result<Option<P>, Violation> {
        self.take_begun(worker, key, now).ok_or(Violation::Answered)?;
        #[cfg(test)]
        if self.has(super::Bug::KeepLoadAfterAnswer)
            && let Some(slot) = self.slot_mut(worker)
        {
            slot.begun.push(key);
        }
        let mut heals = false;
        if let Some(slot) = self.slot_mut(worker) {
            slot.served += 1;
            heals = std::mem::take(&mut slot.probe);
        }
        self.budget.answered();
        if heals {
            self.budget.heal();
            self.exhausted = false;
            self.note(Note::Healed(worker));
        }
        let waits = self.queries.get(key).is_some_and(|query| query.caller == Caller::Waits);
        let payload = if waits {
            self.account.running -= 1;
            match end {
                End::Answered => self.account.completed += 1,
                End::Failed => self.account.failed += 1,
            }
            self.queries.remove(key).map(|query| query.payload)
        } else {
            self.forget(key);
            None
        };
        self.after_change(now);
        Ok(payload)
    }

    /// A worker gives a query back that it has not begun.
    pub(crate) fn returned(
        &mut self,
        worker: WorkerId,
        key: QueryKey,
        now: Instant,
    ) -> Result<(), Violation> {
        let query = self.queries.get(key).ok_or(Violation::Returned)?;
        if query.place != (Place::Handed { worker, recalled: true }) {
            return Err(Violation::Returned);
        }
        let size = query.size;
        let gone = query.caller == Caller::Gone;
        let overdue = query.queue_timeout.filter(|_| query.queue_deadline.is_none());
        let slot = self.slot_mut(worker).ok_or(Violation::Returned)?;
        slot.handed.retain(|&other| other != key);
        slot.handed_bytes -= size;
        slot.recalled -= 1;
        slot.progress = now;
        if gone {
            self.forget(key);
        } else if let Some(after) = overdue {
            self.fail(key, QueryError::QueueTimedOut { after });
        } else {
            self.requeue(key);
        }
        self.after_change(now);
        Ok(())
    }

    /// A worker has dropped a running query, as it was told to.
    pub(crate) fn dropped(
        &mut self,
        worker: WorkerId,
        key: QueryKey,
        now: Instant,
    ) -> Result<(), Violation> {
        let query = self.queries.get(key).ok_or(Violation::Dropped)?;
        let Place::Begun { dropping, .. } = query.place else {
            return Err(Violation::Dropped);
        };
        let gone = query.caller == Caller::Gone;
        if !self.config.droppable || (dropping.is_none() && !gone) {
            return Err(Violation::Dropped);
        }
        let after = query.timeout.unwrap_or_default();
        self.take_begun(worker, key, now).ok_or(Violation::Dropped)?;
        if !gone {
            self.note(Note::TimedOut(worker, after));
        }
        self.fail(key, QueryError::TimedOut { after, worker, debug: None });
        self.after_change(now);
        Ok(())
    }

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
        for &key in running {
            self.begun(worker, key, now)?;
        }
        let guilty = match verdict {
            Verdict::Overran(key) => running.contains(&key) && self.runs(worker, key),
            Verdict::Stuck => self
                .slot(worker)
                .is_some_and(|slot| slot.begun.is_empty() && !slot.handed.is_empty()),
            Verdict::GraceOver => true,
        };
        if guilty {
            self.execute(worker, verdict, now);
        } else {
            self.reprieve(worker, verdict, now);
        }
        self.after_change(now);
        Ok(())
    }

    /// A worker broke the protocol: it is killed.
    pub(crate) fn violated(&mut self, worker: WorkerId, what: &str, now: Instant) {
        self.kill(worker, CrashCause::Protocol(what.into()), None, now);
        self.after_change(now);
    }

    /// Shuts the gate of a worker that is to be killed, so that nothing begins that would die
    /// of it.
    pub(super) fn accuse(&mut self, worker: WorkerId, verdict: Verdict, now: Instant) {
        #[cfg(test)]
        if self.has(super::Bug::KillWithoutGate) {
            return self.execute(worker, verdict, now);
        }
        let until = now + GATE_PATIENCE;
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

    /// Kills a worker for what its gate was shut for.
    pub(super) fn execute(&mut self, worker: WorkerId, verdict: Verdict, now: Instant) {
        let (cause, target) = match verdict {
            Verdict::Overran(key) => {
                let timeout = self.queries.get(key).and_then(|query| query.timeout);
                (CrashCause::TimedOut(timeout.unwrap_or_default()), Some(key))
            }
            Verdict::Stuck => (CrashCause::Stuck(self.config.boot_timeout), None),
            Verdict::GraceOver => (CrashCause::Grace(self.config.grace), None),
        };
        self.kill(worker, cause, target, now);
    }

    /// The decision of a moment ago no longer holds: the gate opens again.
    fn reprieve(&mut self, worker: WorkerId, verdict: Verdict, now: Instant) {
        #[cfg(test)]
        if self.has(super::Bug::KillAnInnocent) {
            return self.execute(worker, verdict, now);
        }
        if let Verdict::Overran(key) = verdict
            && let Some(query) = self.queries.get_mut(key)
            && let Place::Begun { spared, .. } = &mut query.place
        {
            // Its end is on the way behind this message. Should it not be, that was a lie.
            let until = now + GATE_PATIENCE;
            *spared = Some(until);
            self.wake_by(until);
        }
        let Some(slot) = self.slot_mut(worker) else {
            return;
        };
        slot.gate = Gate::Open;
        slot.progress = now;
        #[cfg(test)]
        if self.has(super::Bug::NeverOpenGate) {
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
        let deadline = now + super::DEATH_PATIENCE;
        let Some(slot) = self.slot_mut(worker) else {
            return;
        };
        if slot.is_dying() {
            return;
        }
        slot.phase = Phase::Dying { cause, target, deadline };
        self.wake_by(deadline);
        self.actions.push_back(Action::Kill(worker));
    }

    pub(super) fn requeue(&mut self, key: QueryKey) {
        #[cfg(test)]
        if self.has(super::Bug::RequeueAtTheEnd) {
            let seq = u64::MAX;
            if let Some(query) = self.queries.get_mut(key) {
                query.seq = seq;
            }
        }
        self.queries.requeue(key);
    }

    pub(super) fn runs(&self, worker: WorkerId, key: QueryKey) -> bool {
        self.slot(worker).is_some_and(|slot| slot.begun.contains(&key))
    }

    /// Takes a query off the worker that runs it.
    fn take_begun(&mut self, worker: WorkerId, key: QueryKey, now: Instant) -> Option<()> {
        let slot = self.slot_mut(worker)?;
        let index = slot.begun.iter().position(|&other| other == key)?;
        slot.begun.remove(index);
        slot.progress = now;
        Some(())
    }
}
