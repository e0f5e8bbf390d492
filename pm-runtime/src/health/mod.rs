//! A pool's state at one moment, for people and for machines.

mod account;

use std::time::Duration;

use serde_derive::{Deserialize, Serialize};

use crate::error::Crash;
pub use account::Account;

/// The state of a pool at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Health {
    /// The pool's name.
    pub name: String,
    /// Every worker that is not gone, oldest first.
    pub workers: Vec<WorkerHealth>,
    /// Workers that are not ready yet.
    pub starting: usize,
    /// Workers that are ready and have nothing to do.
    pub idle: usize,
    /// Workers that have queries.
    pub busy: usize,
    /// Workers on their way out.
    pub releasing: usize,
    /// Queries in the queue, not handed to any worker.
    pub queued: usize,
    /// The bytes of their arguments.
    pub queued_bytes: usize,
    /// Queries that were handed to workers and have not ended, detached ones included.
    pub in_flight: usize,
    /// Queries that run although their callers have dropped them.
    pub detached: usize,
    /// Deaths that ever counted against the crash budget.
    pub crashes: u64,
    /// The last of those.
    pub last_crash: Option<Crash>,
    /// Messages of workers, and occasions for callbacks, that were lost because nobody listened, or
    /// who did was too slow. (Readers of events are told themselves what they missed.)
    pub missed: u64,
    /// Where every submitted query is, or how it ended.
    pub account: Account,
}

/// The state of a worker at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct WorkerHealth {
    /// Its number in its pool, from 1.
    pub id: u64,
    /// Its process id: that of the pool's process where the worker is a thread of it, and 0 where
    /// no process has been started yet.
    pub pid: u32,
    /// What it is doing.
    pub state: WorkerState,
    /// Queries that it was handed and has not ended.
    pub load: usize,
    /// Queries that it has ended.
    pub queries: u64,
    /// How long ago it was started.
    pub age: Duration,
    /// It runs one query, which no other can reach, and is gone afterwards. It is no part of the
    /// pool's size.
    pub temporary: bool,
    /// It is a thread of the pool's process: nothing is isolated.
    pub in_process: bool,
}

/// What a worker is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum WorkerState {
    /// It is not ready yet.
    Starting,
    /// It is ready and has nothing to do.
    Idle,
    /// It has queries.
    Busy,
    /// It takes no more queries, and ends when it has none.
    Releasing,
    /// It is no more.
    Gone,
}
