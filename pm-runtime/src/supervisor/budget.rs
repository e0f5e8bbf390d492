//! How many crashes a pool forgives, and how long it waits before it starts the next worker.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::error::CrashReport;

/// The first worker after a death starts at once, the next ones after this, doubled each time.
const BACKOFF_BASE: Duration = Duration::from_millis(100);
/// The longest pause between two starts; also the pause between probes of a spent budget.
pub(crate) const BACKOFF_CAP: Duration = Duration::from_secs(10);

/// The crash budget of one pool.
pub(crate) struct Budget {
    max_crashes: Option<u32>,
    window: Option<Duration>,
    crashes: VecDeque<Instant>,
    total: u64,
    last: Option<CrashReport>,
    /// Deaths since the last answer.
    in_a_row: u32,
    /// No worker starts before this.
    not_before: Option<Instant>,
    jitter: Jitter,
}

impl Budget {
    pub(crate) fn new(max_crashes: Option<u32>, window: Option<Duration>, seed: u64) -> Self {
        Self {
            max_crashes,
            window,
            crashes: VecDeque::new(),
            total: 0,
            last: None,
            in_a_row: 0,
            not_before: None,
            jitter: Jitter::new(seed),
        }
    }

    /// A crash or a failed boot that counts.
    pub(crate) fn record(&mut self, report: CrashReport, now: Instant) {
        self.total += 1;
        self.last = Some(report);
        if let Some(max) = self.max_crashes {
            // The latest ones, one more than are forgiven, tell all there is to know.
            self.crashes.push_back(now);
            if self.crashes.len() > max as usize + 1 {
                self.crashes.pop_front();
            }
            self.prune(now);
        }
    }

    /// A death of any kind: the next start waits the longer, the more there were in a row.
    pub(crate) fn back_off(&mut self, now: Instant) {
        let pause = match self.in_a_row {
            0 => Duration::ZERO,
            n => pause(BACKOFF_BASE, BACKOFF_CAP, n - 1, &mut self.jitter),
        };
        self.in_a_row = self.in_a_row.saturating_add(1);
        self.not_before = self.not_before.max(now.checked_add(pause));
    }

    /// A worker answered: whatever ailed the pool is over.
    pub(crate) fn answered(&mut self) {
        self.in_a_row = 0;
    }

    /// Nobody starts workers any more: the next start is a first one.
    pub(crate) fn calm_down(&mut self) {
        self.in_a_row = 0;
        self.not_before = None;
    }

    /// A probe answered: all is forgiven.
    pub(crate) fn heal(&mut self) {
        self.in_a_row = 0;
        self.crashes.clear();
        self.not_before = None;
    }

    /// More crashes than are forgiven.
    pub(crate) fn is_spent(&mut self, now: Instant) -> bool {
        self.prune(now);
        self.max_crashes.is_some_and(|max| self.crashes.len() > max as usize)
    }

    /// When the oldest crash of a spent budget is forgiven.
    pub(crate) fn recovers_at(&self) -> Option<Instant> {
        self.crashes.front()?.checked_add(self.window?)
    }

    /// When the next worker may start.
    pub(crate) fn not_before(&self) -> Option<Instant> {
        self.not_before
    }

    /// A spent pool has no worker left, or only a probe: the next one starts a cap from now.
    pub(crate) fn defer_probe(&mut self, now: Instant) {
        self.not_before = now.checked_add(BACKOFF_CAP);
    }

    /// Crashes within the window.
    pub(crate) fn crashes(&self) -> u32 {
        self.crashes.len() as u32
    }

    /// Crashes since the pool began.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    pub(crate) fn window(&self) -> Option<Duration> {
        self.window
    }

    pub(crate) fn last(&self) -> Option<&CrashReport> {
        self.last.as_ref()
    }

    fn prune(&mut self, now: Instant) {
        let Some(window) = self.window else { return };
        while let Some(&oldest) = self.crashes.front() {
            if now.saturating_duration_since(oldest) < window {
                break;
            }
            self.crashes.pop_front();
        }
    }
}

/// A pause that is doubled each time, up to a cap: between half and all of that, so that not all who
/// pause come back in step.
pub(super) fn pause(base: Duration, cap: Duration, times: u32, jitter: &mut Jitter) -> Duration {
    let full = base.saturating_mul(1 << times.min(16)).min(cap);
    full / 2 + full.mul_f64(jitter.fraction() / 2.0)
}

/// xorshift64: jitter wants spread, not secrecy, and the simulation wants to repeat it.
pub(super) struct Jitter(u64);

impl Jitter {
    pub(super) fn new(seed: u64) -> Self {
        // It must not start at zero.
        Self(seed | 1)
    }

    /// In `0.0..1.0`.
    fn fraction(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }
}
