//! Who reads the answer of a query that is alone in its pool: its caller, for a moment.
//!
//! To wake a sleeping thread costs more than most queries take. A caller whose query is the only
//! one under way therefore looks for the answer itself, yielding in between, for as long as that
//! usually pays; then the reactor listens, as it does whenever there is more than one query.
//!
//! The lead is a promise that must not be relied upon: a call may be polled once and then leaked.
//! Whatever else happens in the pool breaks it, and has the reactor listen.

use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::supervisor::WorkerId;

/// How long a caller looks for its answer before it goes to sleep. About as long as it takes to
/// wake a thread on another core.
const SPIN: Duration = Duration::from_micros(30);

/// Calls in a row after which an answer is looked for again although it did not pay.
const PROBE: i32 = 64;

/// Looks for something, yielding in between, for a moment.
pub(crate) fn spin(mut came: impl FnMut() -> bool) -> bool {
    let start = Instant::now();
    loop {
        if came() {
            return true;
        }
        if start.elapsed() > SPIN {
            return false;
        }
        std::thread::yield_now();
    }
}

/// The lead of a pool, and whether it has paid.
#[derive(Default)]
pub(crate) struct Lead {
    /// The worker to which the leading caller listens; 0: nobody leads.
    worker: AtomicU64,
    /// Positive: answers have come soon. Negative: calls until another try.
    luck: AtomicI32,
}

impl Lead {
    /// Whether the next lone query should look for its answer.
    pub(crate) fn is_worth_it(&self) -> bool {
        // Only a hint: two callers at once may both take it.
        match self.luck.load(Ordering::Relaxed) {
            luck if luck >= 0 => true,
            luck => {
                self.luck.store(luck + 1, Ordering::Relaxed);
                false
            }
        }
    }

    /// A caller has looked for its answer.
    pub(crate) fn went(&self, came: bool) {
        let luck = self.luck.load(Ordering::Relaxed);
        let luck = match (came, luck) {
            (true, luck) => (luck + 1).min(4),
            (false, luck) if luck > 0 => luck - 1,
            (false, _) => -PROBE,
        };
        self.luck.store(luck, Ordering::Relaxed);
    }

    pub(crate) fn set(&self, worker: WorkerId) {
        self.worker.store(worker, Ordering::SeqCst);
    }

    pub(crate) fn is_taken(&self) -> bool {
        self.worker.load(Ordering::SeqCst) != 0
    }

    pub(crate) fn take(&self) -> Option<WorkerId> {
        match self.worker.load(Ordering::SeqCst) {
            0 => None,
            _ => match self.worker.swap(0, Ordering::SeqCst) {
                0 => None,
                worker => Some(worker),
            },
        }
    }
}
