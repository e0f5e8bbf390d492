//! What workers say of their queries.

use std::time::Instant;

use super::query::Query;
use super::slot::Slot;
use super::{Bug, Caller, Core, Note, Place, QueryKey, Route, WorkerId, later};
use crate::conduct::Conduct;
use crate::error::QueryError;

/// How a query ended in its worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// It was answered.
    Answered,
    /// It ended in an error that the worker tells of.
    Failed,
    /// It panicked.
    Panicked,
}

/// A worker said what it could not have said, had it kept to the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Violation {
    #[error("it began a query that it did not have")]
    Begun,
    #[error("it began more queries than it may run at once")]
    TooManyBegun,
    #[error("it answered a query that it did not run")]
    Answered,
    #[error("it returned a query that it did not have, or was not asked for")]
    Returned,
    #[error("it dropped a query that it was not told to drop")]
    Dropped,
    #[error("it said that its gate is shut, and was not asked to shut it")]
    Gated,
    #[error("it spoke for a query that it did not run")]
    Spoke,
    #[error("it opened a stream that was open")]
    Opened,
    #[error("it closed a stream that was not open")]
    Closed,
    #[error("it said that its function has returned, which it has not begun")]
    Left,
    #[error("it sent something before it was ready")]
    NotReady,
}

impl<P> Core<P> {
    /// A worker has begun a query. Known before its code runs.
    pub(crate) fn begun(
        &mut self,
        worker: WorkerId,
        key: QueryKey,
        now: Instant,
    ) -> Result<(), Violation> {
        if self.slot(worker).is_some_and(|slot| slot.begun.len() >= self.config.concurrency)
            && !self.slot(worker).is_some_and(|slot| slot.begun.contains(&key))
        {
            return Err(Violation::TooManyBegun);
        }
        self.begun_at(worker, key, now, now)
    }

    /// The same, where that is seen rather than told: it may have been at another time, though
    /// not earlier than anything that is known for sure, and the ends of others, which made room
    /// for it, may still be unheard.
    pub(crate) fn begun_at(
        &mut self,
        worker: WorkerId,
        key: QueryKey,
        at: Instant,
        now: Instant,
    ) -> Result<(), Violation> {
        let query = self.queries.get(key).ok_or(Violation::Begun)?;
        let (was_recalled, begun, handed) = match query.place {
            Place::Handed { worker: here, recalled } if here == worker => {
                let (size, bound) = (query.size(), query.route.is_bound());
                let slot = self.slot_mut(worker).ok_or(Violation::Begun)?;
                slot.take_handed(key);
                slot.handed_bytes -= size;
                slot.recalled -= usize::from(recalled);
                slot.bound -= usize::from(bound && !recalled);
                slot.begun.push(key);
                let begun = at.max(slot.progress).min(now);
                slot.moved = begun;
                (recalled, begun, std::mem::replace(&mut slot.progress, begun))
            }
            // A shut gate tells of a begin before the begin itself is told.
            Place::Begun { worker: at, .. } if at == worker => return Ok(()),
            _ => return Err(Violation::Begun),
        };
        let at = if self.has(Bug::TimeoutFromHanding) { handed } else { begun };
        if !self.has(Bug::FailRunningForQueueTimeout) {
            self.queries.forget_deadline(key);
        }
        let Some(query) = self.queries.get_mut(key) else {
            return Ok(());
        };
        query.place = Place::Begun { worker, at };
        let (timeout, submitted, caller) = (query.timeout(), query.waits_since, query.caller);
        match caller {
            Caller::Waits => {
                let since = if self.has(Bug::MeasureQueueFromHanding) { handed } else { submitted };
                self.tally.begin(begun.saturating_duration_since(since), now);
            }
            Caller::Gone => {
                self.detached += 1;
                if !self.has(Bug::ForgetCancelledBegin) {
                    self.end_unwanted(worker, key, now);
                }
            }
        }
        if let Some(deadline) = timeout.and_then(|timeout| at.checked_add(timeout))
            && !self.has(Bug::ForgetWakeOfTimeout)
        {
            self.wake_by(deadline);
        }
        if was_recalled && !self.has(Bug::SkipTakeBackAfterBegin) {
            // It was meant for another worker, which now needs something else.
            self.after_change(now);
        }
        Ok(())
    }

