//! What an operator has a pool do: who waits for it has no handle of the pool.

use super::config::MOST;
use super::{Pool, Wish, Worker};
use crate::error::SpawnError;

impl Pool {
    /// Begins what [`spawn`](Self::spawn) does.
    pub(crate) fn begin_spawn(&self, workers: usize) -> Result<Wish, SpawnError> {
        let workers = workers.min(MOST);
        Wish::new(self.inner(), false, |state, now| state.core.spawn(workers, now))
    }

    /// Begins what [`respawn`](Self::respawn) does, or [`respawn_one`](Self::respawn_one) with one of its
    /// workers.
    pub(crate) fn begin_respawn(&self, worker: Option<&Worker>) -> Result<Wish, SpawnError> {
        Wish::new(self.inner(), false, |state, now| match worker {
            Some(worker) => state.core.respawn_one(worker.id(), now),
            None => state.core.respawn(None, now),
        })
    }

    /// Begins what [`unspawn`](Self::unspawn) does, or [`unspawn_one`](Self::unspawn_one) with one of its
    /// workers.
    pub(crate) fn begin_unspawn(&self, worker: Option<&Worker>) -> Result<Wish, SpawnError> {
        Wish::new(self.inner(), false, |state, now| match worker {
            Some(worker) => state.core.unspawn_one(worker.id(), now),
            None => state.core.unspawn(now),
        })
    }
}
