//! A handle to one worker.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::health;
use super::shared::{Shared, State};
use crate::error::DecodeError;
use crate::health::{WorkerHealth, WorkerState};

/// A worker of a pool: a cheap handle, which keeps neither the worker nor its pool alive.
#[derive(Clone)]
pub struct Worker {
    shared: Arc<Shared>,
    id: u64,
    pid: u32,
    since: Instant,
}

impl Worker {
    pub(crate) fn new(shared: Arc<Shared>, id: u64) -> Self {
        let (pid, since) = shared.look(|state| {
            (
                health::pid(state, id),
                state.core.view(id).map_or_else(Instant::now, |view| view.since),
            )
        });
        Self { shared, id, pid, since }
    }

    /// The handle of a worker that has its place, without the pool's lock, which the caller has.
    pub(super) fn seated(shared: &Shared, state: &State, id: u64) -> Option<Self> {
        let view = state.core.view(id)?;
        let shared = shared.this.upgrade()?;
        Some(Self { shared, id, pid: health::pid(state, id), since: view.since })
    }

    /// Its number in its pool: from 1; a replacement gets a new one.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Its process id: that of this process where the worker is a thread of it, and 0 where no
    /// process has been started yet.
    pub fn pid(&self) -> u32 {
        match self.pid {
            0 => self.shared.look(|state| health::pid(state, self.id)),
            pid => pid,
        }
    }

    /// How many queries it was handed and has not ended.
    pub fn load(&self) -> usize {
        self.shared.look(|state| state.core.load(self.id))
    }

    /// What it is doing.
    pub fn state(&self) -> WorkerState {
        self.shared
            .look(|state| state.core.view(self.id).map_or(WorkerState::Gone, |view| view.state))
    }

    /// How long ago it was started.
    pub fn age(&self) -> Duration {
        self.since.elapsed()
    }

    /// Its state at this moment; `None` once it is gone.
    pub fn health(&self) -> Option<WorkerHealth> {
        health::of_worker(&self.shared, self.id)
    }

    /// The last [text](crate::worker::debug) by which it told what it is at; `None` where it said
    /// none, and once it is gone: then its [`Crash`](crate::Crash) has it. Its control characters
    /// are its own: `text.escape_debug()` is what may be shown on a terminal or written to a log.
    pub fn debug_text(&self) -> Option<Arc<str>> {
        self.shared.look(|state| state.worker(self.id)?.debug())
    }

    /// It sent what was no message.
    pub(super) fn misheard(&self, error: &DecodeError) {
        self.shared.misheard(self.id, error);
    }

    pub(crate) fn is_of(&self, shared: &Arc<Shared>) -> bool {
        Arc::ptr_eq(&self.shared, shared)
    }
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker")
            .field("pool", &self.shared.name())
            .field("id", &self.id)
            .field("pid", &self.pid)
            .finish()
    }
}
