//! A handle to one worker.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::health;
use super::raw::Raw;
use super::shared::{Shared, State};
use crate::error::{DecodeError, RawError};
use crate::health::{WorkerHealth, WorkerState};
use crate::process::fork;

/// A worker of a pool: a cheap handle, which keeps neither the worker nor its pool alive.
#[derive(Clone)]
pub struct Worker {
    shared: Arc<Shared>,
    id: u64,
    pid: u32,
    since: Instant,
    /// Where it is spoken with, if it is raw.
    raw: Option<Arc<Raw>>,
}

impl Worker {
    pub(crate) fn new(shared: Arc<Shared>, id: u64) -> Self {
        let (pid, since, raw) = shared.look(|state| {
            let since = state.core.view(id).map_or_else(Instant::now, |view| view.since);
            (health::pid(state, id), since, state.raw(id).cloned())
        });
        Self { shared, id, pid, since, raw }
    }

    /// The handle of a worker that has its place, without the pool's lock, which the caller has.
    pub(super) fn seated(shared: &Shared, state: &State, id: u64) -> Option<Self> {
        let view = state.core.view(id)?;
        let shared = shared.this.upgrade()?;
        let raw = state.raw(id).cloned();
        Some(Self { shared, id, pid: health::pid(state, id), since: view.since, raw })
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

    /// How many queries it was handed and has not ended, or how many streams are open in it; and what
    /// was [added](Self::add_load). 0 once it is gone.
    pub fn load(&self) -> usize {
        self.shared.look(|state| state.core.load(self.id))
    }

    /// Adds to its load, or takes off it, where the application knows what that is, as with a
    /// [raw](crate::worker_raw) worker. It never falls below nothing. [`Pool::acquire`](crate::Pool::acquire)
    /// gives the least-loaded worker, and [`Pool::resize`](crate::Pool::resize) releases that first; what
    /// a worker is given of queries does not depend on it.
    pub fn add_load(&self, delta: isize) {
        if !fork::is_fork() {
            self.shared.change(|state, _| state.core.add_load(self.id, delta));
        }
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

    /// Sends a message to a [raw](crate::worker_raw) worker; waits while that is behind by more than the
    /// window (the options `window` and `window_bytes`). To one that is not ready yet it is sent as soon
    /// as that is. The message is whatever is bytes, owned or not: `b"zone 7"`, a `String`, a `Vec<u8>`.
    ///
    /// # Errors
    ///
    /// [`Released`](RawError::Released), [`WorkerGone`](RawError::WorkerGone) or
    /// [`Crashed`](RawError::Crashed) where it takes no more; [`TooLarge`](RawError::TooLarge) is about
    /// this message; [`NotRaw`](RawError::NotRaw) for a worker of queries or streams.
    #[doc(alias = "write")]
    pub async fn send(&self, message: impl AsRef<[u8]>) -> Result<(), RawError> {
        self.raw()?.send(message.as_ref().to_vec()).await
    }

    /// Sends a message to a [raw](crate::worker_raw) worker if there is room for it now.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), and [`Full`](RawError::Full) where there is no room.
    pub fn try_send(&self, message: impl AsRef<[u8]>) -> Result<(), RawError> {
        self.raw()?.try_send(message.as_ref().to_vec())
    }

    /// The next message of a [raw](crate::worker_raw) worker; `None` when it has ended well, and all
    /// that it had sent was received. Where several wait at once, each message goes to one of them.
    ///
    /// # Errors
    ///
    /// [`Crashed`](RawError::Crashed) where it died, or its function returned an error or panicked;
    /// [`Released`](RawError::Released) where it was killed at the end of its `grace`;
    /// [`NotRaw`](RawError::NotRaw) for a worker of queries or streams.
    #[doc(alias("read", "next"))]
    pub async fn recv(&self) -> Result<Option<Vec<u8>>, RawError> {
        self.recv_with(<[u8]>::to_vec).await
    }

    pub(super) async fn recv_with<T>(
        &self,
        read: impl Fn(&[u8]) -> T,
    ) -> Result<Option<T>, RawError> {
        self.raw()?.recv(&self.shared, read).await
    }

    fn raw(&self) -> Result<&Raw, RawError> {
        let none = if self.shared.plan.raw { RawError::WorkerGone } else { RawError::NotRaw };
        self.raw.as_deref().ok_or(none)
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
