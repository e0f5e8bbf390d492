//! Who reads the answer of a query that is alone in its pool: its caller, for a moment.
//!
//! The lead is a promise that must not be relied upon: a call may be polled once and then leaked.
//! Whatever else happens in the pool breaks it, and has the reactor listen.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::spin::Luck;
use crate::supervisor::WorkerId;

/// The lead of a pool.
#[derive(Default)]
pub(crate) struct Lead {
    /// The worker to which the leading caller listens; 0: nobody leads.
    worker: AtomicU64,
    pub(crate) luck: Luck,
}

impl Lead {
    pub(crate) fn set(&self, worker: WorkerId) {
        self.worker.store(worker, Ordering::SeqCst);
    }

    pub(crate) fn is_taken(&self) -> bool {
        self.worker.load(Ordering::SeqCst) != 0
    }

    /// Ends the lead, if there is one.
    pub(crate) fn take(&self) -> Option<WorkerId> {
        // It is rarely there, and a load is cheaper than a swap.
        let taken = self.is_taken().then(|| self.worker.swap(0, Ordering::SeqCst));
        taken.filter(|worker| *worker != 0)
    }
}
