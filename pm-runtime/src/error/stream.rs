use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_derive::{Deserialize, Serialize};

use super::{BootError, CrashReport, DecodeError, EncodeError, PanicReport, QueryError};

/// What went wrong with a stream; `E` is its [`StreamWorker::Error`](crate::StreamWorker::Error).
///
/// ```text
/// whose fault                 variants                                       the stream
/// the stream's own code       Failed                                         goes on
///                             Refused, TimedOut                              did not open
///                             Panicked, Crashed, TooLarge (output), Decode   is over
/// the caller's                Encode, TooLarge (input)                       goes on
///                             Closed, Cancelled, Destroyed, Forked           is over
/// the worker's or system's    Crashed, Protocol, Boot, BudgetExhausted       is over
/// nobody's: it was too much   QueueFull, QueueTimedOut, Released, WorkerGone is over
/// ```
///
/// All outputs that were sent before the end of a stream come before its error.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum StreamError<E> {
    /// The stream's code returned an error from `write` or `end`; the stream goes on.
    #[error("{0}")]
    Failed(E),
    /// The stream's `open` returned an error: there is no stream.
    #[error("the stream was refused: {0}")]
    Refused(E),
    /// The stream is over, or its input is: nothing more can be sent.
    #[error("the stream takes no more input: it is over, or its input was finished")]
    Closed,
    /// Its `open` ran longer than `timeout`, and was dropped.
    #[error("the stream was not open within its `timeout` of {after:?} in worker {worker}")]
    TimedOut {
        /// The limit that was met.
        after: Duration,
        /// The worker in which it ran.
        worker: u64,
        /// The last [debug text](crate::worker::debug) of the stream, or of its worker.
        debug: Option<Arc<str>>,
    },
    /// It waited longer than its `queue_timeout` for a worker.
    #[error("the stream waited longer than its `queue_timeout` of {after:?} for a worker")]
    QueueTimedOut {
        /// The limit that was met.
        after: Duration,
    },
    /// It was to be opened at once, and would have had to wait.
    #[error("the pool's queue is full: let the opening wait, or raise `queue` or `queue_bytes`")]
    QueueFull,
    /// It was cancelled.
    #[error("the stream was cancelled")]
    Cancelled,
    /// Its worker died under it.
    #[error(fmt = display_of::<CrashReport>)]
    Crashed(CrashReport),
    /// Its code panicked.
    #[error("the stream panicked: {0}")]
    Panicked(PanicReport),
    /// What opens it killed too many workers, so that it is refused.
    #[error("the stream is quarantined: it killed {crashes} workers")]
    Quarantined {
        /// How many workers it killed.
        crashes: u32,
    },
    /// Too many workers died, and none is left.
    #[error("{}", QueryError::BudgetExhausted { crashes: *crashes, window: *window, last: last.clone() })]
    BudgetExhausted {
        /// How many there were.
        crashes: u32,
        /// Within how long; `None`: ever.
        window: Option<Duration>,
        /// The last of them.
        last: CrashReport,
    },
    /// It was still open when the grace of a release was over, and was ended.
    #[error("the stream was still open when its worker's `grace` was over, and was ended")]
    Released,
    /// The worker that it was meant for is released or dead, and it was not open there.
    #[error("the worker that the stream was meant for is gone")]
    WorkerGone,
    /// A message is larger than `max_frame`.
    #[error("{}", QueryError::TooLarge { size: *size, limit: *limit })]
    TooLarge {
        /// The encoded size, in bytes.
        size: usize,
        /// The limit, in bytes.
        limit: usize,
    },
    /// A message could not be encoded.
    #[error(transparent)]
    Encode(EncodeError),
    /// A message could not be decoded.
    #[error(transparent)]
    Decode(DecodeError),
    /// Its worker sent something that no worker sends, and was killed.
    #[error(fmt = display_of::<CrashReport>)]
    Protocol(CrashReport),
    /// No worker lives, and none can be started.
    #[error("no worker can be started: {0}")]
    Boot(BootError),
    /// The handle was inherited by a forked process, which has no pool.
    #[error("this process is a fork of the one that the pool belongs to")]
    Forked,
    /// The pool was destroyed.
    #[error("the pool was destroyed")]
    Destroyed,
}

fn display_of<T: fmt::Display>(value: &T, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    value.fmt(f)
}

