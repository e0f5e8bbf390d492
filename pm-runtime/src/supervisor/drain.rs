//! Sizes, and orderly ends: spawn, unspawn, respawn, resize, destroy.

use std::time::Instant;

use super::slot::{Phase, Slot};
use super::{Action, Bug, Core, Goal, Note, Stage, WaiterId, WorkerId, later};
use crate::error::{BootError, CrashCause, QueryError, SpawnError};

/// A rolling respawn.
#[derive(Default)]
pub(super) struct Rolling {
    /// These are released one by one, as new workers become ready.
    pub(super) old: Vec<WorkerId>,
    /// Those, of which each has to become ready.
    pub(super) new: Vec<WorkerId>,
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
        if self.stage != Stage::Open {
            return (self.refuse_waiter(SpawnError::Destroyed), worker);
        }
        if self.budget.is_spent(now)
            && let Some(error) = self.spawn_exhaustion()
        {
            return (self.refuse_waiter(error), worker);
        }
        self.target += 1;
        self.launch(now);
        let size = self.target;
        (self.wait_for(Goal::WorkerReady { worker, size }, now), worker)
    }

    /// Releases every worker. A query that waits, or comes later, starts workers again.
    pub(crate) fn unspawn(&mut self, now: Instant) -> WaiterId {
        let workers: Vec<WorkerId> = self.slots.iter().map(|slot| slot.id).collect();
        self.target = 0;
        self.rolling = None;
        let deadline = later(now, self.config.grace);
        for &worker in &workers {
            self.release(worker, deadline, now);
        }
        self.wait_for(Goal::Gone(workers), now)
    }

    /// Releases one worker, and does not replace it.
    pub(crate) fn unspawn_one(&mut self, worker: WorkerId, now: Instant) -> WaiterId {
        if self.slot(worker).is_some_and(|slot| slot.is_staying()) {
            self.give_up_place(worker);
        }
        self.release(worker, later(now, self.config.grace), now);
        self.wait_for(Goal::Gone(vec![worker]), now)
    }

    /// A worker goes, and its place with it.
    pub(super) fn give_up_place(&mut self, worker: WorkerId) {
        self.target = self.target.saturating_sub(1);
        if self.slot(worker).is_some_and(|slot| slot.worn) {
            // Nobody need take it.
            self.vacant = self.vacant.saturating_sub(1);
        }
    }

    /// Makes the pool this large: starts workers, or releases the least loaded.
    pub(crate) fn resize(&mut self, workers: usize, now: Instant) -> WaiterId {
        if self.stage != Stage::Open {
            return self.wait_for(Goal::Ready(workers), now);
        }
        self.target = workers;
        let surplus = self.staying().saturating_sub(workers + self.to_replace());
        let mut gone = self.release_surplus(surplus, now);
        if workers == 0 {
            gone.extend(self.release_spares(now));
        }
        self.wait_for(Goal::Resized { ready: workers, gone }, now)
    }

    /// Replaces every worker, each only when its replacement is ready; afterwards there are
    /// `workers`, or as many as before.
    pub(crate) fn respawn(&mut self, workers: Option<usize>, now: Instant) -> WaiterId {
        let staying = self.slots.iter().filter(|slot| slot.is_staying());
        let (live, starting): (Vec<&Slot>, Vec<&Slot>) = staying.partition(|slot| slot.is_live());
        let live: Vec<WorkerId> = live.iter().map(|slot| slot.id).collect();
        let starting: Vec<WorkerId> = starting.iter().map(|slot| slot.id).collect();
        let ready = workers.unwrap_or(self.target);
        let mut spares = Vec::new();
        if self.stage == Stage::Open {
            self.target = ready;
            // What is not ready yet serves nobody; what is stays until it is replaced.
            let deadline = later(now, self.config.grace);
            for &worker in &starting {
                self.release(worker, deadline, now);
            }
            if !self.has(Bug::KeepOldSpares) {
                spares = self.release_spares(now);
            }
            if self.has(Bug::ReleaseBeforeReplacement) {
                for &worker in &live {
                    self.release(worker, deadline, now);
                }
            }
            let keeps = self.has(Bug::BlameOldReplacements);
            let new = self.rolling.take().filter(|_| keeps).map(|rolling| rolling.new);
            let new = new.unwrap_or_default();
            self.rolling = Some(Rolling { old: live.clone(), new });
        }
        let old = [live, starting, spares].concat();
        self.wait_for(Goal::Respawned { ready, old }, now)
    }

    /// Replaces one worker as a rolling respawn replaces all, beside one that is under way. One that
    /// is no part of the pool's size any more is left alone.
    pub(crate) fn respawn_one(&mut self, worker: WorkerId, now: Instant) -> WaiterId {
        let is_open = self.stage == Stage::Open;
        let slot = self.slot(worker).filter(|slot| is_open && (slot.is_staying() || slot.spare));
        let Some(serves) = slot.map(Slot::is_live) else {
            return self.wait_for(Goal::Resized { ready: 0, gone: Vec::new() }, now);
        };
        let ready = self.target;
        if !serves {
            // Nobody misses it until another one is there.
            self.release(worker, later(now, self.config.grace), now);
            return self.wait_for(Goal::Resized { ready, gone: vec![worker] }, now);
        }
        let neighbours = self.has(Bug::RespawnTheNeighbours).then(|| {
            let live = self.slots.iter().filter(|slot| slot.is_live());
            live.map(|slot| slot.id).collect::<Vec<_>>()
        });
        let rolling = self.rolling.get_or_insert_default();
        rolling.old.extend(neighbours.unwrap_or_default());
        // What was started before fails nobody who asks now.
        rolling.new.clear();
        if !rolling.old.contains(&worker) {
            rolling.old.push(worker);
        }
        self.wait_for(Goal::Respawned { ready, old: vec![worker] }, now)
    }

    /// Takes no more queries, serves what waits, releases every worker; kills what still runs
    /// when the grace is over.
    pub(crate) fn destroy(&mut self, now: Instant) -> WaiterId {
        if self.stage == Stage::Open {
            let deadline = later(now, self.config.grace);
            self.stage = Stage::Draining { deadline, over: false };
            self.rolling = None;
            self.wake_by(deadline);
            if self.has(Bug::DestroyDropsWaiting) {
                self.end_drain(now);
            }
        }
        self.wait_for(Goal::Destroyed, now)
    }

    /// Gives a worker no more queries, takes back what it has not begun, and tells it to end
    /// when it has nothing left. Without a deadline what it runs may take its time.
    pub(super) fn release(
        &mut self,
        worker: WorkerId,
        deadline: impl Into<Option<Instant>>,
        now: Instant,
    ) {
        let deadline = deadline.into();
        let spin = self.has(Bug::WakeForever);
        let Some(slot) = self.slot_mut(worker) else {
            return;
        };
        match &mut slot.phase {
            // It runs nothing yet that could be lost.
            Phase::Starting { .. } => {
                self.kill(worker, CrashCause::Grace(self.config.grace), None, now);
                return;
            }
            Phase::Live => {
                slot.phase = Phase::Releasing { deadline, told: false };
            }
            Phase::Releasing { deadline: set, .. } => {
                let Some(deadline) = deadline else { return };
                if set.is_some_and(|earlier| deadline >= earlier) && !spin {
                    return;
                }
                *set = Some(set.map_or(deadline, |earlier| deadline.min(earlier)));
            }
            Phase::Dying { .. } => return,
        }
        if let Some(deadline) = deadline {
            self.wake_by(deadline);
        }
        self.fail_pinned(worker, now);
        self.take_back(worker, now);
    }

    /// Replaces a worker that begins nothing any more; that is no crash.
    pub(super) fn recycle(&mut self, worker: WorkerId, now: Instant) {
        if let Some(slot) = self.slot(worker).filter(|slot| slot.is_live()) {
            self.vacant += usize::from(slot.is_missed());
            self.note(Note::Recycled(worker));
            self.release(worker, later(now, self.config.grace), now);
        }
    }

    fn take_back(&mut self, worker: WorkerId, now: Instant) {
        let Some(slot) = self.slot(worker) else {
            return;
        };
        for key in Vec::from(slot.handed.clone()) {
            self.recall(worker, key, now);
        }
    }

    /// Releases so many workers: those that are not ready yet, then the least loaded.
    fn release_surplus(&mut self, surplus: usize, now: Instant) -> Vec<WorkerId> {
        let mut staying: Vec<(bool, usize, WorkerId)> = self
            .slots
            .iter()
            .filter(|slot| slot.is_staying())
            .map(|slot| (slot.is_live(), slot.load_with_added(), slot.id))
            .collect();
        staying.sort_unstable();
        let deadline = later(now, self.config.grace);
        let gone: Vec<WorkerId> =
            staying.into_iter().take(surplus).map(|(_, _, worker)| worker).collect();
        for &worker in &gone {
            self.release(worker, deadline, now);
        }
        gone
    }

    pub(super) fn staying(&self) -> usize {
        self.slots.iter().filter(|slot| slot.is_staying()).count()
    }

    /// Workers that serve until they are replaced, in a rolling respawn or because they are worn out:
    /// the pool may be larger by these.
    #[inline]
    pub(super) fn to_replace(&self) -> usize {
        if self.rolling.is_none() && !self.config.recycles() {
            return 0;
        }
        let serving = |slot: &&Slot| slot.is_staying() && self.is_to_go(slot);
        self.slots.iter().filter(serving).count().min(self.target)
    }

    pub(super) fn is_to_go(&self, slot: &Slot) -> bool {
        (slot.worn && self.stage == Stage::Open) || self.is_of_respawn(slot.id)
    }

    /// Whether a rolling respawn is to replace a worker.
    fn is_of_respawn(&self, worker: WorkerId) -> bool {
        self.rolling.as_ref().is_some_and(|rolling| rolling.old.contains(&worker))
    }

    /// Goes on with replacing workers: as soon as more are ready than the pool's size, one of those
    /// that are to go may.
    fn roll(&mut self, now: Instant) {
        let early = self.has(Bug::RecycleBeforeReplacement);
        while self.rolling.is_some() || self.config.recycles() {
            let live = self.slots.iter().filter(|slot| slot.is_live());
            if live.clone().count() <= self.target && !early {
                break;
            }
            let old = live.filter(|slot| self.is_to_go(slot));
            let least = old.min_by_key(|slot| slot.load_with_added());
            let Some(worker) = least.map(|slot| slot.id) else {
                break;
            };
            if self.is_of_respawn(worker) {
                self.release(worker, later(now, self.config.grace), now);
            } else if self.has(Bug::KeepWorn) {
                break;
            } else {
                self.let_go(worker, now);
            }
        }
        let Some(rolling) = &self.rolling else { return };
        let serves = |&worker: &WorkerId| self.slot(worker).is_some_and(Slot::is_staying);
        if self.target == 0 || !rolling.old.iter().any(serves) {
            self.rolling = None;
        } else if self.budget.is_spent(now)
            && !self.slots.iter().any(|slot| slot.is_starting() && slot.is_staying())
        {
            // No replacement will be started: the old workers stay.
            if let Some(error) = self.spawn_exhaustion() {
                self.end_rolling(error);
            }
        }
    }

    fn end_rolling(&mut self, error: SpawnError) {
        self.rolling = None;
        self.end_waiting(|goal| matches!(goal, Goal::Respawned { .. }), Err(error));
    }

    /// A worker did not start: a rolling respawn ends there, the old workers stay.
    pub(super) fn boot_failed(&mut self, error: &BootError, worker: WorkerId) {
        let error_of_spawn = SpawnError::Boot(error.clone());
        if error.is_permanent() {
            self.rolling = None;
            self.end_waiting(
                |goal| !matches!(goal, Goal::Gone(_) | Goal::Destroyed),
                Err(error_of_spawn),
            );
        } else if self.rolling.as_ref().is_some_and(|rolling| rolling.new.contains(&worker)) {
            self.end_rolling(error_of_spawn);
        }
    }

    /// The grace of a destroyed pool is over.
    pub(super) fn end_drain(&mut self, now: Instant) {
        self.stage = Stage::Draining { deadline: now, over: true };
        self.refuse_waiting(now);
    }

    fn refuse_waiting(&mut self, now: Instant) {
        while let Some(key) = self.queries.any_waiting() {
            self.fail(key, QueryError::Destroyed, now);
        }
    }

    /// Brings everything in line with the wishes: starts, releases, ends, tells who waits.
    pub(super) fn settle(&mut self, now: Instant) {
        let busy = self.queries.front().is_some();
        match self.stage {
            Stage::Open => {
                if busy {
                    self.demand();
                }
                self.shrink(now);
                self.roll(now);
                self.trim(now);
                self.trim_spares(now);
            }
            Stage::Draining { deadline, over } => {
                let working =
                    self.queries.waiting() > 0 || self.slots.iter().any(|slot| slot.load() > 0);
                if working && !over {
                    if busy {
                        self.demand();
                    }
                } else {
                    if !self.has(Bug::RequeueInDestroyed) {
                        // What a released worker gave back comes too late.
                        self.refuse_waiting(now);
                    }
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
        self.grow(now);
        if !self.has(Bug::ForgetTemporary) {
            self.fill_temporary(now);
        }
        self.fail_if_hopeless(now);
        if self.has(Bug::KeepTemporary) {
            self.reuse_temporary(now);
        }
        self.end_idle(now);
        self.tell_waiters(now);
    }

    /// Releases workers that nobody asked for: replacements of a respawn that was given up.
    fn trim(&mut self, now: Instant) {
        if self.has(Bug::KeepFailedReplacements) {
            return;
        }
        let surplus = self.staying().saturating_sub(self.target + self.to_replace());
        if surplus > 0 {
            self.release_surplus(surplus, now);
        }
    }

    /// Tells released workers that have nothing left to end.
    fn end_idle(&mut self, now: Instant) {
        let early = self.has(Bug::EndBeforeDone);
        let patient = self.has(Bug::TrustTemporary);
        let counts_added = self.has(Bug::KeepLoaded);
        let latest = later(now, self.config.grace);
        let mut wake_by = None;
        for slot in &mut self.slots {
            let load = if counts_added { slot.load_with_added() } else { slot.load() };
            let done = load == 0 || early;
            if let Phase::Releasing { told, deadline } = &mut slot.phase
                && !*told
                && done
            {
                *told = true;
                if deadline.is_none() && !patient {
                    // It has nothing to take its time for any more.
                    *deadline = Some(latest);
                    wake_by = Some(latest);
                }
                self.actions.push_back(Action::End(slot.id));
            }
        }
        if let Some(at) = wake_by {
            self.wake_by(at);
        }
    }
}
