//! Waiting for a signal.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::hub::{Hub, Listener};
use crate::child;
use crate::error::SignalError;

/// A signal that asks a process to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Signal {
    /// SIGINT: somebody at the terminal wants it.
    Interrupt,
    /// SIGTERM: a service manager wants it.
    Terminate,
}

impl Signal {
    pub(super) const ALL: [Self; 2] = [Self::Interrupt, Self::Terminate];

    /// The system's number of it.
    pub fn number(self) -> i32 {
        match self {
            Self::Interrupt => libc::SIGINT,
            Self::Terminate => libc::SIGTERM,
        }
    }

    pub(super) fn of(number: i32) -> Option<Self> {
        Self::ALL.into_iter().find(|signal| signal.number() == number)
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Interrupt => "SIGINT",
            Self::Terminate => "SIGTERM",
        })
    }
}

/// Waits for SIGTERM or SIGINT, for applications that end themselves: what
/// [`shutdown_signal`] makes.
#[must_use = "it waits when it is awaited"]
pub struct ShutdownSignal(Stage);

enum Stage {
    Waits(Listener),
    Failed(SignalError),
    /// In a worker, or after its end.
    Never,
}

/// A future of the next SIGTERM or SIGINT, for applications that end themselves; one that comes
/// after this call counts, even before the future is polled. It may be called any number of times,
/// and awaited on any executor.
///
/// From the first call on these signals do not end the process by themselves. One that comes while
/// nobody waits is kept for the next call, so that none is lost between two of them; but once a
/// call has heard of one, or one is kept, another that nobody waits for ends the process at once,
/// with every worker, unless the application has a handler of its own: whoever presses Ctrl-C
/// again means it.
///
/// Beside [`shutdown_on_signals`](super::shutdown_on_signals) it tells that the end has begun. In
/// a worker, whose pool decides when it ends, it waits for ever.
///
/// # Errors
///
/// Where the system refuses a descriptor or a thread, and in a forked child.
///
/// ```no_run
/// #[pm_runtime::main]
/// async fn main() -> Result<(), pm_runtime::Error> {
///     // the application
///     let signal = pm_runtime::shutdown_signal().await?;
///     eprintln!("{signal}: one moment");
///     pm_runtime::shutdown().await;
///     Ok(())
/// }
/// ```
pub fn shutdown_signal() -> ShutdownSignal {
    if child::is_worker_process() {
        return ShutdownSignal(Stage::Never);
    }
    ShutdownSignal(match Hub::get() {
        Ok(hub) => Stage::Waits(hub.listen()),
        Err(error) => Stage::Failed(error.into()),
    })
}

impl Future for ShutdownSignal {
    type Output = Result<Signal, SignalError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let (Stage::Waits(_), Err(error)) = (&self.0, Hub::get()) {
            // Somebody has forked while this waited: here no signal is heard.
            self.0 = Stage::Failed(error.into());
        }
        let signal = match &mut self.0 {
            Stage::Waits(listener) => match listener.poll(cx) {
                Poll::Ready(signal) => Ok(signal),
                Poll::Pending => return Poll::Pending,
            },
            Stage::Failed(error) => Err(error.clone()),
            Stage::Never => return Poll::Pending,
        };
        self.0 = Stage::Never;
        Poll::Ready(signal)
    }
}

impl fmt::Debug for ShutdownSignal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShutdownSignal").finish_non_exhaustive()
    }
}
