//! Everything that happens because time has passed.

use std::time::Instant;

use super::query::Due;
use super::slot::{Phase, Slot};
use super::{
    Action, Bug, Caller, Core, DROP_PATIENCE, Gate, Place, QueryError, Stage, Verdict, WorkerId,
    later,
};
use crate::error::{BootError, CrashCause};

impl<P> Core<P> {
    /// Does what is due, and works out when it is due again.
    pub(crate) fn tick(&mut self, now: Instant) {
        self.wake_at = None;
        self.end_waits(now);
        self.end_pauses(now);
        let workers: Vec<WorkerId> = self.slots.iter().map(|slot| slot.id).collect();
        for worker in workers {
            self.tick_worker(worker, now);
        }
        if let Stage::Draining { deadline, over: false } = self.stage {
            if deadline <= now {
                self.end_drain(now);
            } else {
                self.wake_by(deadline);
            }
        }
        self.fill(now);
        self.fill_temporary(now);
        self.after_change(now);
        self.fail_if_hopeless(now);
        if let Some(at) = self.queries.next_deadline() {
            self.wake_by(at);
        }
    }

    /// Queries that have waited long enough.
    fn end_waits(&mut self, now: Instant) {
        if self.has(Bug::ForgetQueueTimeout) {
            return;
        }
        while let Some(key) = self.queries.pop_overdue(now) {
            let Some(query) = self.queries.get(key) else {
                continue;
            };
            match query.place {
                Place::Waiting | Place::Paused { .. } => {
                    let after = query.queue_timeout().unwrap_or_default();
                    self.fail(key, QueryError::QueueTimedOut { after }, now);
                }
                // It is asked back; should it have begun by then, it runs.
                Place::Handed { worker, .. } => self.recall(worker, key, now),
                Place::Begun { .. } if self.has(Bug::FailRunningForQueueTimeout) => {
                    let after = query.queue_timeout().unwrap_or_default();
                    self.fail(key, QueryError::QueueTimedOut { after }, now);
                }
                Place::Begun { .. } => {}
            }
        }
    }

    fn tick_worker(&mut self, worker: WorkerId, now: Instant) {
        if !self.has(Bug::ForgetLost) {
            self.tick_lost(worker, now);
        }
        let Some(slot) = self.slot(worker) else {
            return;
        };
        match slot.phase {
            Phase::Starting { deadline } => {
                if deadline <= now {
                    if self.has(Bug::IgnoreBoot) {
                        return;
                    }
                    let after = self.config.boot_timeout;
                    let cause = CrashCause::Boot(BootError::TimedOut { after });
                    self.kill(worker, cause, None, now);
                } else {
                    self.wake_by(deadline);
                }
                return;
            }
            Phase::Dying { deadline, .. } => {
                if deadline <= now {
                    self.actions.push_back(Action::Abandon(worker));
                } else {
                    self.wake_by(deadline);
                }
                return;
            }
            Phase::Releasing { deadline: Some(deadline), told } if slot.gate == Gate::Open => {
                if deadline > now {
                    self.wake_by(deadline);
                } else if told {
                    return self.execute(worker, Verdict::GraceOver, now);
                } else {
                    self.accuse(worker, Verdict::GraceOver, now);
                }
            }
            Phase::Releasing { .. } | Phase::Live => {}
        }
        self.tick_failing(worker, now);
        self.tick_probe(worker, now);
        self.tick_wear(worker, now);
        self.tick_gate(worker, now);
        self.tick_running(worker, now);
        self.expect_begins(worker, now);
        if let Some(slot) = self.slot(worker)
            && slot.owes(now) > 0
        {
            let deadline = slot.recall_deadline();
            self.wake_by(deadline);
        }
        if let Some(since) = self.slot(worker).and_then(Slot::stuck_since) {
            let deadline = later(since, self.config.boot_timeout);
            if deadline <= now {
                self.accuse(worker, Verdict::Stuck, now);
            } else {
                self.wake_by(deadline);
            }
        }
    }

    /// Somebody has to look at a worker when what it begins from now on may have run too long:
    /// its begins may not be heard of by themselves.
    pub(super) fn expect_begins(&mut self, worker: WorkerId, now: Instant) {
        let Some(slot) = self.slot(worker) else { return };
        let free = self.config.concurrency.saturating_sub(slot.begun.len());
        // A worker that begins nothing although it could is looked at ever less often.
        let idle = now.saturating_duration_since(slot.progress);
        let next = slot.handed.iter().take(free);
        if let Some(timeout) = next.filter_map(|&key| self.queries.get(key)?.timeout()).min() {
            self.wake_by(later(now, timeout.max(idle)));
        }
    }

    /// The same, where only the query at this place in its line has become one of the next.
    pub(super) fn expect_begin(&mut self, index: usize, place: usize, now: Instant) {
        let slot = &self.slots[index];
        if place >= self.config.concurrency.saturating_sub(slot.begun.len()) {
            return;
        }
        let next = slot.handed.get(place);
        let timeout = next.and_then(|&key| self.queries.get(key)?.timeout());
        if let Some(timeout) = timeout {
            let idle = now.saturating_duration_since(slot.progress);
            self.wake_by(later(now, timeout.max(idle)));
        }
    }

    /// A gate that nobody shuts: the worker is beyond talking to.
    fn tick_gate(&mut self, worker: WorkerId, now: Instant) {
        let Some(slot) = self.slot(worker) else {
            return;
        };
        if let Gate::Shutting { verdict, until } = slot.gate {
            if until <= now {
                self.lose_patience(worker, verdict, now);
            } else {
                self.wake_by(until);
            }
        }
    }

    /// Queries that run too long.
    fn tick_running(&mut self, worker: WorkerId, now: Instant) {
        let Some(slot) = self.slot(worker) else {
            return;
        };
        if slot.is_dying() {
            return;
        }
        for key in slot.begun.clone() {
            let Some(query) = self.queries.get(key) else {
                continue;
            };
            let (caller, timeout) = (query.caller, query.timeout());
            let (Place::Begun { at, .. }, due) = (query.place, query.due()) else {
                continue;
            };
            if let Some(Due { until, spared: true, .. }) = due {
                if until <= now {
                    let verdict = match self.is_unwanted(key) {
                        true => Verdict::Cancelled(key),
                        false => Verdict::Overran(key),
                    };
                    return self.execute(worker, verdict, now);
                } else {
                    self.wake_by(until);
                }
                continue;
            }
            // Where its gate was shut for something else, that comes first.
            if !self.has(Bug::ForgetCancelAfterReprieve) {
                self.end_unwanted(worker, key, now);
            }
            if let Some(Due { until, .. }) = due {
                if until <= now {
                    self.accuse(worker, Verdict::Overran(key), now);
                } else {
                    self.wake_by(until);
                }
                continue;
            }
            let Some(deadline) = timeout.and_then(|timeout| at.checked_add(timeout)) else {
                continue;
            };
            if deadline > now {
                self.wake_by(deadline);
            } else if self.is_droppable(key) {
                let until = later(now, DROP_PATIENCE);
                if let Some(query) = self.queries.get_mut(key) {
                    query.set_due(Due { until, dropping: true, spared: false });
                }
                self.wake_by(until);
                // One whose caller is gone was told so then, perhaps only a moment ago.
                if caller == Caller::Waits {
                    self.actions.push_back(Action::Drop(worker, key));
                }
            } else {
                self.accuse(worker, Verdict::Overran(key), now);
            }
        }
    }
}
