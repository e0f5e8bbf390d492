//! What happens in a pool, as it happens.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use async_broadcast::{Receiver, RecvError};
use smol::stream::Stream;

use crate::error::CrashReport;

/// Something that happened in a pool.
#[derive(Debug, Clone, PartialEq)]
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
    /// A query ran longer than its timeout.
    TimedOut {
        /// The worker in which it ran.
        worker: u64,
        /// When it happened.
        at: SystemTime,
        /// The limit that was met.
        after: Duration,
    },
    /// A worker ended as it was asked to.
    Released {
        /// The worker's number.
        worker: u64,
        /// When it happened.
        at: SystemTime,
    },
    /// Too many workers died, and this was the last one.
    BudgetExhausted {
        /// The worker's number.
        worker: u64,
        /// When it happened.
        at: SystemTime,
    },
    /// A worker answered again after the budget had been exhausted.
    Healed {
        /// The worker's number.
        worker: u64,
        /// When it happened.
        at: SystemTime,
    },
    /// This reader was too slow.
    Lagged {
        /// How many events it missed.
        missed: u64,
    },
}

impl Event {
    /// The worker that it is about.
    pub fn worker(&self) -> Option<u64> {
        match self {
            Self::Spawned { worker, .. }
            | Self::Ready { worker, .. }
            | Self::TimedOut { worker, .. }
            | Self::Released { worker, .. }
            | Self::BudgetExhausted { worker, .. }
            | Self::Healed { worker, .. } => Some(*worker),
            Self::Crashed(report) => Some(report.worker),
            Self::Lagged { .. } => None,
        }
    }

    /// When it happened.
    pub fn at(&self) -> Option<SystemTime> {
        match self {
            Self::Spawned { at, .. }
            | Self::Ready { at, .. }
            | Self::TimedOut { at, .. }
            | Self::Released { at, .. }
            | Self::BudgetExhausted { at, .. }
            | Self::Healed { at, .. } => Some(*at),
            Self::Crashed(report) => Some(report.at),
            Self::Lagged { .. } => None,
        }
    }
}

/// The events of a pool from now on: a stream that ends with the pool.
///
/// It keeps the last 1024 that its reader has not seen; who lags further behind gets
/// [`Event::Lagged`]. It does not keep the pool alive.
///
/// ```
/// use pm_runtime::{Event, worker_query};
/// use smol::stream::StreamExt;
///
/// #[worker_query(workers = 1)]
/// fn abort() {
///     std::process::abort()
/// }
///
/// #[pm_runtime::main]
/// async fn main() {
///     let pool = AbortPool::new();
///     let mut events = pool.events();
///     pool.query().await.unwrap_err();
///     while let Some(event) = events.next().await {
///         if let Event::Crashed(report) = event {
///             println!("{report}");
///             break;
///         }
///     }
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Events(Pin<Box<Receiver<Event>>>);

impl Events {
    pub(crate) fn new(receiver: Receiver<Event>) -> Self {
        Self(Box::pin(receiver))
    }
}

impl Stream for Events {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        self.0.as_mut().poll_recv(cx).map(|event| match event? {
            Ok(event) => Some(event),
            Err(RecvError::Overflowed(missed)) => Some(Event::Lagged { missed }),
            Err(RecvError::Closed) => None,
        })
    }
}
