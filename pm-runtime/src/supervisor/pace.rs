//! How fast queries run, and what follows from that.
//!
//! To wake a worker takes longer than a fast query runs. So fast queries go to workers that are at
//! work already, and to no more of them than there are cores. What that is based on is a guess:
//! where a worker is not as fast as that, the others take over what it has not begun.

use std::time::{Duration, Instant};

use super::slot::Slot;
use super::{Bug, Core, later};
use crate::conduct::Conduct;

/// About as long as it takes to wake a worker.
const WAKE: Duration = Duration::from_micros(30);

/// About as long as it takes to hand a query over and to hear its answer.
const HANDING: Duration = Duration::from_micros(1);

/// About as long as a worker takes to end a query and to begin the next.
const TURN: Duration = Duration::from_nanos(250);

/// How long a worker that has work and neither begins nor ends anything is taken to be fast.
pub(super) const BRISK: Duration = Duration::from_millis(2);

/// How long queries of this pool ran, as far as their workers have measured it, the later ones
/// counting more.
#[derive(Default)]
pub(super) struct Pace {
    /// Nanoseconds.
    mean: Option<u64>,
}

impl Pace {
    fn took(&mut self, time: Duration) {
        let took = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.mean = Some(self.mean.map_or(took, |mean| mean - mean / 8 + took / 8));
    }

    /// Whether a query takes no longer to run than to hand over: then those who do that need a core
    /// of their own more than another worker does.
    fn is_trivial(&self) -> bool {
        self.mean.is_some_and(|mean| mean < HANDING.as_nanos() as u64)
    }

    /// How many queries a worker may have that is to begin another one as soon as one that has to
    /// be woken first; 0: queries are not fast.
    pub(super) fn depth(&self) -> usize {
        let one = self.mean.map_or(u64::MAX, |mean| mean.max(TURN.as_nanos() as u64));
        (WAKE.as_nanos() as u64 / one) as usize
    }
}

/// Where a fast query goes.
pub(super) enum Fast {
    /// Here, to a worker that is at work, and fast until then, as far as anybody knows.
    Here(usize, Instant),
    /// Nowhere until then, unless a query ends: as many as there are cores are at work, and have
    /// enough.
    Later(Instant),
    /// Wherever any query may go.
    Anywhere,
}

impl<P> Core<P> {
    /// A worker has measured one of its queries.
    pub(crate) fn took(&mut self, time: Duration) {
        self.pace.took(time);
    }

    /// Where a query of this size goes if it is as fast as others were.
    pub(super) fn choose_fast(
        &self,
        size: usize,
        seq: u64,
        conduct: Conduct,
        now: Instant,
    ) -> Fast {
        let depth = self.pace.depth();
        // What changes the state waits for all that runs, however fast it is itself.
        if depth == 0 || conduct == Conduct::Exclusive {
            return Fast::Anywhere;
        }
        let most = self.config.concurrency - 1 + depth;
        let cores = self.config.cores;
        let cores = if self.pace.is_trivial() { cores.saturating_sub(1).max(1) } else { cores };
        let (mut brisk, mut until) = (0, None);
        for (index, slot) in self.slots.iter().enumerate() {
            let Some(end) = self.is_brisk_until(slot, now).filter(|_| slot.takes_queries()) else {
                continue;
            };
            let ahead = self.config.ahead;
            let has_room = slot.load() < most && self.has_room_up_to(ahead, slot, size, false);
            if has_room && !self.is_reserved(slot, seq) {
                return Fast::Here(index, end);
            }
            brisk += 1;
            let until = *until.insert(until.map_or(end, |until: Instant| until.min(end)));
            if brisk >= cores {
                return Fast::Later(until);
            }
        }
        Fast::Anywhere
    }

    /// `Some`: until then a worker gets on with what it has, as far as anybody can know.
    fn is_brisk_until(&self, slot: &Slot, now: Instant) -> Option<Instant> {
        if slot.load() == 0 {
            return None;
        }
        let until = later(slot.moved, BRISK);
        (now < until || self.has(Bug::TrustThePace)).then_some(until)
    }

    /// `Some`: what a worker holds is left to it until then, although another is idle.
    pub(super) fn is_fast_until(&self, slot: &Slot, now: Instant) -> Option<Instant> {
        if self.pace.depth() > 0 { self.is_brisk_until(slot, now) } else { None }
    }

    /// Looks again then, whether those that are taken to be fast are.
    pub(super) fn doubt(&mut self, until: Instant) {
        if !self.has(Bug::ForgetWakeOfPace) {
            self.wake_by(until);
        }
    }
}
