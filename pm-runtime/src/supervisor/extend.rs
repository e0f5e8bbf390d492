//! Queries that ask for more time than they have.

use std::time::{Duration, Instant};

use super::slot::Slot;
use super::{Bug, Core, QueryKey, Violation, WorkerId};

impl<P> Core<P> {
    /// A query is to have so much more time. One that is already being ended will be, and one that has
    /// opened a stream has as much as it likes.
    pub(crate) fn extended(
        &mut self,
        worker: WorkerId,
        key: QueryKey,
        by: Duration,
    ) -> Result<(), Violation> {
        self.running(worker, key)?;
        let is_dying = self.slot(worker).is_some_and(Slot::is_dying);
        if is_dying || self.is_overdue(key) || self.has(Bug::IgnoreExtension) {
            return Ok(());
        }
        let Some(query) = self.queries.get_mut(key) else { return Ok(()) };
        let Some(timeout) = query.timeout() else { return Ok(()) };
        query.extend(Some(timeout.saturating_add(by)).into());
        // Its deadline so far is when somebody looks again.
        Ok(())
    }

    /// Whether a running query has time left, whatever was thought of it a moment ago.
    pub(super) fn has_time(&self, key: QueryKey, now: Instant) -> bool {
        let Some(query) = self.queries.get(key) else { return false };
        query.due().is_none() && query.deadline().is_none_or(|deadline| now < deadline)
    }

    /// Workers of which queries seem to have run too long.
    pub(crate) fn late(&self, now: Instant) -> impl Iterator<Item = WorkerId> {
        let is_late = move |slot: &&Slot| {
            let deadlines = slot.begun.iter().filter_map(|&key| self.queries.get(key)?.deadline());
            deadlines.min().is_some_and(|deadline| deadline <= now)
        };
        self.slots.iter().filter(is_late).map(|slot| slot.id)
    }
}
