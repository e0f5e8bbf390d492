//! The live queries of a pool, and the queue of those that wait.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::{Submission, WorkerId};
use crate::conduct::Conduct;

/// Names a live query; also its id on the wire. A name is never used twice within 2³² queries of
/// the same row, so that a late or forged answer meets nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct QueryKey(u64);

impl QueryKey {
    fn new(row: u32, generation: u32) -> Self {
        Self(u64::from(generation) << 32 | u64::from(row))
    }

    pub(crate) fn from_wire(id: u64) -> Self {
        Self(id)
    }

    pub(crate) fn to_wire(self) -> u64 {
        self.0
    }

    fn row(self) -> usize {
        self.0 as u32 as usize
    }

    fn generation(self) -> u32 {
        (self.0 >> 32) as u32
    }
}

/// Where a query is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// In the queue.
    Waiting,
    /// Handed to a worker, which has not told of its begin.
    Handed {
        worker: WorkerId,
        /// The worker was asked to give it back.
        recalled: bool,
    },
    /// A worker runs it.
    Begun {
        worker: WorkerId,
        at: Instant,
        /// The worker was asked to drop it, and should have confirmed by then.
        dropping: Option<Instant>,
        /// The worker said that it no longer runs, so its answer is due by then.
        spared: Option<Instant>,
    },
}

/// What becomes of a query's outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Caller {
    /// Somebody waits for it.
    Waits,
    /// Nobody does; the query only occupies its worker.
    Gone,
}

pub(crate) struct Query<P> {
    pub(crate) payload: P,
    /// Bytes of the encoded arguments.
    pub(crate) size: usize,
    /// Order of submission.
    pub(crate) seq: u64,
    pub(crate) timeout: Option<Duration>,
    pub(crate) queue_timeout: Option<Duration>,
    /// When it has waited long enough; `None` also once that is dealt with.
    pub(crate) queue_deadline: Option<Instant>,
    pub(crate) conduct: Conduct,
    pub(crate) place: Place,
    pub(crate) caller: Caller,
}

const NONE: u32 = u32::MAX;

struct Row<P> {
    generation: u32,
    query: Option<Query<P>>,
    /// Neighbours in the queue, or, in a free row, the next free one.
    before: u32,
    after: u32,
}

/// All live queries; those in [`Place::Waiting`] stand in a queue, oldest first.
pub(crate) struct Queries<P> {
    rows: Vec<Row<P>>,
    free: u32,
    /// Generation of a row that is made now.
    fresh: u32,
    live: usize,
    next_seq: u64,
    head: u32,
    tail: u32,
    waiting: usize,
    waiting_bytes: usize,
    deadlines: BTreeSet<(Instant, QueryKey)>,
}

impl<P> Queries<P> {
    pub(crate) fn new() -> Self {
        Self {
            rows: Vec::new(),
            free: NONE,
            fresh: 0,
            live: 0,
            next_seq: 0,
            head: NONE,
            tail: NONE,
            waiting: 0,
            waiting_bytes: 0,
            deadlines: BTreeSet::new(),
        }
    }

    /// How many are not over.
    pub(crate) fn live(&self) -> usize {
        self.live
    }