    /// A worker has answered a query that it has begun then, which was not known. The same as to
    /// hear of one and then of the other, and what nearly every query comes to.
    pub(crate) fn answered(
        &mut self,
        worker: WorkerId,
        key: QueryKey,
        at: Instant,
        now: Instant,
    ) -> Result<Option<P>, Violation> {
        let Some(query) = self.queries.get(key) else { return Err(Violation::Begun) };
        let (size, submitted) = (query.size(), query.waits_since);
        let is_plain = query.place == (Place::Handed { worker, recalled: false })
            && query.caller == Caller::Waits
            && !query.runs_alone()
            && !self.config.is_exclusive(query.conduct)
            && !query.route.is_bound();
        let concurrency = self.config.concurrency;
        let shortcut = self.takes_shortcuts() && !self.exhausted;
        let keeps_bytes = self.has(Bug::KeepBytesOfSeen);
        let slot = self.slot_mut(worker).filter(|slot| {
            let is_staying = slot.is_live() && !slot.probe && !slot.temporary;
            shortcut && is_plain && is_staying && slot.begun.len() < concurrency
        });
        let Some(slot) = slot else {
            self.begun_at(worker, key, at, now)?;
            return self.ended(worker, key, End::Answered, now);
        };
        let at = at.max(slot.progress).min(now);
        slot.take_handed(key);
        slot.handed_bytes -= if keeps_bytes { 0 } else { size };
        slot.progress = now;
        slot.moved = now;
        slot.served += 1;
        self.budget.answered();
        let ran = now.saturating_duration_since(at);
        match self.has(Bug::CountNoSeenBegins) {
            true => self.tally.complete(ran, now),
            false => self.tally.run(at.saturating_duration_since(submitted), ran, now),
        }
        self.behind = true;
        self.tire(worker, true, now);
        if self.answering != Some(worker) {
            self.end_answering(now);
            self.answering = Some(worker);
        }
        Ok(self.queries.remove(key))
    }

    /// A worker has ended a query. `Some`: its caller waits for the answer. What follows from it
    /// waits for [`catch_up`](Self::catch_up), which is due when all that the worker has said by
    /// now was heard.
    pub(crate) fn ended(
        &mut self,
        worker: WorkerId,
        key: QueryKey,
        end: End,
        now: Instant,
    ) -> Result<Option<P>, Violation> {
        if self.has(Bug::AcceptStrangers)
            && let Some(Place::Begun { worker: at, .. }) = self.queries.get(key).map(|q| q.place)
            && at != worker
        {
            return self.ended(at, key, end, now);
        }
        self.take_begun(worker, key, now).ok_or(Violation::Answered)?;
        if self.has(Bug::IgnoreAnswerOfDying) && self.slot(worker).is_some_and(Slot::is_dying) {
            return Ok(None);
        }
        if self.has(Bug::KeepLoadAfterAnswer)
            && let Some(slot) = self.slot_mut(worker)
        {
            slot.begun.push(key);
        }
        let mut starting = false;
        if let Some(slot) = self.slot_mut(worker) {
            // What it hears before it is ready is nobody's query.
            slot.served += u64::from(slot.live.is_some());
            starting = slot.is_starting();
        }
        self.prove(worker);
        let query = self.queries.get(key);
        if let Some(&print) = query.and_then(|query| query.print.as_deref()) {
            self.quarantine.clear(print, now);
        }
        let waits = query.is_some_and(|query| query.caller == Caller::Waits);
        self.losses.panics += u64::from(end == End::Panicked);
        let spoils =
            end == End::Panicked && query.is_some_and(|query| query.conduct == Conduct::Exclusive);
        let ran = query.and_then(|query| query.ran(now)).unwrap_or_default();
        let payload = if waits {
            match end {
                End::Answered => self.tally.complete(ran, now),
                End::Failed | End::Panicked => self.tally.fail(ran, now),
            }
            self.queries.remove(key)
        } else {
            self.forget(key);
            None
        };
        if spoils && !self.has(Bug::KeepSpoiled) {
            self.recycle(worker, now);
        }
        if starting {
            self.heard(worker, key, spoils, now);
        }
        self.behind = true;
        Ok(payload)
    }

