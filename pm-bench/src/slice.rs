//! A short run of a workload, and what was seen in it.

use std::time::{Duration, Instant};

/// Queries back to back, for about so long.
pub(crate) struct Slice {
    start: Instant,
    time: Duration,
    done: u64,
    /// The clock is read again after so many: to read it each time would be measured, too.
    look: u64,
}

impl Slice {
    pub(crate) fn new(time: Duration) -> Self {
        Self { start: Instant::now(), time, done: 0, look: 1 }
    }

    /// Whether to run another one, which is counted.
    pub(crate) fn goes_on(&mut self) -> bool {
        if self.done == self.look {
            if self.start.elapsed() >= self.time {
                return false;
            }
            self.look += (self.done / 8).clamp(1, 256);
        }
        self.done += 1;
        true
    }

    /// Seconds that each took.
    pub(crate) fn each(&self) -> f64 {
        self.start.elapsed().as_secs_f64() / self.done as f64
    }

    /// How many there were in a second.
    pub(crate) fn rate(&self) -> f64 {
        1.0 / self.each()
    }
}

/// The median of what is measured again and again, for about so long; in seconds.
pub(crate) fn median_of<E>(
    time: Duration,
    mut measure: impl FnMut() -> Result<Duration, E>,
) -> Result<f64, E> {
    let start = Instant::now();
    let mut seen = Vec::new();
    while seen.is_empty() || start.elapsed() < time {
        seen.push(measure()?.as_secs_f64());
    }
    Ok(median(&mut seen))
}

/// The middle one; of nothing, not a number.
pub(crate) fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Computes for so long, as a query would that has something to do.
pub(crate) fn compute(time: Duration) -> Duration {
    let start = Instant::now();
    loop {
        let taken = start.elapsed();
        if taken >= time {
            return taken;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slice_runs_at_least_once_and_ends_when_its_time_is_over() {
        let mut slice = Slice::new(Duration::ZERO);
        assert!(slice.goes_on());
        assert!(!slice.goes_on());
        assert!(slice.each() > 0.0);
    }

    #[test]
    fn the_median_is_the_middle_one() {
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), 2.0);
        assert!(median(&mut []).is_nan());
    }
}
