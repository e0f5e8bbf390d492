//! Warm workers beyond the pool's size: ready, and handed nothing, until one of the size is missing.
//!
//! Then one takes its place at once, and another spare is started. A temporary query takes one, too,
//! rather than wait for a start. They are no part of the size in anything else: who asks for so many
//! workers does not get spares, and nobody waits for them.

use std::time::Instant;

use super::slot::{Phase, Slot};
use super::{Action, Bug, Core, Stage, WorkerId};

impl<P> Core<P> {
    /// Has spares take the places that are free. `true`: some of them are ready.
    pub(super) fn draft(&mut self, now: Instant) -> bool {
        let mut any = false;
        if self.config.spares == 0 || self.has(Bug::KeepSpares) {
            return any;
        }
        let missing = self.missing();
        self.vacant = self.vacant.min(missing);
        for _ in 0..missing {
            let Some(worker) = self.next_spare() else { break };
            let restart = self.vacant > 0;
            self.vacant = self.vacant.saturating_sub(1);
            self.restarts += u64::from(restart && !self.has(Bug::ForgetDrafted));
            any |= self.enlist(worker, now);
        }
        any
    }

    /// A spare becomes one of the pool's size. `true`: it is ready.
    pub(super) fn enlist(&mut self, worker: WorkerId, now: Instant) -> bool {
        let raw = self.config.raw;
        let Some(slot) = self.slot_mut(worker) else { return false };
        slot.spare = false;
        slot.progress = now;
        slot.moved = now;
        let is_live = slot.is_live();
        if raw && is_live {
            // Its life begins.
            slot.live = Some(now);
        }
        if is_live && !self.has(Bug::ForgetToBegin) {
            self.begin_raw(worker, now);
        }
        is_live
    }

    /// Where there are spares, the function of a raw worker begins when that is none.
    pub(super) fn begin_raw(&mut self, worker: WorkerId, now: Instant) {
        let spare = self.slot(worker).is_some_and(|slot| slot.spare);
        if !self.config.raw || self.config.spares == 0 || (spare && !self.has(Bug::BeginSpares)) {
            return;
        }
        self.actions.push_back(Action::OpenGate(worker));
        self.tick_wear(worker, now);
    }

    /// The spare that is ready, or will be first.
    pub(super) fn next_spare(&self) -> Option<WorkerId> {
        let spares = self.slots.iter().filter(|slot| slot.is_spare() && slot.lost.is_none());
        spares.min_by_key(|slot| (slot.is_starting(), slot.id)).map(|slot| slot.id)
    }

    /// A spare that can be given a query of its own.
    pub(super) fn ready_spare(&self) -> Option<WorkerId> {
        let ready = |slot: &&Slot| slot.is_spare() && slot.is_sound();
        self.slots.iter().find(ready).map(|slot| slot.id)
    }

    /// Spares that are to be started.
    pub(super) fn missing_spares(&self) -> usize {
        if self.config.spares == 0 || self.has(Bug::ForgetSpares) {
            return 0;
        }
        let counts =
            |slot: &&Slot| slot.is_spare() && !(self.has(Bug::TooManySpares) && slot.is_starting());
        let here = self.slots.iter().filter(counts).count();
        self.wanted_spares().saturating_sub(here)
    }

    /// A pool that is not in use has none.
    fn wanted_spares(&self) -> usize {
        match self.stage {
            Stage::Open if self.target > 0 => self.config.spares,
            Stage::Open if self.has(Bug::KeepSparesOfNobody) => self.config.spares,
            Stage::Open | Stage::Draining { .. } | Stage::Destroyed => 0,
        }
    }

    /// Releases spares of a pool that is no longer in use.
    pub(super) fn trim_spares(&mut self, now: Instant) {
        if self.config.spares > 0 && self.wanted_spares() == 0 {
            self.release_spares(now);
        }
    }

    /// Releases every spare; who they were.
    pub(super) fn release_spares(&mut self, now: Instant) -> Vec<WorkerId> {
        let spares = self.slots.iter().filter(|slot| slot.is_spare());
        let spares: Vec<WorkerId> = spares.map(|slot| slot.id).collect();
        for &worker in &spares {
            self.release(worker, super::later(now, self.config.grace), now);
        }
        spares
    }
}

impl Slot {
    /// A spare that is ready, or is going to be.
    pub(super) fn is_spare(&self) -> bool {
        self.spare && matches!(self.phase, Phase::Starting { .. } | Phase::Live)
    }
}