    /// A worker has done what it is there for: so will the next ones.
    fn prove(&mut self, worker: WorkerId) {
        let hears = self.has(Bug::ProveByHearing);
        let serves = |slot: &&mut Slot| slot.live.is_some() || hears;
        let Some(slot) = self.slot_mut(worker).filter(serves) else { return };
        let (heals, temporary) = (std::mem::take(&mut slot.probe), slot.temporary);
        if !temporary {
            self.budget.answered();
        }
        if heals {
            self.heal(worker);
        } else if self.exhausted && !temporary {
            self.note_healed(worker);
        }
    }

    /// A worker has opened the stream that a query asks for: from now on that runs until the stream
    /// ends, and holds up no other.
    pub(crate) fn opened(
        &mut self,
        worker: WorkerId,
        key: QueryKey,
        now: Instant,
    ) -> Result<&P, Violation> {
        self.running(worker, key)?;
        // One that is overdue was told to be dropped, and is never anybody's.
        let keeps_timeout = self.is_overdue(key) || self.has(Bug::KeepOpenTimeout);
        let query = self.queries.get_mut(key).ok_or(Violation::Spoke)?;
        if std::mem::replace(&mut query.is_open, true) {
            return Err(Violation::Opened);
        }
        if !keeps_timeout {
            query.run_for_ever();
        }
        if let Some(slot) = self.slot_mut(worker) {
            slot.open += 1;
            slot.progress = now;
            slot.moved = now;
        }
        // It may be long until its end proves that.
        self.prove(worker);
        self.tire(worker, !self.has(Bug::ForgetOpenedStreams), now);
        self.behind = true;
        self.expect_next(worker, now);
        self.running(worker, key)
    }

    /// A worker has answered one query, or many.
    fn end_answering(&mut self, now: Instant) {
        if let Some(worker) = self.answering.take() {
            self.expect_next(worker, now);
        }
    }

    /// A worker has ended an open stream, and nothing went wrong.
    pub(crate) fn closed(
        &mut self,
        worker: WorkerId,
        key: QueryKey,
        now: Instant,
    ) -> Result<Option<P>, Violation> {
        if !self.is_stream(key) {
            return Err(Violation::Closed);
        }
        if self.is_overdue(key) && !self.has(Bug::CloseOverdue) {
            self.running(worker, key)?;
            return self.dropped(worker, key, now).map(|()| None);
        }
        self.ended(worker, key, End::Answered, now)
    }

    /// What follows from the ends of queries.
    pub(crate) fn catch_up(&mut self, now: Instant) {
        self.end_answering(now);
        if self.behind && !self.has(Bug::ForgetToCatchUp) {
            self.after_change(now);
        }
        self.behind = false;
    }

    /// What its owner keeps with a query that this worker runs.
    pub(crate) fn running(&self, worker: WorkerId, key: QueryKey) -> Result<&P, Violation> {
        match self.queries.get(key) {
            Some(Query { place: Place::Begun { worker: at, .. }, payload, .. })
                if *at == worker =>
            {
                Ok(payload)
            }
            _ => Err(Violation::Spoke),
        }
    }

    /// A worker gives a query back that it has not begun.
    pub(crate) fn returned(
        &mut self,
        worker: WorkerId,
        key: QueryKey,
        now: Instant,
    ) -> Result<(), Violation> {
        let query = self.queries.get(key).ok_or(Violation::Returned)?;
        if query.place != (Place::Handed { worker, recalled: true }) {
            return Err(Violation::Returned);
        }
        let size = query.size();
        let exclusive = self.is_exclusive(key);
        let counts = self.has(Bug::CountReturnsAsPace);
        let slot = self.slot_mut(worker).ok_or(Violation::Returned)?;
        slot.moved = if counts { now } else { slot.moved };
        slot.take_handed(key);
        slot.handed_bytes -= size;
        slot.recalled -= 1;
        slot.exclusive -= usize::from(exclusive);
        slot.progress = now;
        self.give_back(key, now);
        self.after_change(now);
        Ok(())
    }

