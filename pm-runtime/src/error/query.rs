use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::{BootError, Bytes, CrashReport, DecodeError, EncodeError, Escaped, PanicReport, Span};

/// Why a query got no answer.
///
/// ```text
/// whose fault                 variants
/// the caller's                Encode, TooLarge (arguments), Cancelled, Destroyed, Forked
/// the query's own code        Panicked, TimedOut, Crashed, Quarantined, TooLarge (answer), Decode
/// the worker's or system's    Crashed, Protocol, Boot, BudgetExhausted
/// nobody's: it was too much   QueueFull, QueueTimedOut, Released, WorkerGone
/// ```
///
/// # What becomes of a query, by cause
///
#[doc = include_str!("failures.md")]
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// It ran longer than its `timeout`; its worker was killed and replaced, or, where it was
    /// async and changed no state, it was dropped there.
    #[error("{}", Overran { after: *after, worker: *worker, debug })]
    TimedOut {
        /// The limit that was met.
        after: Duration,
        /// The worker in which it ran.
        worker: u64,
        /// The last [debug text](crate::worker::debug) of the query; where it said none, that of
        /// code of its worker that ran for no query, if nothing was said since.
        debug: Option<Arc<str>>,
    },
    /// It waited longer than its `queue_timeout` for a worker, and never began.
    #[error(
        "the query waited longer than its `queue_timeout` of {after:?} for a worker, and never began"
    )]
    QueueTimedOut {
        /// The limit that was met.
        after: Duration,
    },
    /// It was to be immediate, and would have had to wait.
    #[error("the pool's queue is full: let the call wait, or raise `queue` or `queue_bytes`")]
    QueueFull,
    /// It was cancelled.
    #[error("the query was cancelled")]
    Cancelled,
    /// Its worker died under it.
    #[error(fmt = fmt::Display::fmt)]
    Crashed(CrashReport),
    /// It panicked; its worker serves on, or is replaced where its state is spoiled.
    #[error("the query panicked: {0}")]
    Panicked(PanicReport),
    /// Its bytes killed too many workers, so that it is refused.
    #[error(
        "the query is quarantined: its arguments killed {crashes} workers, and are refused until the \
         pool's `forgive()`"
    )]
    Quarantined {
        /// How many workers it killed.
        crashes: u32,
    },
    /// Too many workers died, and none is left; the pool tries a new one now and then.
    #[error(
        "no worker is left, and the crash budget is spent: {crashes} crashes{}; the last: {last}",
        Within(window)
    )]
    BudgetExhausted {
        /// How many there were.
        crashes: u32,
        /// Within how long; `None`: ever.
        window: Option<Duration>,
        /// The last of them.
        last: CrashReport,
    },
    /// It was still running when the grace of a release was over, and was killed.
    #[error("the query was still running when its worker's `grace` was over, and was killed")]
    Released,
    /// The worker that it was meant for is released or dead, and it had not begun there.
    #[error(
        "the worker that the query was meant for is gone, takes no more queries, or is another pool's"
    )]
    WorkerGone,
    /// Its encoded arguments or its encoded answer are larger than `max_frame`.
    #[error(
        "the encoded arguments or answer are {size} bytes, and `max_frame` is {limit} ({}): send \
         less, or raise it",
        Bytes(*limit as u64)
    )]
    TooLarge {
        /// The encoded size, in bytes.
        size: usize,
        /// The limit, in bytes.
        limit: usize,
    },
    /// Its arguments, or in the worker its answer, could not be encoded.
    #[error(transparent)]
    Encode(EncodeError),
    /// Its answer, or in the worker its arguments, could not be decoded.
    #[error(transparent)]
    Decode(DecodeError),
    /// Its worker sent something that no worker sends, and was killed.
    #[error(fmt = fmt::Display::fmt)]
    Protocol(CrashReport),
    /// No worker lives, and none can be started; or its temporary worker did not start.
    #[error("no worker can be started: {0}")]
    Boot(BootError),
    /// The handle was inherited by a forked process, which has no pool.
    #[error("this process is a fork, in which no workers can be had: start a program instead")]
    Forked,
    /// The pool was destroyed.
    #[error("the pool was destroyed")]
    Destroyed,
}

impl QueryError {
    /// Whether the same query, sent again, may well succeed, and sending it again is safe for
    /// the pool. Whether it is safe for the application is the application's to know: a query
    /// that was running when its worker died may have had its effects.
    ///
    /// True of `QueueTimedOut`, `QueueFull`, `Crashed`, `Released`, `WorkerGone`, `Protocol`, and of those
    /// `Boot` errors that pass. Not of `TimedOut` and `Panicked`, which come again, as a rule.
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
            Self::TimedOut { .. }
            | Self::Cancelled
            | Self::Panicked(_)
            | Self::Quarantined { .. }
            | Self::TooLarge { .. }
            | Self::Encode(_)
            | Self::Decode(_)
            | Self::Forked
            | Self::Destroyed => false,
        }
    }
}

/// Why workers could not be started or released as asked.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SpawnError {
    /// A worker did not start, and another attempt would not either.
    #[error("no worker can be started: {0}")]
    Boot(BootError),
    /// Too many workers died.
    #[error("the crash budget is spent: {crashes} crashes{}; the last: {last}", Within(window))]
    BudgetExhausted {
        /// How many there were.
        crashes: u32,
        /// Within how long; `None`: ever.
        window: Option<Duration>,
        /// The last of them.
        last: CrashReport,
    },
    /// The pool was destroyed.
    #[error("the pool was destroyed")]
    Destroyed,
}

struct Within<'a>(&'a Option<Duration>);

impl fmt::Display for Within<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(window) => write!(f, " within {}", Span(*window)),
            None => Ok(()),
        }
    }
}

struct Overran<'a> {
    after: Duration,
    worker: u64,
    debug: &'a Option<Arc<str>>,
}

impl fmt::Display for Overran<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { after, worker, debug } = self;
        if after.is_zero() {
            return f
                .write_str("a timeout of zero leaves the query no time to run; it was not sent");
        }
        write!(f, "the query ran longer than its timeout of {after:?} in worker {worker}")?;
        match debug {
            Some(text) => write!(f, "; its last debug text: {}", Escaped(text)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_too_much_says_which_option_allows_more() {
        let too_large = QueryError::TooLarge { size: 5012, limit: 1024 };
        assert_eq!(
            too_large.to_string(),
            "the encoded arguments or answer are 5012 bytes, and `max_frame` is 1024 (1 KiB): send \
             less, or raise it"
        );
        let full = QueryError::QueueFull.to_string();
        assert!(full.contains("`queue` or `queue_bytes`"), "{full}");
        let late = QueryError::QueueTimedOut { after: Duration::from_secs(5) }.to_string();
        assert!(late.contains("`queue_timeout` of 5s"), "{late}");
    }

    #[test]
    fn errors_stay_small() {
        assert!(size_of::<QueryError>() <= 64, "{}", size_of::<QueryError>());
        assert!(size_of::<SpawnError>() <= 64, "{}", size_of::<SpawnError>());
    }
}
