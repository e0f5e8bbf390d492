//! One query: its name, where it is, and which worker it is meant for.

use std::time::{Duration, Instant};

use super::quarantine::Fingerprint;
use super::{Submission, WorkerId};
use crate::conduct::Conduct;

/// Which worker a query is meant for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    /// Any of the pool's size.
    Any,
    /// The one that the last query of this key went to, if it can be had.
    Key(u64),
    /// This one, or none.
    Worker(WorkerId),
    /// One of its own.
    Temporary,
}

impl Route {
    /// Once it was handed to a worker, no other one gets it as long as that one lives.
    pub(super) fn is_bound(self) -> bool {
        matches!(self, Self::Key(_) | Self::Worker(_))
    }
}

/// Names a live query; also its id on the wire. A name is never used twice within 2³¹ queries of
/// the same row, so that a late or forged answer meets nobody. Its highest bit is 0, but in
/// [`NONE`](Self::NONE).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct QueryKey(u64);

impl QueryKey {
    /// The name of no query.
    pub(crate) const NONE: Self = Self(u64::MAX);

    /// The generation of a row's next query.
    pub(super) fn next_generation(generation: u32) -> u32 {
        generation.wrapping_add(1) & (u32::MAX >> 1)
    }

    pub(super) fn new(row: u32, generation: u32) -> Self {
        Self(u64::from(generation) << 32 | u64::from(row))
    }

    pub(crate) fn from_wire(id: u64) -> Self {
        Self(id)
    }

    pub(crate) fn to_wire(self) -> u64 {
        self.0
    }

    pub(super) fn row(self) -> usize {
        self.0 as u32 as usize
    }

    pub(super) fn generation(self) -> u32 {
        (self.0 >> 32) as u32
    }
}

/// Where a query is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// In its line.
    Waiting,
    /// Its worker died under it: it waits again from then on.
    Paused { until: Instant },
    /// Handed to a worker, which has not told of its begin.
    Handed {
        worker: WorkerId,
        /// The worker was asked to give it back.
        recalled: bool,
    },
    /// A worker runs it.
    Begun { worker: WorkerId, at: Instant },
}

/// The end of a query that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Due {
    /// It should have come by then.
    pub(crate) until: Instant,
    /// The worker was asked to drop it, and is to confirm that.
    pub(crate) dropping: bool,
    /// The worker said that it no longer runs.
    pub(crate) spared: bool,
}

/// What only few runs need: most end in time.
#[derive(Default)]
struct Overtime {
    /// How long it may run, as it has asked for more.
    timeout: Option<Limit>,
    /// Its end is due.
    due: Option<Due>,
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
    /// Bytes of the encoded arguments; no frame has more than this can say.
    size: u32,
    /// Order of submission.
    pub(crate) seq: u64,
    /// Since when it waits, or had waited before it began.
    pub(crate) waits_since: Instant,
    /// How long a run may take that asks for nothing.
    timeout: Limit,
    /// Of the run that it is at.
    overtime: Option<Box<Overtime>>,
    pub(super) queue_timeout: Limit,
    /// It has opened a stream, which runs until it ends.
    pub(super) is_open: bool,
    /// Its `queue_timeout` is dealt with: however long it waits now does not matter.
    pub(crate) wait_is_settled: bool,
    /// How often it may run again, should its worker die under it, and how often it was to by now.
    pub(super) retries: u16,
    pub(super) reruns: u16,
    /// Something like it ran when a worker died, and here is how to tell.
    pub(super) print: Option<Box<Fingerprint>>,
    /// It was handed over to run with nothing beside it, because of that.
    pub(super) alone: bool,
    pub(crate) conduct: Conduct,
    pub(crate) route: Route,
    pub(crate) place: Place,
    pub(crate) caller: Caller,
}

/// How long something may take, if there is a limit, in half the room: nanoseconds. What is longer
/// than these can say, some six hundred years, is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limit(u64);

impl Limit {
    pub(super) const NONE: Self = Self(u64::MAX);

    /// Nanoseconds; `u64::MAX`: there is none.
    pub(super) fn to_wire(self) -> u64 {
        self.0
    }

    fn get(self) -> Option<Duration> {
        (self != Self::NONE).then(|| Duration::from_nanos(self.0))
    }
}

impl From<Option<Duration>> for Limit {
    fn from(limit: Option<Duration>) -> Self {
        let nanos = limit.and_then(|limit| u64::try_from(limit.as_nanos()).ok());
        nanos.map_or(Self::NONE, Self)
    }
}

impl<P> Query<P> {
    /// A query that is submitted now.
    pub(super) fn new(submission: Submission<P>, seq: u64, place: Place, now: Instant) -> Self {
        let Submission { payload, size, timeout, queue_timeout, conduct, route, retries, .. } =
            submission;
        // A limit that the clock never reaches is none.
        let queue_timeout = queue_timeout.filter(|&limit| now.checked_add(limit).is_some());
        Self {
            payload,
            size: u32::try_from(size).unwrap_or(u32::MAX),
            seq,
            waits_since: now,
            timeout: timeout.into(),
            overtime: None,
            queue_timeout: queue_timeout.into(),
            is_open: false,
            wait_is_settled: false,
            retries: u16::try_from(retries).unwrap_or(u16::MAX),
            reruns: 0,
            print: None,
            alone: false,
            conduct,
            route,
            place,
            caller: Caller::Waits,
        }
    }

    /// Bytes of the encoded arguments.
    pub(crate) fn size(&self) -> usize {
        self.size as usize
    }

    /// How long it may run.
    pub(super) fn timeout(&self) -> Option<Duration> {
        self.limit().get()
    }

    /// The same, as it travels.
    pub(super) fn limit(&self) -> Limit {
        let overtime = self.overtime.as_ref();
        overtime.and_then(|overtime| overtime.timeout).unwrap_or(self.timeout)
    }

    /// It may run for so long this time.
    pub(super) fn extend(&mut self, limit: Limit) {
        self.overtime.get_or_insert_default().timeout = Some(limit);
    }

    /// However long it runs from now on does not matter.
    pub(super) fn run_for_ever(&mut self) {
        self.timeout = Limit::NONE;
        self.overtime = None;
    }

    /// Its end, where that is due.
    pub(super) fn due(&self) -> Option<Due> {
        self.overtime.as_ref().and_then(|overtime| overtime.due)
    }

    pub(super) fn set_due(&mut self, due: Due) {
        self.overtime.get_or_insert_default().due = Some(due);
    }

    /// Its run is over, and not it.
    pub(super) fn end_run(&mut self) {
        self.overtime = None;
    }

    /// When it will have run too long, if it runs.
    pub(super) fn deadline(&self) -> Option<Instant> {
        match self.place {
            Place::Begun { at, .. } => at.checked_add(self.timeout()?),
            Place::Waiting | Place::Paused { .. } | Place::Handed { .. } => None,
        }
    }

    /// How long it may wait.
    pub(super) fn queue_timeout(&self) -> Option<Duration> {
        self.queue_timeout.get()
    }

    /// When it has waited long enough; `None` also once that is dealt with.
    pub(super) fn queue_deadline(&self) -> Option<Instant> {
        self.waits_since.checked_add(self.queue_timeout()?).filter(|_| !self.wait_is_settled)
    }

    /// How long it has been running; `None`: it has not begun.
    pub(super) fn ran(&self, now: Instant) -> Option<Duration> {
        match self.place {
            Place::Begun { at, .. } => Some(now.saturating_duration_since(at)),
            Place::Waiting | Place::Paused { .. } | Place::Handed { .. } => None,
        }
    }
}
