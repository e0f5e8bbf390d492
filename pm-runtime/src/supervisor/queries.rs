//! The live queries of a pool, and the lines of those that wait.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use super::query::{Limit, Place, Query, QueryKey, Route};
use super::{Submission, WorkerId};

const NONE: u32 = u32::MAX;

struct Row<P> {
    generation: u32,
    query: Option<Query<P>>,
    /// Neighbours in its line, or, in a free row, the next free one.
    before: u32,
    after: u32,
}

/// Queries that wait for the same, oldest first.
#[derive(Clone, Copy)]
struct Line {
    head: u32,
    tail: u32,
    len: usize,
}

impl Line {
    const EMPTY: Self = Self { head: NONE, tail: NONE, len: 0 };
}

/// All live queries; those in [`Place::Waiting`] stand in lines, one for each thing to wait for.
pub(crate) struct Queries<P> {
    rows: Vec<Row<P>>,
    free: u32,
    /// Generation of a row that is made now.
    fresh: u32,
    live: usize,
    next_seq: u64,
    /// For any worker of the pool's size.
    shared: Line,
    /// For a worker of their own.
    temporary: Line,
    /// For one certain worker; a line is here only while it is not empty.
    pinned: BTreeMap<WorkerId, Line>,
    waiting: usize,
    waiting_bytes: usize,
    deadlines: BTreeSet<(Instant, QueryKey)>,
    /// Those that wait for the end of a pause.
    paused: BTreeSet<(Instant, QueryKey)>,
}

impl<P> Queries<P> {
    pub(crate) fn new() -> Self {
        Self {
            rows: Vec::new(),
            free: NONE,
            fresh: 0,
            live: 0,
            next_seq: 0,
            shared: Line::EMPTY,
            temporary: Line::EMPTY,
            pinned: BTreeMap::new(),
            waiting: 0,
            waiting_bytes: 0,
            deadlines: BTreeSet::new(),
            paused: BTreeSet::new(),
        }
    }

    /// How many are not over.
    pub(crate) fn live(&self) -> usize {
        self.live
    }

