//! What callers ask for: queries come in, and are cancelled.

use std::time::Instant;

use super::quarantine::Fingerprint;
use super::query::{Place, Query};
use super::{Action, Bug, Caller, Core, QueryKey, Route, Slot, Stage, Submission};
use crate::conduct::Conduct;
use crate::error::QueryError;
use crate::options::Cancel;

impl<P> Core<P> {
    /// Takes a query in, and starts workers if there are none. Its print is wanted where the policy is
    /// [wary](Self::is_wary_of) of it.
    ///
    /// `None`: it was refused; a [`Action::Fail`] carries its payload.
    pub(crate) fn submit(
        &mut self,
        submission: Submission<P>,
        print: Option<Fingerprint>,
        now: Instant,
    ) -> Option<QueryKey> {
        let route = submission.route;
        let suspicion = print.filter(|&print| self.is_suspect(print));
        let exclusive = self.config.is_exclusive(submission.conduct) || suspicion.is_some();
        let spreads = route == Route::Any && !exclusive;
        let for_anybody = matches!(route, Route::Any | Route::Key(_));
        if for_anybody && self.target == 0 && self.stage == Stage::Open {
            // Also for one that is refused: the next one may find a worker.
            self.demand();
            self.fill(now);
        }
        if let Some(error) = self.refusal(&submission, suspicion, now) {
            self.tally.refuse(now);
            self.actions.push_back(Action::Fail(submission.payload, error));
            return None;
        }
        let in_excess = submission.immediate && self.is_full(submission.size);
        let deadline = submission.queue_timeout.and_then(|limit| now.checked_add(limit));
        self.tally.submit(now);
        let key = match spreads && self.queries.waiting() == 0 {
            // Where nobody waits, it need not stand in line.
            true => self.hand_or_wait(submission, now),
            false => self.wait_in_line(submission, suspicion, spreads, now),
        };
        if let Some(deadline) = deadline {
            self.wake_by(deadline);
        }
        if in_excess && for_anybody {
            self.make_place(now);
        }
        self.grow(now);
        self.fail_if_hopeless(now);
        Some(key)
    }

    /// Hands a query to a worker that any of them may have, or has it wait.
    fn hand_or_wait(&mut self, submission: Submission<P>, now: Instant) -> QueryKey {
        let Submission { size, conduct, .. } = submission;
        let Some(index) = self.choose_any(size, u64::MAX, conduct, now) else {
            return self.queries.push(submission, Place::Waiting, now);
        };
        let place = Place::Handed { worker: self.slots[index].id, recalled: false };
        let key = self.queries.push(submission, place, now);
        self.slots[index].handed_bytes += self.queries.get(key).map_or(0, Query::size);
        self.note_handed(index, key, now);
        key
    }

    /// Has a query wait, and hands on what may be handed on.
    fn wait_in_line(
        &mut self,
        submission: Submission<P>,
        suspicion: Option<Fingerprint>,
        spreads: bool,
        now: Instant,
    ) -> QueryKey {
        let route = submission.route;
        let key = self.queries.push(submission, Place::Waiting, now);
        if let Some(query) = self.queries.get_mut(key) {
            query.print = suspicion.map(Box::new);
        }
        if route == Route::Temporary {
            self.fill_temporary(now);
        }
        match spreads {
            // Nobody has become idle, and nobody has too much by it.
            true => self.hand_waiting(now),
            // Its worker may not run at once any more what else it holds.
            false => self.dispatch(now),
        }
        key
    }

    fn refusal(
        &mut self,
        submission: &Submission<P>,
        suspicion: Option<Fingerprint>,
        now: Instant,
    ) -> Option<QueryError> {
        if self.stage != Stage::Open {
            return Some(QueryError::Destroyed);
        }
        if let Some(crashes) = suspicion.and_then(|print| self.refuses(print)) {
            return Some(QueryError::Quarantined { crashes });
        }
        if let Route::Worker(worker) = submission.route
            && !self.slot(worker).is_some_and(Slot::is_staying)
        {
            return Some(QueryError::WorkerGone);
        }
        if submission.immediate && self.is_full(submission.size) && !self.has_room(submission) {
            return Some(QueryError::QueueFull);
        }
        if matches!(submission.route, Route::Any | Route::Key(_)) && self.is_hopeless(now) {
            return self.exhaustion();
        }
        None
    }

    /// No other query of this size is to wait.
    fn is_full(&self, size: usize) -> bool {
        self.queries.waiting() >= self.config.queue
            || self.queries.waiting_bytes().saturating_add(size) > self.config.queue_bytes
    }

    /// A query that ended before it reached the pool: it counts, and that is all.
    pub(crate) fn refuse(&mut self, now: Instant) {
        self.tally.refuse(now);
    }

    /// The caller no longer wants the answer.
    pub(crate) fn cancel(&mut self, key: QueryKey, now: Instant) {
        let Some(query) = self.queries.get_mut(key) else {
            return;
        };
        if query.caller == Caller::Gone {
            return;
        }
        query.caller = Caller::Gone;
        let place = query.place;
        for _ in 0..=usize::from(self.has(Bug::CancelTwice)) {
            match place {
                Place::Waiting | Place::Paused { .. } | Place::Handed { .. } => {
                    self.tally.cancel_waiting(now);
                }
                Place::Begun { .. } => self.tally.cancel_running(now),
            }
        }
        match place {
            Place::Waiting | Place::Paused { .. } => {
                if self.has(Bug::LoseCancelled) {
                    return;
                }
                self.forget(key);
            }
            Place::Handed { worker, .. } => {
                self.queries.forget_deadline(key);
                // It may begin before this reaches it; then it is as if it had been running.
                self.mark_recalled(worker, key, now);
                self.actions.push_back(Action::Drop(worker, key));
            }
            Place::Begun { worker, .. } => {
                self.detached += 1;
                // What cannot be dropped may want to know all the same.
                if !self.has(Bug::ForgetToCancel) {
                    self.actions.push_back(Action::Drop(worker, key));
                }
                self.end_unwanted(worker, key, now);
            }
        }
        self.after_change(now);
    }

    /// Whether the query can be dropped in its worker while it runs.
    pub(super) fn is_droppable(&self, key: QueryKey) -> bool {
        let conduct = self.queries.get(key).map(|query| query.conduct);
        conduct == Some(Conduct::Async)
            || (self.has(Bug::DropExclusive) && conduct == Some(Conduct::Exclusive))
    }

    /// Whether a query, if it runs, is to be ended with its worker: nobody waits for it.
    pub(super) fn is_unwanted(&self, key: QueryKey) -> bool {
        let gone = self.queries.get(key).is_some_and(|query| query.caller == Caller::Gone);
        let runs_on = !self.is_droppable(key) || self.has(Bug::KillDroppable);
        self.config.cancel == Cancel::Kill && gone && runs_on
    }
}
