//! Something that somebody has asked the policy for, and waits for.

use std::sync::Arc;
use std::time::Instant;

use super::shared::{Shared, State};
use crate::error::SpawnError;
use crate::process::fork;
use crate::supervisor::WaiterId;

/// The policy knows of it; its drop is the end of the wait, not of what was asked for.
pub(crate) struct Wish {
    shared: Arc<Shared>,
    waiter: WaiterId,
    told: async_channel::Receiver<Result<(), SpawnError>>,
}

impl Wish {
    /// Asks for something; `forced`: workers have to be processes.
    pub(super) fn new(
        shared: &Arc<Shared>,
        forced: bool,
        ask: impl FnOnce(&mut State, Instant) -> WaiterId,
    ) -> Result<Self, SpawnError> {
        shared.set_up().map_err(SpawnError::Boot)?;
        let (sender, told) = async_channel::bounded(1);
        let waiter = shared.change(|state, now| {
            state.settle_home(&shared.options, forced, now);
            let waiter = ask(state, now);
            state.waiters.insert(waiter, sender);
            waiter
        });
        Ok(Self { shared: shared.clone(), waiter, told })
    }

    /// Asks for the end of a pool.
    pub(crate) fn destroy(shared: &Arc<Shared>) -> Result<Self, SpawnError> {
        Self::new(shared, false, |state, now| state.core.destroy(now))
    }

    /// Waits until it has come.
    pub(crate) async fn come(self) -> Result<(), SpawnError> {
        // The sender is kept until it has sent.
        self.told.recv().await.unwrap_or(Err(SpawnError::Destroyed))
    }
}

impl Drop for Wish {
    fn drop(&mut self) {
        if fork::is_fork() {
            return;
        }
        self.shared.change(|state, _| {
            if state.waiters.remove(&self.waiter).is_some() {
                state.core.stop_waiting(self.waiter);
            }
        });
    }
}
