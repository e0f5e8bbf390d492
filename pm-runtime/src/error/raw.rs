use std::io;

use super::{CrashReport, DecodeError, EncodeError, QueryError};

/// What went wrong between the application and a [raw](crate::worker_raw) worker.
///
/// ```text
/// whose fault                 variants
/// the caller's                Encode, TooLarge, NotRaw, Forked
/// the other side's code       Crashed, Decode
/// the worker's or system's    Protocol
/// nobody's                    Full, Released, WorkerGone, Closed
/// ```
///
/// All that a worker had sent comes before the error of its end.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RawError {
    /// The other side is behind by as much as the link's window has room for. (Of `try_send`.)
    #[error("the other side is behind with what was sent before: send it later")]
    Full,
    /// The worker is released, and takes nothing more; or it was killed because its `grace` was over.
    #[error("the worker is released: it takes no more messages")]
    Released,
    /// The worker has ended, and ended well: its function has returned.
    #[error("the worker has ended: it was released, or its function has returned")]
    WorkerGone,
    /// The worker died; or its function returned an error, or panicked.
    #[error("{0}")]
    Crashed(CrashReport),
    /// The worker sent something that no worker sends, and was killed.
    #[error("{0}")]
    Protocol(CrashReport),
    /// The pool is gone. (In a worker.)
    #[error("the pool of this worker is gone")]
    Closed,
    /// The message is larger than `max_frame`.
    #[error("{}", QueryError::TooLarge { size: *size, limit: *limit })]
    TooLarge {
        /// The encoded size, in bytes.
        size: usize,
        /// The limit, in bytes.
        limit: usize,
    },
    /// The message could not be encoded.
    #[error(transparent)]
    Encode(EncodeError),
    /// The message could not be decoded.
    #[error(transparent)]
    Decode(DecodeError),
    /// The worker runs queries or streams, and takes no messages beside those.
    #[error("this is no worker of a `#[worker_raw]` pool: call it through its pool's methods")]
    NotRaw,
    /// The handle was inherited by a forked process, which has no pool.
    #[error("this process is a fork of the one that the pool belongs to")]
    Forked,
}

impl RawError {
    /// Whether the same message may well be taken by another worker, or by this one later.
    pub fn is_retryable(&self) -> bool {
        matches!(
            self,
            Self::Full | Self::Released | Self::WorkerGone | Self::Crashed(_) | Self::Protocol(_)
        )
    }

    /// How a worker's end looks to who speaks with it.
    pub(crate) fn of_end(how: Result<(), QueryError>) -> Self {
        match how {
            Ok(()) => Self::WorkerGone,
            Err(QueryError::Crashed(report)) => Self::Crashed(report),
            Err(QueryError::Protocol(report)) => Self::Protocol(report),
            Err(_) => Self::Released,
        }
    }
}

/// For functions that return `std::io::Result`.
impl From<RawError> for io::Error {
    fn from(error: RawError) -> Self {
        let kind = match &error {
            RawError::Full => io::ErrorKind::WouldBlock,
            RawError::Released | RawError::WorkerGone | RawError::Closed => {
                io::ErrorKind::BrokenPipe
            }
            RawError::Crashed(_) | RawError::Protocol(_) => io::ErrorKind::ConnectionReset,
            RawError::TooLarge { .. } | RawError::Encode(_) => io::ErrorKind::InvalidInput,
            RawError::Decode(_) => io::ErrorKind::InvalidData,
            RawError::NotRaw | RawError::Forked => io::ErrorKind::Unsupported,
        };
        Self::new(kind, error)
    }
}
