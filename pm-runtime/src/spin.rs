//! Looking for something for a moment, rather than sleeping until it comes.
//!
//! To wake a sleeping thread costs more than most queries take, so it pays to look for what comes
//! soon, yielding in between, and only for as long as it has paid lately.

use std::sync::atomic::{AtomicI32, Ordering};
use std::time::{Duration, Instant};

/// About as long as it takes to wake a thread on another core.
const MOMENT: Duration = Duration::from_micros(30);

/// Times that are let pass after it did not pay.
const PAUSE: i32 = 64;

/// Whether looking has paid lately. Only a hint: threads that use it at once may both be wrong.
#[derive(Default)]
pub(crate) struct Luck {
    /// Positive: it has. Negative: times until another try.
    score: AtomicI32,
}

impl Luck {
    /// Whether to look this time.
    pub(crate) fn is_good(&self) -> bool {
        let score = self.score.load(Ordering::Relaxed);
        if score < 0 {
            self.score.store(score + 1, Ordering::Relaxed);
        }
        score >= 0
    }

    /// Looks until it has come, for a moment at most.
    pub(crate) fn look(&self, mut came: impl FnMut() -> bool) -> bool {
        let start = Instant::now();
        loop {
            if came() {
                let score = self.score.load(Ordering::Relaxed);
                self.score.store((score + 1).min(4), Ordering::Relaxed);
                return true;
            }
            if start.elapsed() > MOMENT {
                break;
            }
            std::thread::yield_now();
        }
        let score = self.score.load(Ordering::Relaxed);
        self.score.store(if score > 0 { score - 1 } else { -PAUSE }, Ordering::Relaxed);
        false
    }
}
