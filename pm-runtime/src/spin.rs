//! Looking for something for a moment, rather than sleeping until it comes.
//!
//! To wake a sleeping thread costs more than most queries take, so it pays to look for what comes
//! soon, and only for as long as it has paid lately. First without a pause; then yielding in
//! between, for whoever is to bring it may be waiting for this very core.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::{Duration, Instant};

/// About as long as it takes to wake a thread on another core.
const MOMENT: Duration = Duration::from_micros(30);

/// How often it looks before it yields: for about a microsecond.
const LOOKS: u32 = 32;

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
        let came = (0..looks()).any(|_| {
            std::hint::spin_loop();
            came()
        }) || yielding(came);
        let score = self.score.load(Ordering::Relaxed);
        self.score.store(
            match came {
                true => (score + 1).min(4),
                false if score > 0 => score - 1,
                false => -PAUSE,
            },
            Ordering::Relaxed,
        );
        came
    }
}

fn yielding(mut came: impl FnMut() -> bool) -> bool {
    let start = Instant::now();
    loop {
        if came() {
            return true;
        }
        if start.elapsed() > MOMENT {
            return false;
        }
        std::thread::yield_now();
    }
}

/// None where there is but one core to run on: nothing comes while this thread has it.
fn looks() -> u32 {
    static CORES: OnceLock<usize> = OnceLock::new();
    let cores = *CORES.get_or_init(|| std::thread::available_parallelism().map_or(1, Into::into));
    if cores > 1 { LOOKS } else { 0 }
}
