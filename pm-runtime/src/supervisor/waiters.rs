//! Who waits for workers to be ready or gone.

use std::time::Instant;

use super::{Action, Bug, Core, Stage, WorkerId};
use crate::error::SpawnError;

/// Names somebody who waits.
pub(crate) type WaiterId = u64;

/// What somebody waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Goal {
    /// So many workers are ready.
    Ready(usize),
    /// This worker is ready; or, should it die before, so many are.
    WorkerReady { worker: WorkerId, size: usize },
    /// These workers are gone.
    Gone(Vec<WorkerId>),
    /// So many are ready, and these are gone.
    Resized { ready: usize, gone: Vec<WorkerId> },
    /// Every old worker was replaced, so many are ready.
    Respawned { ready: usize, old: Vec<WorkerId> },
    /// The pool is no more.
    Destroyed,
}

pub(super) struct Waiter {
    id: WaiterId,
    goal: Goal,
}

impl<P> Core<P> {
    /// Nobody waits any more.
    pub(crate) fn stop_waiting(&mut self, waiter: WaiterId) {
        self.waiters.retain(|other| other.id != waiter);
    }

    /// Tells some of those who wait how it ended.
    pub(super) fn end_waiting(&mut self, which: fn(&Goal) -> bool, result: Result<(), SpawnError>) {
        let (told, others) =
            std::mem::take(&mut self.waiters).into_iter().partition(|waiter| which(&waiter.goal));
        self.waiters = others;
        for Waiter { id, .. } in told {
            self.actions.push_back(Action::Reached(id, result.clone()));
        }
    }

    /// Names a waiter who is told at once that it will never be.
    pub(super) fn refuse_waiter(&mut self, error: SpawnError) -> WaiterId {
        let id = self.next_waiter;
        self.next_waiter += 1;
        self.actions.push_back(Action::Reached(id, Err(error)));
        id
    }

    pub(super) fn wait_for(&mut self, goal: Goal, now: Instant) -> WaiterId {
        let id = self.next_waiter;
        self.next_waiter += 1;
        self.waiters.push(Waiter { id, goal });
        self.after_change(now);
        id
    }

    /// Nobody waits for workers to be ready.
    pub(super) fn is_awaited_by_nobody(&self) -> bool {
        self.waiters.iter().all(|waiter| matches!(waiter.goal, Goal::Gone(_) | Goal::Destroyed))
    }

    pub(super) fn tell_waiters(&mut self, now: Instant) {
        if self.has(Bug::ForgetWaiter) {
            return;
        }
        if self.waiters.is_empty() {
            return;
        }
        let spent = self.budget.is_spent(now);
        let waiters = std::mem::take(&mut self.waiters);
        for waiter in waiters {
            match self.progress_of(&waiter.goal, spent) {
                Some(result) => {
                    self.actions.push_back(Action::Reached(waiter.id, result));
                    if self.has(Bug::TellWaiterTwice) {
                        self.waiters.push(waiter);
                    }
                }
                None => self.waiters.push(waiter),
            }
        }
    }

    /// `None`: not there yet.
    fn progress_of(&self, goal: &Goal, spent: bool) -> Option<Result<(), SpawnError>> {
        let ready = self.slots.iter().filter(|slot| slot.is_live()).count();
        let gone = |workers: &[WorkerId]| workers.iter().all(|&worker| self.slot(worker).is_none());
        // Somebody may have lowered the target since: more than that will not be reached.
        let enough = |wanted: usize| wanted.min(self.target);
        let none: &[WorkerId] = &[];
        let (wants, old) = match goal {
            Goal::Gone(workers) => return gone(workers).then_some(Ok(())),
            Goal::Destroyed => return (self.stage == Stage::Destroyed).then_some(Ok(())),
            Goal::Ready(wanted) => (enough(*wanted), none),
            Goal::Resized { ready, gone } => (enough(*ready), &gone[..]),
            Goal::Respawned { ready, old } => (enough(*ready), &old[..]),
            Goal::WorkerReady { worker, size } => match self.slot(*worker) {
                Some(slot) if slot.is_live() => return Some(Ok(())),
                Some(slot) if slot.is_starting() => return None,
                // It died before it was ready; the pool starts another one, so that counts.
                _ => (enough(*size), none),
            },
        };
        if self.stage != Stage::Open {
            return Some(Err(SpawnError::Destroyed));
        }
        if ready >= wants && gone(old) {
            return Some(Ok(()));
        }
        if spent && self.coming() < wants {
            return self.spawn_exhaustion().map(Err);
        }
        None
    }
}