    /// How many stand in the queue.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting
    }

    /// The bytes of those that stand in the queue.
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

    #[cfg(test)]
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Query<P>> {
        self.rows.iter().filter_map(|row| row.query.as_ref())
    }

    /// Those in the queue, oldest first.
    #[cfg(test)]
    pub(crate) fn in_order(&self) -> impl Iterator<Item = (QueryKey, &Query<P>)> {
        let some = |index: u32| (index != NONE).then_some(index);
        std::iter::successors(some(self.head), move |&index| some(self.rows[index as usize].after))
            .filter_map(|index| {
                let query = self.rows[index as usize].query.as_ref()?;
                Some((self.key(index), query))
            })
    }

    /// Takes a query in, at the end of the queue.
    pub(crate) fn push(&mut self, submission: Submission<P>, now: Instant) -> QueryKey {
        let Submission { payload, size, timeout, queue_timeout, conduct, .. } = submission;
        let queue_deadline = queue_timeout.and_then(|limit| now.checked_add(limit));
        let query = Query {
            payload,
            size,
            seq: self.next_seq,
            timeout,
            // A limit that the clock never reaches is none.
            queue_timeout: queue_timeout.filter(|_| queue_deadline.is_some()),
            queue_deadline,
            conduct,
            place: Place::Waiting,
            caller: Caller::Waits,
        };
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
        row.query = Some(query);
        let key = QueryKey::new(index, row.generation);
        self.live += 1;
        self.link(index, NONE);
        if let Some(deadline) = queue_deadline {
            self.deadlines.insert((deadline, key));
        }
        key
    }

    /// The oldest in the queue.
    pub(crate) fn front(&self) -> Option<QueryKey> {
        (self.head != NONE).then(|| self.key(self.head))
    }

    /// Moves a waiting query out of the queue, to `place`.
    pub(crate) fn leave_queue(&mut self, key: QueryKey, place: Place) {
        if self.get(key).is_none_or(|query| query.place != Place::Waiting) {
            return;
        }
        self.unlink(key.row() as u32);
        if let Some(query) = self.get_mut(key) {
            query.place = place;
        }
    }

    /// Moves a query back into the queue, to where it stood by its age.
    pub(crate) fn requeue(&mut self, key: QueryKey) {
        let Some(query) = self.get_mut(key) else {
            return;
        };
        query.place = Place::Waiting;
        let seq = query.seq;
        // What comes back is older than nearly all that waits, so this walk is short.
        let mut next = self.head;
        while next != NONE && self.seq(next) < seq {
            next = self.rows[next as usize].after;
        }
        self.link(key.row() as u32, next);
    }

    /// Ends a query.
    pub(crate) fn remove(&mut self, key: QueryKey) -> Option<Query<P>> {
        if self.get(key)?.place == Place::Waiting {
            self.unlink(key.row() as u32);
        }
        self.forget_deadline(key);
        let row = &mut self.rows[key.row()];
        let query = row.query.take();
        row.generation = row.generation.wrapping_add(1);
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
        query
    }

    /// No longer bounds how long the query waits.
    pub(crate) fn forget_deadline(&mut self, key: QueryKey) {
        let deadline = self.get_mut(key).and_then(|query| query.queue_deadline.take());
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

    fn key(&self, index: u32) -> QueryKey {
        QueryKey::new(index, self.rows[index as usize].generation)
    }

    fn seq(&self, index: u32) -> u64 {
        self.rows[index as usize].query.as_ref().map_or(u64::MAX, |query| query.seq)
    }

    fn size(&self, index: u32) -> usize {
        self.rows[index as usize].query.as_ref().map_or(0, |query| query.size)
    }

    /// Puts a row before `next` (at the end: `NONE`).
    fn link(&mut self, index: u32, next: u32) {
        let before = if next == NONE { self.tail } else { self.rows[next as usize].before };
        self.rows[index as usize].before = before;
        self.rows[index as usize].after = next;
        match before {
            NONE => self.head = index,
            before => self.rows[before as usize].after = index,
        }
        match next {
            NONE => self.tail = index,
            next => self.rows[next as usize].before = index,
        }
        self.waiting += 1;
        self.waiting_bytes += self.size(index);
    }

    fn unlink(&mut self, index: u32) {
        let (before, after) = {
            let row = &self.rows[index as usize];
            (row.before, row.after)
        };
        match before {
            NONE => self.head = after,
            before => self.rows[before as usize].after = after,
        }
        match after {
            NONE => self.tail = before,
            after => self.rows[after as usize].before = before,
        }
        self.waiting -= 1;
        self.waiting_bytes -= self.size(index);
    }
}
