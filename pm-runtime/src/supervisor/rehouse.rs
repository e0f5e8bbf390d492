//! The pool's workers are to live elsewhere: those that there are end, and others take their place.

use std::time::Instant;

use super::slot::Phase;
use super::{Bug, Core, Stage, WorkerId, later};

impl<P> Core<P> {
    /// Releases every worker, so that what is handed out from now on goes to workers that are
    /// started from now on. The old ones end what they run, under its own time-out.
    ///
    /// A rolling respawn promises that its old workers are gone within the grace, and that stays
    /// so.
    pub(crate) fn rehouse(&mut self, now: Instant) {
        if self.stage != Stage::Open {
            return;
        }
        let replaced = self.rolling.take().map_or(Vec::new(), |rolling| rolling.old);
        let staying = |phase: &Phase| matches!(phase, Phase::Starting { .. } | Phase::Live);
        let workers: Vec<WorkerId> =
            self.slots.iter().filter(|slot| staying(&slot.phase)).map(|slot| slot.id).collect();
        let grace = later(now, self.config.grace);
        for worker in workers.into_iter().skip(usize::from(self.has(Bug::KeepOneHoused))) {
            let hurries = replaced.contains(&worker) || self.has(Bug::RehouseInAHurry);
            self.release(worker, hurries.then_some(grace), now);
        }
        self.after_change(now);
    }
}
