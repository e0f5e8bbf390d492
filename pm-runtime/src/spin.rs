//! Looking for something for a moment, rather than sleeping until it comes.
//!
//! To wake a sleeping thread costs more than most queries take, so it pays to look for what comes
//! soon, and only for as long as it has paid lately. First without a pause; then yielding in
//! between, for whoever is to bring it may be waiting for this very core. Where others want the
//! core, too, who yields it may not have it back for milliseconds, while who sleeps is woken in
//! time: then it does not pay, even if it has come by then.

use std::sync::atomic::{AtomicI32, Ordering};
use std::time::{Duration, Instant};

/// About as long as it takes to wake two threads on other cores, one after the other: so a worker is
/// awake when its caller has heard of one answer and sends the next query.
const MOMENT: Duration = Duration::from_micros(60);

/// Longer than that nobody looks who keeps the core.
const TOO_LONG: Duration = Duration::from_micros(200);

/// How often it looks before it yields: for some three microseconds.
const LOOKS: u32 = 96;

/// Times that are let pass after it did not pay.
const PAUSE: i32 = 64;

/// After others had the core, one more for so many microseconds: so that what a look loses then is
/// little beside what its absence costs.
const MICROS_A_TIME: u128 = 4;

/// What a look in vain costs, in looks that have paid: it takes all of its moment, while those save
/// the time to wake somebody.
const LOSS: i32 = 4;

/// The most that looks which have paid can make up for.
const MOST: i32 = 12;

/// Whether looking has paid lately. Only a hint: threads that use it at once may both be wrong.
pub(crate) struct Luck {
    score: Score,
    /// The same for looking without a pause: in vain where the other side needs this core.
    at_once: Score,
}

/// Positive: it has. Negative: times until another try.
struct Score(AtomicI32);

/// How a look ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    Came,
    DidNotCome,
    /// Others had the core for so long; whether it came meanwhile.
    TookTooLong(Duration, bool),
}

impl Luck {
    pub(crate) const fn new() -> Self {
        Self { score: Score::new(), at_once: Score::new() }
    }

    /// Whether to look this time.
    pub(crate) fn is_good(&self) -> bool {
        self.score.is_good()
    }

    /// Looks until it has come, for a moment at most.
    pub(crate) fn look(&self, mut came: impl FnMut() -> bool) -> bool {
        if self.at_once.is_good() {
            let came = (0..LOOKS).any(|_| {
                std::hint::spin_loop();
                came()
            });
            self.at_once.learn(if came { Look::Came } else { Look::DidNotCome });
            if came {
                self.score.learn(Look::Came);
                return true;
            }
        }
        let look = yielding(came);
        self.score.learn(look);
        matches!(look, Look::Came | Look::TookTooLong(_, true))
    }
}

impl Score {
    const fn new() -> Self {
        Self(AtomicI32::new(0))
    }

    fn is_good(&self) -> bool {
        let score = self.0.load(Ordering::Relaxed);
        if score < 0 {
            self.0.store(score + 1, Ordering::Relaxed);
        }
        score >= 0
    }

    fn learn(&self, look: Look) {
        let score = self.0.load(Ordering::Relaxed);
        let score = match look {
            Look::Came => (score + 1).min(MOST),
            Look::DidNotCome if score >= LOSS => score - LOSS,
            Look::DidNotCome => -PAUSE,
            Look::TookTooLong(time, _) => {
                let times = time.as_micros() / MICROS_A_TIME;
                -i32::try_from(times).unwrap_or(i32::MAX).clamp(PAUSE, 1 << 12)
            }
        };
        self.0.store(score, Ordering::Relaxed);
    }
}

fn yielding(mut came: impl FnMut() -> bool) -> Look {
    let start = Instant::now();
    loop {
        let came = came();
        let time = start.elapsed();
        match came {
            _ if time > TOO_LONG => return Look::TookTooLong(time, came),
            true => return Look::Came,
            false if time > MOMENT => return Look::DidNotCome,
            false => std::thread::yield_now(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_come_is_not_looked_for_a_while() {
        let luck = Luck::new();
        assert!(luck.is_good());
        luck.score.learn(Look::DidNotCome);
        assert_eq!((0..PAUSE).filter(|_| luck.is_good()).count(), 0);
        assert!(luck.is_good());
    }

    #[test]
    fn one_failure_among_successes_changes_nothing() {
        let luck = Luck::new();
        assert!((0..LOSS).all(|_| luck.look(|| true)));
        luck.score.learn(Look::DidNotCome);
        assert!(luck.is_good());
        luck.score.learn(Look::DidNotCome);
        assert!(!luck.is_good());
    }

    #[test]
    fn where_others_want_the_core_it_does_not_pay_even_if_it_comes() {
        for came in [true, false] {
            let luck = Luck::new();
            luck.score.learn(Look::Came);
            luck.score.learn(Look::TookTooLong(Duration::from_millis(4), came));
            assert_eq!((0..1000).filter(|_| luck.is_good()).count(), 0);
            assert!(luck.is_good());
        }
    }
}
