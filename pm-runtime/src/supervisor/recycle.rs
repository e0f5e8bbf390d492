//! Workers that have served for long enough: each is replaced, and goes when its replacement is ready.
//!
//! Until then it takes queries as before, so that the capacity never falls; what it runs afterwards
//! ends under its own time-out. Where a replacement does not start it is one more failed boot, after
//! which the next one waits like any other.

use std::time::{Duration, Instant};

use super::slot::Slot;
use super::{Action, Bug, Config, Core, Note, Stage, WorkerId, later};

/// The system is asked for a worker's memory no more often than that.
pub(super) const WEIGHING: Duration = Duration::from_secs(1);
/// And no less often, of one that is at work for long, however little happens to its memory.
pub(super) const RARELY: Duration = Duration::from_secs(64);

/// What is known of a worker's memory.
#[derive(Debug, Default)]
pub(crate) struct Weight {
    /// When the system was last asked.
    asked: Option<Instant>,
    /// Something has ended since then.
    stale: bool,
    /// What it said last, in bytes.
    rss: Option<u64>,
    /// What it said last was too much, while something ran.
    heavy: bool,
    /// How long it need not be asked again as long as nothing ends.
    pause: Duration,
    /// The limit is not for this one: it was too heavy when it had done nothing yet, so that its
    /// replacement would be too; or nobody can tell.
    exempt: bool,
}

impl<P> Core<P> {
    /// A worker's memory before it serves anything.
    pub(crate) fn weigh_newborn(&mut self, worker: WorkerId, rss: Option<u64>) {
        let Some(most) = self.config.max_memory else { return };
        let exempt = rss.is_none_or(|rss| rss > most) && !self.has(Bug::WeighHeavyNewborns);
        if let Some(slot) = self.slot_mut(worker) {
            slot.weight.exempt = exempt;
        }
    }

    /// The answer to [`Action::Weigh`]; `None`: nobody can tell.
    pub(crate) fn weighed(&mut self, worker: WorkerId, rss: Option<u64>, now: Instant) {
        let (Some(most), raw) = (self.config.max_memory, self.config.raw) else { return };
        let trusts = self.has(Bug::TrustOneReading);
        let Some(slot) = self.slot_mut(worker) else { return };
        let Some(rss) = rss else {
            slot.weight.exempt = true;
            return;
        };
        let heavy = rss > most;
        // What still runs may be what weighs so much: that takes another look.
        let is_worn = heavy && (slot.weight.heavy || trusts || (slot.load() == 0 && !raw));
        let weight = &mut slot.weight;
        weight.pause = match weight.rss.replace(rss) == Some(rss) && !heavy {
            true => (weight.pause * 2).clamp(WEIGHING, RARELY),
            false => WEIGHING,
        };
        weight.heavy = heavy;
        match is_worn && !slot.weight.exempt {
            true => self.wear_out(worker),
            false => self.tick_weight(worker, now),
        }
        self.after_change(now);
    }

    /// A worker has ended something, and `more`: that was not counted by now. A stream counts when it
    /// is opened.
    pub(super) fn tire(&mut self, worker: WorkerId, more: bool, now: Instant) {
        let Config { max_queries, max_memory, .. } = &self.config;
        if max_queries.is_none() && max_memory.is_none() {
            return;
        }
        let (most, weighs) = (max_queries.unwrap_or(u64::MAX), max_memory.is_some());
        // What it hears before it is ready does not count.
        let Some(slot) = self.slot_mut(worker).filter(|slot| !slot.is_starting()) else { return };
        slot.weight.stale |= weighs;
        slot.used += u64::from(more);
        if slot.used >= most {
            self.wear_out(worker);
        }
        self.tick_weight(worker, now);
    }

    /// What time does to a worker.
    pub(super) fn tick_wear(&mut self, worker: WorkerId, now: Instant) {
        if !self.config.recycles() {
            return;
        }
        let slot = self.slot(worker).filter(|slot| slot.is_ready() && !slot.worn);
        let spare = slot.is_some_and(|slot| slot.spare);
        match slot.and_then(|slot| self.old_at(slot)) {
            // It serves nobody, and another one is started.
            Some(at) if at <= now && spare => self.let_go(worker, now),
            Some(at) if at <= now => self.wear_out(worker),
            Some(at) if !self.has(Bug::ForgetWakeOfAge) => self.wake_by(at),
            Some(_) | None => {}
        }
        self.tick_weight(worker, now);
    }

    /// Has the system asked for a worker's memory, if that is due.
    fn tick_weight(&mut self, worker: WorkerId, now: Instant) {
        if self.config.max_memory.is_none() || self.stage != Stage::Open {
            return;
        }
        let (raw, hasty) = (self.config.raw, self.has(Bug::WeighTooOften));
        let always = self.has(Bug::WeighTheIdle);
        let Some(slot) = self.slot_mut(worker).filter(|slot| slot.is_live() && !slot.worn) else {
            return;
        };
        let is_at_work = raw || slot.open > 0 || always;
        let weight = &mut slot.weight;
        if weight.exempt || !(weight.stale || is_at_work) {
            return;
        }
        let pause = if weight.stale { WEIGHING } else { weight.pause.max(WEIGHING) };
        match weight.asked.map(|asked| later(asked, pause)) {
            Some(at) if now < at && !hasty => self.wake_by(at),
            _ => {
                weight.asked = Some(now);
                weight.stale = false;
                self.actions.push_back(Action::Weigh(worker));
            }
        }
    }

    /// When a worker is old. Those that were born together are not so together: whatever their
    /// number, the ages of workers that follow each other are spread over the last quarter.
    pub(super) fn old_at(&self, slot: &Slot) -> Option<Instant> {
        const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
        let (age, born) = (self.config.max_age?, slot.live?);
        let id = if self.has(Bug::AgeInStep) { 1 } else { slot.id };
        let turn = self.config.seed.wrapping_add(id.wrapping_mul(GOLDEN));
        let fraction = (turn >> 11) as f64 / (1_u64 << 53) as f64;
        Some(later(born, age - (age / 4).mul_f64(fraction)))
    }

    /// A worker is to be replaced; it serves on until that is done.
    fn wear_out(&mut self, worker: WorkerId) {
        let (open, forgets) = (self.stage == Stage::Open, self.has(Bug::ForgetRecycled));
        let slot = self.slot_mut(worker).filter(|slot| open && slot.is_live() && !slot.worn);
        let Some(slot) = slot else { return };
        slot.worn = true;
        self.vacant += usize::from(!forgets);
    }

    /// A worker that is worn out has its replacement.
    pub(super) fn let_go(&mut self, worker: WorkerId, now: Instant) {
        self.note(Note::Recycled(worker));
        let hurries = self.has(Bug::RecycleInAHurry);
        self.release(worker, hurries.then(|| later(now, self.config.grace)), now);
    }
}
