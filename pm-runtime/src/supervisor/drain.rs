//! Sizes, and orderly ends: spawn, unspawn, respawn, resize, destroy, and who waits for them.

use std::time::Instant;

use super::slot::Phase;
use super::{Action, Core, Stage, WorkerId};
use crate::error::{BootError, CrashCause, QueryError, SpawnError};

/// Names somebody who waits.
pub(crate) type WaiterId = u64;

/// What somebody waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Goal {
    /// So many workers are ready.
    Ready(usize),
    /// This worker is ready.
    WorkerReady(WorkerId),
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

/// A rolling respawn: each of these is released when its replacement is ready.
pub(super) struct Rolling {
    pub(super) old: Vec<WorkerId>,
}

impl<P> Core<P> {
    /// Raises the number of workers; never lowers it.
    pub(crate) fn spawn(&mut self, workers: usize, now: Instant) -> WaiterId {
        if self.stage == Stage::Open {
            self.target = self.target.max(workers);
        }
        self.wait_for(Goal::Ready(workers), now)
    }

    /// One worker more.
    pub(crate) fn spawn_one(&mut self, now: Instant) -> (WaiterId, WorkerId) {
        let worker = self.next_worker;
        if self.stage == Stage::Open {
            // As many as there are, or are on their way, and one more.
            self.target = self.target.max(self.staying()) + 1;
            self.launch(now);
        }
        (self.wait_for(Goal::WorkerReady(worker), now), worker)
    }

    /// Releases every worker. A query that waits, or comes later, starts workers again.
    pub(crate) fn unspawn(&mut self, now: Instant) -> WaiterId {
        let workers: Vec<WorkerId> = self.slots.iter().map(|slot| slot.id).collect();
        self.target = 0;
        self.rolling = None;
        let deadline = now + self.config.grace;
        for &worker in &workers {
            self.release(worker, deadline, now);
        }
        self.wait_for(Goal::Gone(workers), now)
    }

    /// Releases one worker, and does not replace it.
    pub(crate) fn unspawn_one(&mut self, worker: WorkerId, now: Instant) -> WaiterId {
        if self.slot(worker).is_some_and(|slot| slot.is_staying()) {
            self.target = self.target.saturating_sub(1);
            let deadline = now + self.config.grace;
            self.release(worker, deadline, now);
        }
        self.wait_for(Goal::Gone(vec![worker]), now)
    }

    /// Makes the pool this large: starts workers, or releases the least loaded.
    pub(crate) fn resize(&mut self, workers: usize, now: Instant) -> WaiterId {
        if self.stage != Stage::Open {
            return self.wait_for(Goal::Ready(workers), now);
        }
        self.target = workers;
        let surplus = self.staying().saturating_sub(workers + self.to_replace());
        let gone = self.release_surplus(surplus, now);
        self.wait_for(Goal::Resized { ready: workers, gone }, now)
    }

    /// Replaces every worker, each only when its replacement is ready; afterwards there are
    /// `workers`, or as many as before.
    pub(crate) fn respawn(&mut self, workers: Option<usize>, now: Instant) -> WaiterId {
        let old: Vec<WorkerId> =
            self.slots.iter().filter(|slot| slot.is_staying()).map(|slot| slot.id).collect();
        let ready = workers.unwrap_or(self.target);
        if self.stage == Stage::Open {
            self.target = ready;
            self.rolling = Some(Rolling { old: old.clone() });
            #[cfg(test)]
            if self.has(super::Bug::ReleaseBeforeReplacement) {
                for &worker in &old {
                    self.release(worker, now + self.config.grace, now);
                }
            }
            // More than will be needed go at once; the others when they are replaced.
            let surplus = old.len().saturating_sub(ready);
            self.release_surplus(surplus, now);
        }
        self.wait_for(Goal::Respawned { ready, old }, now)
    }

    /// Takes no more queries, serves what waits, releases every worker; kills what still runs
    /// when the grace is over.
    pub(crate) fn destroy(&mut self, now: Instant) -> WaiterId {
        if self.stage == Stage::Open {
            let deadline = now + self.config.grace;
            self.stage = Stage::Draining { deadline, over: false };
            self.rolling = None;
            self.wake_by(deadline);
            #[cfg(test)]
            if self.has(super::Bug::DestroyDropsWaiting) {
                self.end_drain(now);
            }
        }
        self.wait_for(Goal::Destroyed, now)
    }