    /// A worker has dropped a running query, as it was told to.
    pub(crate) fn dropped(
        &mut self,
        worker: WorkerId,
        key: QueryKey,
        now: Instant,
    ) -> Result<(), Violation> {
        let query = self.queries.get(key).ok_or(Violation::Dropped)?;
        let dropping = query.due().is_some_and(|due| due.dropping);
        let gone = query.caller == Caller::Gone;
        if !self.is_droppable(key) || (!dropping && !gone) {
            return Err(Violation::Dropped);
        }
        let after = query.timeout().unwrap_or_default();
        self.take_begun(worker, key, now).ok_or(Violation::Dropped)?;
        if !gone {
            self.note(Note::TimedOut(worker, after));
        }
        self.fail(key, QueryError::TimedOut { after, worker, debug: None }, now);
        self.after_change(now);
        Ok(())
    }

    /// A query that its worker has not begun goes back to where it stood, if it may still wait.
    pub(super) fn give_back(&mut self, key: QueryKey, now: Instant) {
        let Some(query) = self.queries.get(key) else {
            return;
        };
        let refused = query.print.as_deref().and_then(|&print| self.refuses(print));
        if query.caller == Caller::Gone {
            self.forget(key);
        } else if let Some(crashes) = refused {
            self.fail(key, QueryError::Quarantined { crashes }, now);
        } else if let (Some(after), None) = (query.queue_timeout(), query.queue_deadline()) {
            self.fail(key, QueryError::QueueTimedOut { after }, now);
        } else if let Route::Worker(worker) = query.route
            && !self.slot(worker).is_some_and(Slot::is_staying)
        {
            self.lose_worker(key, now);
        } else {
            self.requeue(key);
        }
    }

    /// Nobody but this worker was to run what waits for it, and it takes nothing any more.
    pub(super) fn fail_pinned(&mut self, worker: WorkerId, now: Instant) {
        if self.has(Bug::ForgetPinned) {
            return;
        }
        while let Some(key) = self.queries.front_pinned(worker) {
            self.lose_worker(key, now);
        }
    }

    fn lose_worker(&mut self, key: QueryKey, now: Instant) {
        if self.has(Bug::PinLoosely) {
            return self.queries.unpin(key);
        }
        self.fail(key, QueryError::WorkerGone, now);
    }

    fn requeue(&mut self, key: QueryKey) {
        if self.has(Bug::RequeueAtTheEnd)
            && let Some(query) = self.queries.get_mut(key)
        {
            query.seq = u64::MAX;
        }
        self.queries.requeue(key);
    }

    /// Takes a query off the worker that runs it.
    fn take_begun(&mut self, worker: WorkerId, key: QueryKey, now: Instant) -> Option<()> {
        let exclusive = self.is_exclusive(key);
        let is_open = self.queries.get(key).is_some_and(|query| query.is_open);
        let open = is_open && !self.has(Bug::ForgetOpenAtEnd);
        let slot = self.slot_mut(worker)?;
        let index = slot.begun.iter().position(|&other| other == key)?;
        slot.begun.remove(index);
        slot.open -= usize::from(open);
        slot.exclusive -= usize::from(exclusive);
        slot.progress = now;
        slot.moved = now;
        self.tire(worker, !is_open, now);
        self.expect_next(worker, now);
        Some(())
    }

    /// A worker has made room, and is to go on.
    fn expect_next(&mut self, worker: WorkerId, now: Instant) {
        let Some(index) = self.index_of(worker) else { return };
        let slot = &self.slots[index];
        let stuck_since = slot.stuck_since();
        let free = self.config.concurrency.saturating_sub(slot.begun.len());
        if let Some(since) = stuck_since
            && !self.has(Bug::ForgetWakeAfterAnswer)
        {
            self.wake_by(later(since, self.config.boot_timeout));
        }
        if let Some(last) = free.checked_sub(1) {
            self.expect_begin(index, last, now);
        }
    }
}
