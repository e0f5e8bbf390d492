//! What happens in a pool, as it happens.

mod display;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde_derive::{Deserialize, Serialize};

use crate::error::CrashReport;
use crate::output::{OutputLine, OutputStream};

/// Something that happened in a pool: one of its [`Events`](crate::Events), or an occasion for
/// [`on_event`](crate::Pool::on_event). Printed, it is a line for people; with serde it is for machines.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Event {
    /// A worker was started.
    Spawned {
        /// The worker's number.
        worker: u64,
        /// When it happened.
        at: SystemTime,
    },
    /// A worker takes queries.
    Ready {
        /// The worker's number.
        worker: u64,
        /// When it happened.
        at: SystemTime,
    },
    /// A worker died, or never became ready.
    Crashed(CrashReport),
    /// The pool killed a worker, which is gone now: for a query that had run longer than its timeout or was
    /// cancelled, which was told before, or because it had not ended within the `grace` of a release. The
    /// report says what was lost with it. It is no crash, and counts against nothing.
    Killed(CrashReport),
    /// A query ran longer than its timeout. One that could be dropped in its worker was, and the worker
    /// serves on; else that is killed, as [`Killed`](Self::Killed) tells.
    TimedOut {
        /// The worker in which it ran.
        worker: u64,
        /// When it happened.
        at: SystemTime,
        /// The limit that was met.
        after: Duration,
    },
    /// The caller of a query dropped it, and the worker that ran it was killed
    /// ([`Cancel::Kill`](crate::Cancel)).
    Cancelled {
        /// The worker's number.
        worker: u64,
        /// When it happened.
        at: SystemTime,
    },
    /// A worker goes although it has not died: it has served for long enough
    /// ([`max_queries`](crate::PoolBuilder::max_queries) and its kin), and its replacement is ready;
    /// or its state is spoiled, and it is being replaced.
    Recycled {
        /// The worker's number.
        worker: u64,
        /// When it happened.
        at: SystemTime,
    },
    /// A worker ended as it was asked to.
    Released {
        /// The worker's number.
        worker: u64,
        /// When it happened.
        at: SystemTime,
    },
    /// The pool has changed its size by itself, within its range of
    /// [`workers`](crate::PoolBuilder::workers): it starts this worker, or releases it.
    Scaled {
        /// The worker's number.
        worker: u64,
        /// When it happened.
        at: SystemTime,
        /// How many workers there were to be.
        from: usize,
        /// How many there are to be from now on.
        to: usize,
    },
    /// Too many workers died, and this was the last one.
    BudgetExhausted {
        /// The worker's number.
        worker: u64,
        /// When it happened.
        at: SystemTime,
    },
    /// A worker answered again after the budget had been exhausted. One is tried every 10 seconds.
    Healed {
        /// The worker's number.
        worker: u64,
        /// When it happened.
        at: SystemTime,
    },
    /// A query has killed its last worker: the one that ran at this crash is
    /// [refused](crate::PoolBuilder::quarantine) from now on.
    Quarantined {
        /// The crash, with the query in it.
        report: CrashReport,
        /// How many workers it has killed.
        crashes: u32,
    },
    /// A worker sent a [message](crate::worker::message). It is not kept here, where it could wait
    /// for long: [`on_message`](crate::Pool::on_message) hears it.
    Message {
        /// The worker's number.
        worker: u64,
        /// When it happened.
        at: SystemTime,
        /// The size of the encoded message, in bytes.
        size: usize,
    },
    /// A worker [reported](crate::worker::report) an error, which no query failed for; or what it logs cannot be
    /// heard.
    Reported {
        /// The worker's number.
        worker: u64,
        /// When it happened.
        at: SystemTime,
        /// What it said. Its control characters are its own: `text.escape_debug()` is what may be
        /// shown on a terminal or written to a log.
        #[serde(with = "text")]
        text: Arc<str>,
    },
    /// A worker printed a line, where that is captured ([`Stdio::Capture`](crate::Stdio)). It comes
    /// before the death of the worker, and in no certain order beside answers.
    Output {
        /// The worker's number.
        worker: u64,
        /// When it was read.
        at: SystemTime,
        /// Where the worker printed it.
        stream: OutputStream,
        /// What it printed.
        line: OutputLine,
    },
    /// This reader was too slow.
    Lagged {
        /// How many events it missed.
        missed: u64,
    },
}

/// Shared text, as serde takes it without its feature for shared things.
mod text {
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(
        text: &Arc<str>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(text)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Arc<str>, D::Error> {
        String::deserialize(deserializer).map(Arc::from)
    }
}

impl Event {
    /// It is something that a worker said: there is no end of how many of these there may be.
    pub(crate) fn is_word(&self) -> bool {
        matches!(self, Self::Message { .. } | Self::Reported { .. } | Self::Output { .. })
    }

    /// The worker that it is about.
    pub fn worker(&self) -> Option<u64> {
        match self {
            Self::Spawned { worker, .. }
            | Self::Ready { worker, .. }
            | Self::TimedOut { worker, .. }
            | Self::Cancelled { worker, .. }
            | Self::Recycled { worker, .. }
            | Self::Released { worker, .. }
            | Self::Scaled { worker, .. }
            | Self::Message { worker, .. }
            | Self::Reported { worker, .. }
            | Self::BudgetExhausted { worker, .. }
            | Self::Healed { worker, .. }
            | Self::Output { worker, .. } => Some(*worker),
            Self::Crashed(report) | Self::Killed(report) | Self::Quarantined { report, .. } => {
                Some(report.worker)
            }
            Self::Lagged { .. } => None,
        }
    }

    /// When it happened.
    pub fn at(&self) -> Option<SystemTime> {
        match self {
            Self::Spawned { at, .. }
            | Self::Ready { at, .. }
            | Self::TimedOut { at, .. }
            | Self::Cancelled { at, .. }
            | Self::Recycled { at, .. }
            | Self::Released { at, .. }
            | Self::Scaled { at, .. }
            | Self::Message { at, .. }
            | Self::Reported { at, .. }
            | Self::BudgetExhausted { at, .. }
            | Self::Healed { at, .. }
            | Self::Output { at, .. } => Some(*at),
            Self::Crashed(report) | Self::Killed(report) | Self::Quarantined { report, .. } => {
                Some(report.at)
            }
            Self::Lagged { .. } => None,
        }
    }
}
