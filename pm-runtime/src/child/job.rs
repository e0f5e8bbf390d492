//! A query as its worker holds it: handed over, running, over.

use std::time::{Duration, Instant};

use super::current::Query;
use super::records;
use crate::conduct::{Conduct, Terms};
use crate::error::PanicNote;
use crate::wire::bulk::Parcel;
use crate::wire::message::Refusal;

/// A query that a worker has, begun or not.
pub(crate) struct Job {
    pub(crate) id: u64,
    pub(crate) request: Parcel,
    pub(crate) terms: Terms,
    pub(super) timeout: Option<Duration>,
}

impl Job {
    /// What its code may know of it; it begins now.
    pub(super) fn begin(&self) -> Query {
        let deadline = self.timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let Terms { attempt, traced, .. } = self.terms;
        let query = Query { id: self.id, deadline, attempt: u32::from(attempt), traced };
        records::begun(query);
        query
    }
}

/// A query that runs.
pub(super) struct Running {
    pub(super) id: u64,
    pub(super) conduct: Conduct,
    /// Its place in the memory, where there is one.
    pub(super) slot: u32,
    /// It has said something over the socket.
    pub(super) said: bool,
    /// When it began, of those that are measured.
    pub(super) since: Option<Instant>,
}

/// A query that is over, and its pool does not know it yet.
pub(crate) struct Ended {
    pub(super) id: u64,
    pub(super) outcome: Outcome,
    /// Somebody follows it, and nothing in the worker's records says that it ran.
    pub(super) untold: bool,
}

/// How a query ended.
pub(crate) enum Outcome {
    Answer(Parcel),
    Refused(Refusal),
    Panicked(PanicNote),
    /// It was dropped, as the pool wished.
    Dropped,
    /// It has opened a stream, which lives on.
    Opened,
}
