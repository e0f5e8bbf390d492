//! Waiting for a command's end, and what becomes of the command when nobody does any more.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_core::future::FusedFuture;

use super::Exec;
use super::running::Running;
use super::start::{Spec, start};
use crate::error::{ExecError, Output};
use crate::process::fork;

/// What has become of an [`Exec`].
pub(super) enum Stage {
    New(Box<Spec>),
    Running(Handle),
    /// Its outcome was given.
    Over,
}

/// A command that runs for somebody. Dropped, it is killed.
pub(super) struct Handle(Arc<Running>);

impl Drop for Handle {
    fn drop(&mut self) {
        // In a fork the command is another process's, and whatever another thread had locked stays
        // so.
        if !fork::is_fork() {
            self.0.abandon();
        }
    }
}

impl Future for Exec {
    type Output = Result<Output, ExecError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if fork::is_fork() {
            return Poll::Ready(Err(ExecError::Forked));
        }
        match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::New(spec) => match start(*spec) {
                Ok(running) => self.stage = Stage::Running(Handle(running)),
                Err(error) => return Poll::Ready(Err(error)),
            },
            Stage::Running(handle) => self.stage = Stage::Running(handle),
            Stage::Over => return Poll::Ready(Err(ExecError::Over)),
        }
        let Stage::Running(handle) = &self.stage else { return Poll::Pending };
        let outcome = handle.0.poll(cx);
        if outcome.is_ready() {
            self.stage = Stage::Over;
        }
        outcome
    }
}

/// For `futures::select!`, which then takes it as it is.
impl FusedFuture for Exec {
    fn is_terminated(&self) -> bool {
        matches!(self.stage, Stage::Over)
    }
}