    /// Nobody waits any more.
    pub(crate) fn stop_waiting(&mut self, waiter: WaiterId) {
        self.waiters.retain(|other| other.id != waiter);
    }

    /// Gives a worker no more queries, takes back what it has not begun, and tells it to end
    /// when it has nothing left.
    pub(super) fn release(&mut self, worker: WorkerId, deadline: Instant, now: Instant) {
        let Some(slot) = self.slot_mut(worker) else {
            return;
        };
        match &mut slot.phase {
            // It runs nothing yet that could be lost.
            Phase::Starting { .. } => {
                self.kill(worker, CrashCause::Grace(self.config.grace), None, now);
                return;
            }
            Phase::Live => slot.phase = Phase::Releasing { deadline, told: false },
            Phase::Releasing { deadline: earlier, .. } => *earlier = deadline.min(*earlier),
            Phase::Dying { .. } => return,
        }
        self.wake_by(deadline);
        self.take_back(worker);
    }

    fn take_back(&mut self, worker: WorkerId) {
        let Some(slot) = self.slot(worker) else {
            return;
        };
        for key in Vec::from(slot.handed.clone()) {
            self.recall(worker, key);
        }
    }

    /// Releases so many workers: those that are not ready yet, then the least loaded.
    fn release_surplus(&mut self, surplus: usize, now: Instant) -> Vec<WorkerId> {
        let mut staying: Vec<(bool, usize, WorkerId)> = self
            .slots
            .iter()
            .filter(|slot| slot.is_staying())
            .map(|slot| (slot.is_live(), slot.load(), slot.id))
            .collect();
        staying.sort_unstable();
        let deadline = now + self.config.grace;
        let gone: Vec<WorkerId> =
            staying.into_iter().take(surplus).map(|(_, _, worker)| worker).collect();
        for &worker in &gone {
            self.release(worker, deadline, now);
        }
        gone
    }

    fn staying(&self) -> usize {
        self.slots.iter().filter(|slot| slot.is_staying()).count()
    }

    /// Old workers of a rolling respawn that still serve: the pool may be larger by these.
    pub(super) fn to_replace(&self) -> usize {
        let Some(rolling) = &self.rolling else {
            return 0;
        };
        let serving = |&worker: &WorkerId| self.slot(worker).is_some_and(|slot| slot.is_staying());
        rolling.old.iter().copied().filter(serving).count().min(self.target)
    }

    /// The next old worker for which no replacement is on its way.
    pub(super) fn next_to_replace(&self) -> Option<WorkerId> {
        let rolling = self.rolling.as_ref()?;
        rolling.old.iter().copied().find(|&old| {
            self.slot(old).is_some_and(|slot| slot.is_staying())
                && !self.slots.iter().any(|slot| slot.replaces == Some(old))
        })
    }

    /// A worker did not start: a rolling respawn ends there, the old workers stay.
    pub(super) fn boot_failed(&mut self, error: &BootError, replacement: bool) {
        let rolling = replacement || error.is_permanent();
        if rolling && self.rolling.take().is_some() {
            let starting: Vec<WorkerId> = self
                .slots
                .iter()
                .filter(|slot| slot.replaces.is_some() && slot.is_starting())
                .map(|slot| slot.id)
                .collect();
            for worker in starting {
                if let Some(slot) = self.slot_mut(worker) {
                    slot.replaces = None;
                }
            }
            self.end_waiting(
                |goal| matches!(goal, Goal::Respawned { .. }),
                Err(SpawnError::Boot(error.clone())),
            );
        }
        if error.is_permanent() {
            self.end_waiting(
                |goal| matches!(goal, Goal::Ready(_) | Goal::WorkerReady(_) | Goal::Resized { .. }),
                Err(SpawnError::Boot(error.clone())),
            );
        }
    }

    /// The grace of a destroyed pool is over.
    pub(super) fn end_drain(&mut self, now: Instant) {
        self.stage = Stage::Draining { deadline: now, over: true };
        while let Some(key) = self.queries.front() {
            self.fail(key, QueryError::Destroyed);
        }
    }

