//! The time, read as seldom as it has to be: to read the clock takes longer than much of what is done
//! for a query.

use std::time::Instant;

use rustix::time::{ClockId, Timespec, clock_gettime};

/// The time that somebody has read last.
pub(super) struct Recent {
    read: Instant,
    /// The coarse clock then, which costs next to nothing.
    tick: Timespec,
}

impl Recent {
    pub(super) fn new() -> Self {
        Self { read: Instant::now(), tick: clock_gettime(ClockId::MonotonicCoarse) }
    }

    /// Somebody has read the clock.
    pub(super) fn note(&mut self, read: Instant) {
        *self = Self { read, tick: clock_gettime(ClockId::MonotonicCoarse) };
    }

    pub(super) fn now(&mut self) -> Instant {
        self.note(Instant::now());
        self.read
    }

    /// About the time: not later than it is, and a few milliseconds earlier at most. Where many
    /// queries come and go, answers are heard much more often than that.
    pub(super) fn about(&mut self) -> Instant {
        let tick = clock_gettime(ClockId::MonotonicCoarse);
        if tick != self.tick {
            *self = Self { read: Instant::now(), tick };
        }
        self.read
    }
}