impl<E> StreamError<E> {
    /// Whether another stream, opened with the same message, may well succeed, and opening it is
    /// safe for the pool.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::QueueTimedOut { .. }
            | Self::QueueFull
            | Self::Crashed(_)
            | Self::BudgetExhausted { .. }
            | Self::Released
            | Self::WorkerGone
            | Self::Protocol(_) => true,
            Self::Boot(error) => !error.is_permanent(),
            _ => false,
        }
    }

    /// Whether the stream goes on: it is an error of one message.
    pub fn is_recoverable(&self) -> bool {
        matches!(self, Self::Failed(_) | Self::Encode(_) | Self::TooLarge { .. })
    }
}

impl<E> From<QueryError> for StreamError<E> {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::TimedOut { after, worker, debug } => {
                Self::TimedOut { after, worker, debug }
            }
            QueryError::QueueTimedOut { after } => Self::QueueTimedOut { after },
            QueryError::QueueFull => Self::QueueFull,
            QueryError::Cancelled => Self::Cancelled,
            QueryError::Crashed(report) => Self::Crashed(report),
            QueryError::Panicked(report) => Self::Panicked(report),
            QueryError::Quarantined { crashes } => Self::Quarantined { crashes },
            QueryError::BudgetExhausted { crashes, window, last } => {
                Self::BudgetExhausted { crashes, window, last }
            }
            QueryError::Released => Self::Released,
            QueryError::WorkerGone => Self::WorkerGone,
            QueryError::TooLarge { size, limit } => Self::TooLarge { size, limit },
            QueryError::Encode(error) => Self::Encode(error),
            QueryError::Decode(error) => Self::Decode(error),
            QueryError::Protocol(report) => Self::Protocol(report),
            QueryError::Boot(error) => Self::Boot(error),
            QueryError::Forked => Self::Forked,
            QueryError::Destroyed => Self::Destroyed,
        }
    }
}

impl<E> StreamError<E> {
    /// The same with other errors of the stream's own.
    fn map<F>(self, own: impl FnOnce(E) -> F) -> StreamError<F> {
        match self {
            Self::Failed(error) => StreamError::Failed(own(error)),
            Self::Refused(error) => StreamError::Refused(own(error)),
            Self::Closed => StreamError::Closed,
            Self::TimedOut { after, worker, debug } => {
                StreamError::TimedOut { after, worker, debug }
            }
            Self::QueueTimedOut { after } => StreamError::QueueTimedOut { after },
            Self::QueueFull => StreamError::QueueFull,
            Self::Cancelled => StreamError::Cancelled,
            Self::Crashed(report) => StreamError::Crashed(report),
            Self::Panicked(report) => StreamError::Panicked(report),
            Self::Quarantined { crashes } => StreamError::Quarantined { crashes },
            Self::BudgetExhausted { crashes, window, last } => {
                StreamError::BudgetExhausted { crashes, window, last }
            }
            Self::Released => StreamError::Released,
            Self::WorkerGone => StreamError::WorkerGone,
            Self::TooLarge { size, limit } => StreamError::TooLarge { size, limit },
            Self::Encode(error) => StreamError::Encode(error),
            Self::Decode(error) => StreamError::Decode(error),
            Self::Protocol(report) => StreamError::Protocol(report),
            Self::Boot(error) => StreamError::Boot(error),
            Self::Forked => StreamError::Forked,
            Self::Destroyed => StreamError::Destroyed,
        }
    }
}

/// Of the stream's own errors it keeps how they look to a programmer: nothing else is asked of them.
impl<E: fmt::Debug> From<StreamError<E>> for super::Error {
    fn from(error: StreamError<E>) -> Self {
        Self::Stream(error.map(|own| format!("{own:?}")))
    }
}

/// Why an input was not sent at once; `I` is the input.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TrySendError<I, E> {
    /// The stream has not read enough of what was sent before. The input comes back.
    #[error("the stream is behind with its input: send it later")]
    Full(I),
    /// It cannot be sent at all.
    #[error(transparent)]
    Stream(#[from] StreamError<E>),
}

/// Nobody takes a stream's outputs any more: its handle was dropped, or the stream is over.
///
/// As part of a stream's own error type it makes `out.send(..).await?` work in its code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
#[error("nobody takes the stream's outputs any more")]
pub struct OutboxClosed;