    /// Brings everything in line with the wishes: starts, releases, ends, tells who waits.
    pub(super) fn settle(&mut self, now: Instant) {
        let busy = self.queries.waiting() > 0;
        match self.stage {
            Stage::Open => {
                if busy {
                    self.demand();
                }
                self.trim(now);
            }
            Stage::Draining { deadline, over } => {
                let working = busy || self.slots.iter().any(|slot| slot.load() > 0);
                if working && !over {
                    if busy {
                        self.demand();
                    }
                } else {
                    self.target = 0;
                    let workers: Vec<WorkerId> = self.slots.iter().map(|slot| slot.id).collect();
                    for worker in workers {
                        self.release(worker, deadline, now);
                    }
                    if self.slots.is_empty() {
                        self.stage = Stage::Destroyed;
                    }
                }
            }
            Stage::Destroyed => {}
        }
        self.fill(now);
        self.fail_if_hopeless(now);
        self.end_idle();
        self.tell_waiters(now);
    }

    /// Releases workers that nobody asked for: replacements of a respawn that was given up.
    fn trim(&mut self, now: Instant) {
        let surplus = self.staying().saturating_sub(self.target + self.to_replace());
        if surplus > 0 {
            self.release_surplus(surplus, now);
        }
    }

    /// Tells released workers that have nothing left to end.
    fn end_idle(&mut self) {
        #[cfg(test)]
        let early = self.has(super::Bug::EndBeforeDone);
        #[cfg(not(test))]
        let early = false;
        for slot in &mut self.slots {
            let done = slot.load() == 0 || early;
            if let Phase::Releasing { told, .. } = &mut slot.phase
                && !*told
                && done
            {
                *told = true;
                self.actions.push_back(Action::End(slot.id));
            }
        }
    }

    /// Tells some of those who wait how it ended.
    fn end_waiting(&mut self, which: fn(&Goal) -> bool, result: Result<(), SpawnError>) {
        let (told, others) =
            std::mem::take(&mut self.waiters).into_iter().partition(|waiter| which(&waiter.goal));
        self.waiters = others;
        for Waiter { id, .. } in told {
            self.actions.push_back(Action::Reached(id, result.clone()));
        }
    }

    fn wait_for(&mut self, goal: Goal, now: Instant) -> WaiterId {
        let id = self.next_waiter;
        self.next_waiter += 1;
        self.waiters.push(Waiter { id, goal });
        self.after_change(now);
        id
    }

    fn tell_waiters(&mut self, now: Instant) {
        #[cfg(test)]
        if self.has(super::Bug::ForgetWaiter) {
            return;
        }
        if self.waiters.is_empty() {
            return;
        }
        let hopeless = self.is_hopeless(now);
        let waiters = std::mem::take(&mut self.waiters);
        for waiter in waiters {
            match self.progress_of(&waiter.goal, hopeless) {
                Some(result) => self.actions.push_back(Action::Reached(waiter.id, result)),
                None => self.waiters.push(waiter),
            }
        }
    }

    /// `None`: not there yet.
    fn progress_of(&self, goal: &Goal, hopeless: bool) -> Option<Result<(), SpawnError>> {
        let ready = self.slots.iter().filter(|slot| slot.is_live()).count();
        let gone = |workers: &[WorkerId]| workers.iter().all(|&worker| self.slot(worker).is_none());
        let (wants, reached) = match goal {
            Goal::Gone(workers) => return gone(workers).then_some(Ok(())),
            Goal::Destroyed => return (self.stage == Stage::Destroyed).then_some(Ok(())),
            Goal::Ready(wanted) => (*wanted, ready >= *wanted),
            Goal::Resized { ready: wanted, gone: workers } => {
                (*wanted, ready >= *wanted && gone(workers))
            }
            Goal::Respawned { ready: wanted, old } => (*wanted, ready >= *wanted && gone(old)),
            Goal::WorkerReady(worker) => match self.slot(*worker) {
                Some(slot) => (1, slot.is_live()),
                // It died before it was ready; the pool starts another one, so that counts.
                None => (1, ready > 0),
            },
        };
        if reached {
            return Some(Ok(()));
        }
        if self.stage != Stage::Open {
            return Some(Err(SpawnError::Destroyed));
        }
        if hopeless && wants > 0 {
            return self.spawn_exhaustion().map(Err);
        }
        // Somebody has lowered the target since: it will not be reached.
        (wants > self.target).then_some(Ok(()))
    }
}
