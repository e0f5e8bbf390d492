//! Something that somebody has asked the policy for, and waits for.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
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
        let mut told = pin!(self.told.recv());
        poll_fn(|cx| match self.shared.set_up() {
            // The sender is kept until it has sent.
            Ok(()) => told.as_mut().poll(cx).map(|told| told.unwrap_or(Err(SpawnError::Destroyed))),
            // Somebody has forked while this waited: here nobody ever tells.
            Err(error) => Poll::Ready(Err(SpawnError::Boot(error))),
        })
        .await
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