    /// How many stand in all lines, or wait to.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting
    }

    /// The bytes of those.
    pub(crate) fn waiting_bytes(&self) -> usize {
        self.waiting_bytes
    }

    pub(crate) fn get(&self, key: QueryKey) -> Option<&Query<P>> {
        let row = self.rows.get(key.row())?;
        row.query.as_ref().filter(|_| row.generation == key.generation())
    }

    pub(crate) fn get_mut(&mut self, key: QueryKey) -> Option<&mut Query<P>> {
        let row = self.rows.get_mut(key.row())?;
        row.query.as_mut().filter(|_| row.generation == key.generation())
    }

    /// All of them, with their names.
    pub(super) fn entries(&self) -> impl Iterator<Item = (QueryKey, &Query<P>)> {
        let rows = (0u32..).zip(&self.rows);
        rows.filter_map(|(index, row)| {
            Some((QueryKey::new(index, row.generation), row.query.as_ref()?))
        })
    }

    #[cfg(test)]
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Query<P>> {
        self.rows.iter().filter_map(|row| row.query.as_ref())
    }

    /// Every line, each oldest first.
    #[cfg(test)]
    pub(crate) fn lines(&self) -> Vec<Vec<&Query<P>>> {
        let some = |index: u32| (index != NONE).then_some(index);
        let lines = [&self.shared, &self.temporary].into_iter().chain(self.pinned.values());
        let walk = |line: &Line| {
            let next = |&index: &u32| some(self.rows[index as usize].after);
            std::iter::successors(some(line.head), next)
                .filter_map(|index| self.rows[index as usize].query.as_ref())
                .collect()
        };
        lines.map(walk).collect()
    }

    /// Takes a query in; if it waits, at the end of its line.
    pub(crate) fn push(
        &mut self,
        submission: Submission<P>,
        place: Place,
        now: Instant,
    ) -> QueryKey {
        let (seq, queue_timeout) = (self.next_seq, submission.queue_timeout);
        self.next_seq += 1;
        let index = match self.free {
            NONE => {
                self.rows.push(Row {
                    generation: self.fresh,
                    query: None,
                    before: NONE,
                    after: NONE,
                });
                (self.rows.len() - 1) as u32
            }
            index => {
                self.free = self.rows[index as usize].after;
                index
            }
        };
        let row = &mut self.rows[index as usize];
        // To say so spares a drop, and with it a copy.
        if row.query.is_none() {
            row.query = Some(Query::new(submission, seq, place, now));
        }
        let key = QueryKey::new(index, row.generation);
        self.live += 1;
        if place == Place::Waiting {
            self.link(index, NONE);
        }
        if let Some(deadline) = queue_timeout.and_then(|limit| now.checked_add(limit)) {
            self.deadlines.insert((deadline, key));
        }
        key
    }

    /// The oldest of those that any worker may have.
    pub(crate) fn front(&self) -> Option<QueryKey> {
        self.first_of(&self.shared)
    }

    /// The oldest of those that want a worker of their own.
    pub(crate) fn front_temporary(&self) -> Option<QueryKey> {
        self.first_of(&self.temporary)
    }

    /// How many want a worker of their own.
    pub(crate) fn waiting_temporary(&self) -> usize {
        self.temporary.len
    }

    /// Those that wait for any worker of the pool's size.
    pub(crate) fn waiting_for_any(&self) -> usize {
        self.shared.len
    }

    /// The oldest of those that want this worker.
    pub(crate) fn front_pinned(&self, worker: WorkerId) -> Option<QueryKey> {
        self.pinned.get(&worker).and_then(|line| self.first_of(line))
    }

    /// Workers that somebody waits for by name.
    pub(crate) fn wanted(&self) -> impl Iterator<Item = WorkerId> {
        self.pinned.keys().copied()
    }

    /// Whether nobody waits for a worker by name.
    pub(crate) fn none_pinned(&self) -> bool {
        self.pinned.is_empty()
    }

    /// One that waits, whatever for.
    pub(crate) fn any_waiting(&self) -> Option<QueryKey> {
        let pinned = || self.pinned.values().find_map(|line| self.first_of(line));
        let paused = || self.paused.first().map(|&(_, key)| key);
        self.front().or_else(|| self.front_temporary()).or_else(pinned).or_else(paused)
    }

    fn first_of(&self, line: &Line) -> Option<QueryKey> {
        (line.head != NONE).then(|| self.key(line.head))
    }

    /// Moves a waiting query out of its line, to `place`.
    pub(crate) fn leave_queue(&mut self, key: QueryKey, place: Place) {
        if self.get(key).is_none_or(|query| query.place != Place::Waiting) {
            return;
        }
        self.unlink(key.row() as u32);
        if let Some(query) = self.get_mut(key) {
            query.place = place;
        }
    }

    /// Moves a query back into its line, to where it stood by its age.
    pub(crate) fn requeue(&mut self, key: QueryKey) {
        let Some(query) = self.get_mut(key) else {
            return;
        };
        query.place = Place::Waiting;
        let seq = query.seq;
        // What comes back is older than nearly all that waits, so this walk is short.
        let mut next = self.line(key.row() as u32).head;
        while next != NONE && self.seq(next) < seq {
            next = self.rows[next as usize].after;
        }
        self.link(key.row() as u32, next);
    }

    /// One that ran waits again, from then on.
    pub(super) fn pause(&mut self, key: QueryKey, until: Instant) {
        self.forget_deadline(key);
        let Some(query) = self.get_mut(key) else { return };
        query.reruns = query.reruns.saturating_add(1);
        query.place = Place::Paused { until };
        query.waits_since = until;
        query.wait_is_settled = false;
        let (size, deadline) = (query.size(), query.queue_deadline());
        self.deadlines.extend(deadline.map(|deadline| (deadline, key)));
        self.paused.insert((until, key));
        self.waiting += 1;
        self.waiting_bytes += size;
    }

    /// The earliest end of a pause.
    pub(super) fn next_pause(&self) -> Option<Instant> {
        self.paused.first().map(|&(until, _)| until)
    }

    /// One whose pause is over, and which is to be put into its line.
    pub(super) fn pop_paused(&mut self, now: Instant) -> Option<QueryKey> {
        let &(until, key) = self.paused.first().filter(|(until, _)| *until <= now)?;
        self.end_pause(until, key);
        Some(key)
    }

    fn end_pause(&mut self, until: Instant, key: QueryKey) {
        if self.paused.remove(&(until, key)) {
            self.waiting -= 1;
            self.waiting_bytes -= self.size(key.row() as u32);
        }
    }

    /// A deliberate bug: any worker may have it from now on.
    pub(crate) fn unpin(&mut self, key: QueryKey) {
        if self.get(key).is_some_and(|query| query.place == Place::Waiting) {
            self.unlink(key.row() as u32);
        }
        if let Some(query) = self.get_mut(key) {
            query.route = Route::Any;
        }
        self.requeue(key);
    }

    /// Ends a query; what its owner keeps with it.
    pub(crate) fn remove(&mut self, key: QueryKey) -> Option<P> {
        match self.get(key)?.place {
            Place::Waiting => self.unlink(key.row() as u32),
            Place::Paused { until } => self.end_pause(until, key),
            Place::Handed { .. } | Place::Begun { .. } => {}
        }
        self.forget_deadline(key);
        let row = &mut self.rows[key.row()];
        let payload = row.query.take().map(|query| query.payload);
        row.generation = QueryKey::next_generation(row.generation);
        row.after = self.free;
        self.free = key.row() as u32;
        self.live -= 1;
        if self.live == 0 && self.rows.len() > 1024 {
            // A burst is over: give its memory back. New rows go on from the latest generation,
            // so that no name comes back.
            self.fresh = self.rows.iter().map(|row| row.generation).fold(self.fresh, u32::max);
            self.rows = Vec::new();
            self.free = NONE;
        }
        payload
    }

    /// No longer bounds how long the query waits.
    #[inline]
    pub(crate) fn forget_deadline(&mut self, key: QueryKey) {
        let is_limited = |query: &&mut Query<P>| query.queue_timeout != Limit::NONE;
        let Some(query) = self.get_mut(key).filter(is_limited) else { return };
        let deadline = query.queue_deadline();
        query.wait_is_settled = true;
        if let Some(deadline) = deadline {
            self.deadlines.remove(&(deadline, key));
        }
    }

    /// The earliest end of a wait.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.first().map(|&(deadline, _)| deadline)
    }

    /// Takes one query whose wait is over; its deadline is dealt with.
    pub(crate) fn pop_overdue(&mut self, now: Instant) -> Option<QueryKey> {
        let &(deadline, key) = self.deadlines.first()?;
        if deadline > now {
            return None;
        }
        self.forget_deadline(key);
        Some(key)
    }

    /// When it came, in the order of submissions.
    pub(crate) fn seq_of(&self, key: QueryKey) -> u64 {
        self.seq(key.row() as u32)
    }

    fn key(&self, index: u32) -> QueryKey {
        QueryKey::new(index, self.rows[index as usize].generation)
    }

    fn seq(&self, index: u32) -> u64 {
        self.rows[index as usize].query.as_ref().map_or(u64::MAX, |query| query.seq)
    }

    fn size(&self, index: u32) -> usize {
        self.rows[index as usize].query.as_ref().map_or(0, Query::size)
    }

    /// The line in which a row has its place.
    fn line(&mut self, index: u32) -> &mut Line {
        match self.rows[index as usize].query.as_ref().map(|query| query.route) {
            Some(Route::Temporary) => &mut self.temporary,
            Some(Route::Worker(worker)) => self.pinned.entry(worker).or_insert(Line::EMPTY),
            Some(Route::Any | Route::Key(_)) | None => &mut self.shared,
        }
    }

    /// Puts a row before `next` (at the end: `NONE`).
    fn link(&mut self, index: u32, next: u32) {
        let before = match next {
            NONE => self.line(index).tail,
            next => self.rows[next as usize].before,
        };
        self.rows[index as usize].before = before;
        self.rows[index as usize].after = next;
        match before {
            NONE => self.line(index).head = index,
            before => self.rows[before as usize].after = index,
        }
        match next {
            NONE => self.line(index).tail = index,
            next => self.rows[next as usize].before = index,
        }
        self.line(index).len += 1;
        self.waiting += 1;
        self.waiting_bytes += self.size(index);
    }

    fn unlink(&mut self, index: u32) {
        let (before, after) = {
            let row = &self.rows[index as usize];
            (row.before, row.after)
        };
        match before {
            NONE => self.line(index).head = after,
            before => self.rows[before as usize].after = after,
        }
        match after {
            NONE => self.line(index).tail = before,
            after => self.rows[after as usize].before = before,
        }
        let line = self.line(index);
        line.len -= 1;
        if line.len == 0
            && let Some(Route::Worker(worker)) =
                self.rows[index as usize].query.as_ref().map(|query| query.route)
        {
            self.pinned.remove(&worker);
        }
        self.waiting -= 1;
        self.waiting_bytes -= self.size(index);
    }
}
