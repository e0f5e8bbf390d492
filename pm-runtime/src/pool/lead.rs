//! Who reads the answer of a query that is alone in its pool: its caller, for a moment.
//!
//! The lead is a promise that must not be relied upon: a call may be polled once and then leaked.
//! Whatever else happens in the pool breaks it, the clock included, and has the reactor listen.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use crate::spin::Luck;
use crate::supervisor::WorkerId;

/// The lead of a pool. All that changes it holds the pool's lock.
#[derive(Default)]
pub(crate) struct Lead {
    /// The worker to which the leading caller listens; 0: nobody leads.
    worker: AtomicU64,
    /// The place of that caller's ticket: nobody else may end the lead without listening.
    whose: AtomicUsize,
    pub(crate) luck: Luck,
}

impl Lead {
    /// When the reactor listens even if nothing happens, should the caller be gone for good.
    pub(crate) const LONGEST: Duration = Duration::from_millis(10);

    pub(crate) fn set(&self, worker: WorkerId, whose: usize) {
        self.whose.store(whose, Ordering::Relaxed);
        self.worker.store(worker, Ordering::Relaxed);
    }

    /// Whether this caller leads; without the lock, only a hint.
    pub(crate) fn belongs_to(&self, whose: usize) -> bool {
        self.worker.load(Ordering::Relaxed) != 0 && self.whose.load(Ordering::Relaxed) == whose
    }

    /// Ends the lead, if there is one.
    pub(crate) fn take(&self) -> Option<WorkerId> {
        match self.worker.load(Ordering::Relaxed) {
            0 => None,
            worker => {
                self.worker.store(0, Ordering::Relaxed);
                Some(worker)
            }
        }
    }
}
