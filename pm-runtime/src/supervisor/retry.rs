//! Queries whose workers died under them, and that run again.
//!
//! Each run is one more attempt of the same query: it keeps its name and its age, and waits anew, after
//! a pause that grows with the number of its attempts.

use std::time::{Duration, Instant};

use super::budget::pause;
use super::query::{Place, Query};
use super::{Bug, Caller, Core, QueryKey, Route, Stage, later};
use crate::error::QueryError;

/// The longest pause after the first attempt, doubled after each further one, up to the cap.
const RETRY_BASE: Duration = Duration::from_millis(10);
pub(super) const RETRY_CAP: Duration = Duration::from_secs(1);

impl<P> Core<P> {
    /// A worker died under a query that it ran: that waits for another one, if it may run again;
    /// otherwise it fails with this.
    pub(super) fn rerun_or_fail(&mut self, key: QueryKey, error: QueryError, now: Instant) {
        let died = matches!(error, QueryError::Crashed(_) | QueryError::Protocol(_))
            || (self.has(Bug::RetryTimedOut) && matches!(error, QueryError::TimedOut { .. }));
        let is_over = matches!(self.stage, Stage::Destroyed | Stage::Draining { over: true, .. });
        let Some(query) = self.queries.get(key) else { return };
        let may_run = (query.may_run_again() || self.has(Bug::RetryForEver))
            && !(self.has(Bug::RetryNever) && query.reruns > 0)
            && query.caller == Caller::Waits
            && !query.is_open
            // Nobody but its worker was to run it.
            && !matches!(query.route, Route::Worker(_));
        if !died || !may_run || is_over {
            return self.fail(key, error, now);
        }
        if let Some(crashes) = query.print.as_deref().and_then(|&print| self.refuses(print)) {
            return self.fail(key, QueryError::Quarantined { crashes }, now);
        }
        let pause = self.retry_pause(u32::from(query.reruns));
        let until = match self.has(Bug::RetryAtOnce) {
            true => now,
            false => later(now, pause),
        };
        self.tally.rerun(now);
        let keeps_extension = self.has(Bug::KeepExtension);
        if let Some(query) = self.queries.get_mut(key).filter(|_| !keeps_extension) {
            query.end_run();
        }
        self.queries.pause(key, until);
        if !self.has(Bug::ForgetWakeOfRetry) {
            self.wake_by(until);
        }
    }

    fn retry_pause(&mut self, reruns: u32) -> Duration {
        pause(RETRY_BASE, RETRY_CAP, reruns, &mut self.jitter)
    }

    /// Queries whose pauses are over wait for workers again.
    pub(super) fn end_pauses(&mut self, now: Instant) {
        while let Some(key) = self.queries.pop_paused(now) {
            self.queries.requeue(key);
        }
        if let Some(at) = self.queries.next_pause()
            && !self.has(Bug::ForgetWakeOfRetry)
        {
            self.wake_by(at);
        }
    }
}

impl<P> Query<P> {
    /// It may run once more, should its worker die under it.
    fn may_run_again(&self) -> bool {
        self.reruns < self.retries
    }

    /// Which of its runs the next one is, or the one that it is at.
    pub(super) fn attempt(&self) -> u16 {
        self.reruns.saturating_add(1)
    }

    /// Nothing is to run beside it: it is under suspicion. Once it is handed over, that stays so.
    pub(super) fn runs_alone(&self) -> bool {
        match self.place {
            Place::Waiting | Place::Paused { .. } => self.print.is_some(),
            Place::Handed { .. } | Place::Begun { .. } => self.alone,
        }
    }
}
