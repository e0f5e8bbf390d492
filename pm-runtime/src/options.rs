//! What a pool can be told.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use serde_derive::{Deserialize, Serialize};

use crate::error::BootError;
use crate::fault::Faults;
use crate::listener::Listeners;
use crate::surroundings::{self, Surroundings};

/// Durations beyond this are no limits; times in so far a future cannot be told from never.
const FOREVER: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// What dropping the call of a query does that runs and cannot be dropped in its worker, because it
/// is not async, or changes the state of a service.
///
/// ```
/// use pm_runtime::{Cancel, worker_query};
/// use std::time::Duration;
///
/// #[worker_query(workers = 1, cancel = "kill")]
/// fn count_to(n: u64) -> u64 {
///     (0..n).fold(0, |count, _| std::hint::black_box(count) + 1)
/// }
///
/// #[pm_runtime::main]
/// async fn main() -> Result<(), pm_runtime::Error> {
///     let pool = CountToPool::new();
///     let endless = smol::spawn(pool.query(u64::MAX));
///     while pool.health().account.running == 0 {
///         smol::future::yield_now().await;
///     }
///     endless.cancel().await; // and with it its worker
///     assert_eq!(pool.query(10).await?, 10);
///     let patient = CountToPool::builder().cancel(Cancel::Detach).build();
///     assert_eq!(patient.query(10).await?, 10);
///     Ok(())
/// }
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cancel {
    /// It runs on under its timeout, and its answer is thrown away.
    #[default]
    Detach,
    /// Its worker is killed, if it still runs the query, and replaced. That is no crash. Nothing
    /// may run beside it: `concurrency` is 1.
    Kill,
}

/// How queries travel between a pool and its workers.
///
/// ```
/// use pm_runtime::{Transport, worker_query};
///
/// #[worker_query(workers = 1)]
/// fn double(n: u32) -> u32 {
///     2 * n
/// }
///
/// #[pm_runtime::main]
/// async fn main() -> Result<(), pm_runtime::Error> {
///     let pool = DoublePool::builder().transport(Transport::Socket).build();
///     assert_eq!(pool.query(21).await?, 42);
///     Ok(())
/// }
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Transport {
    /// Through memory that a pool shares with each of its workers, where the system grants it;
    /// else over a socket.
    #[default]
    Auto,
    /// Over a socket.
    Socket,
}

/// What drives the async code of a pool's workers: queries, `init`, and what they start.
///
/// ```
/// # #[cfg(feature = "tokio")]
/// # mod with_tokio {
/// use pm_runtime::worker_query;
/// use std::time::Duration;
///
/// #[worker_query(workers = 1, runtime = "tokio")]
/// async fn nap(milliseconds: u64) {
///     tokio::time::sleep(Duration::from_millis(milliseconds)).await
/// }
///
/// #[pm_runtime::main]
/// # pub
/// async fn main() -> Result<(), pm_runtime::Error> {
///     Ok(NapPool::new().query(1).await?)
/// }
/// # }
/// # #[cfg(feature = "tokio")]
/// # fn main() {
/// #     with_tokio::main().unwrap();
/// # }
/// # #[cfg(not(feature = "tokio"))]
/// # fn main() {}
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Runtime {
    /// An executor of the worker's own, with the timers and sockets of smol.
    #[default]
    Smol,
    /// A runtime of tokio with one thread, for code that works only there: with its timers and
    /// sockets, `tokio::spawn`, `spawn_blocking`. What a query has spawned is driven beyond its
    /// end, while others run and while there is none. Needs the feature `tokio`.
    ///
    /// The thread is the one that serves, where there is an async query; `spawn_local` works
    /// there. Elsewhere it is another, so that sync queries may block on
    /// `tokio::runtime::Handle::current()`.
    #[cfg(feature = "tokio")]
    Tokio,
}

impl Runtime {
    /// As a worker is told of it, whose program may have been built with other features.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Smol => "smol",
            #[cfg(feature = "tokio")]
            Self::Tokio => "tokio",
        }
    }

    pub(crate) fn named(name: &str) -> Result<Self, BootError> {
        match name {
            "smol" => Ok(Self::Smol),
            #[cfg(feature = "tokio")]
            "tokio" => Ok(Self::Tokio),
            name => Err(BootError::Option {
                option: "runtime".into(),
                reason: format!(
                    "the program of the workers was built without the feature `{name}` of pm-runtime"
                )
                .into(),
            }),
        }
    }
}

/// How many workers a pool has: a number, or a range in which it finds its size.
///
/// ```
/// use pm_runtime::{Workers, worker_query};
///
/// #[worker_query(workers = 1..=4)]
/// fn double(n: u32) -> u32 {
///     2 * n
/// }
///
/// #[pm_runtime::main]
/// async fn main() -> Result<(), pm_runtime::Error> {
///     let workers = match std::env::var("FEW") {
///         Ok(_) => Workers::from(1),
///         Err(_) => Workers::from(2..=8),
///     };
///     let pool = DoublePool::builder().workers(workers).build();
///     assert_eq!(pool.query(21).await?, 42);
///     Ok(())
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Workers {
    pub(crate) least: usize,
    pub(crate) most: usize,
}

impl From<usize> for Workers {
    fn from(workers: usize) -> Self {
        Self { least: workers, most: workers }
    }
}

impl From<RangeInclusive<usize>> for Workers {
    fn from(range: RangeInclusive<usize>) -> Self {
        let (least, most) = range.into_inner();
        Self { least, most }
    }
}

/// How much may be on its way, or come and not be read, in one direction of a stream.
///
/// A message larger than half of the bytes may exceed them, when no more than half is taken:
/// otherwise it could never be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Window {
    pub(crate) messages: u32,
    pub(crate) bytes: u32,
}

/// The options of a pool. Their names and defaults are those of the attribute.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    pub(crate) label: Option<String>,
    pub(crate) workers: Option<Workers>,
    pub(crate) idle_timeout: Option<Duration>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) queue_timeout: Option<Duration>,
    pub(crate) boot_timeout: Option<Duration>,
    pub(crate) grace: Option<Duration>,
    pub(crate) concurrency: Option<usize>,
    pub(crate) cancel: Cancel,
    pub(crate) queue: usize,
    pub(crate) queue_bytes: usize,
    pub(crate) retries: u32,
    pub(crate) quarantine: Option<u32>,
    pub(crate) max_crashes: Option<u32>,
    pub(crate) crash_window: Option<Duration>,
    pub(crate) spares: usize,
    pub(crate) max_queries: Option<usize>,
    pub(crate) max_age: Option<Duration>,
    pub(crate) max_memory: Option<u64>,
    pub(crate) surroundings: Surroundings,
    pub(crate) max_frame: usize,
    pub(crate) window: Window,
    /// Where workers accept connections.
    pub(crate) listeners: Listeners,
    pub(crate) transport: Transport,
    pub(crate) runtime: Runtime,
    pub(crate) program: Option<PathBuf>,
    pub(crate) in_process: bool,
    pub(crate) force: bool,
    pub(crate) faults: Faults,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            label: None,
            workers: None,
            idle_timeout: Some(Duration::from_secs(60)),
            timeout: Some(Duration::from_secs(15 * 60)),
            queue_timeout: None,
            boot_timeout: Some(Duration::from_secs(10)),
            grace: Some(Duration::from_secs(30)),
            concurrency: None,
            cancel: Cancel::default(),
            queue: 1024,
            queue_bytes: 256 << 20,
            retries: 0,
            quarantine: Some(3),
            max_crashes: Some(5),
            crash_window: Some(Duration::from_secs(30 * 60)),
            spares: 0,
            max_queries: None,
            max_age: None,
            max_memory: None,
            surroundings: Surroundings::default(),
            max_frame: 64 << 20,
            window: Window { messages: 512, bytes: 256 << 10 },
            listeners: Listeners::default(),
            transport: Transport::default(),
            runtime: Runtime::default(),
            program: None,
            in_process: false,
            force: false,
            faults: Faults::default(),
        }
    }
}

impl Options {
    /// An option that makes no sense. Its pool starts no worker.
    pub(crate) fn mistake(&self) -> Option<BootError> {
        let mistake = |option: &str, reason: &str| {
            Some(BootError::Option { option: option.into(), reason: reason.into() })
        };
        let zero = Some(Duration::ZERO);
        if self.workers.is_some_and(|workers| workers.least == 0) {
            mistake("workers", "a pool has at least one")
        } else if self.workers.is_some_and(|workers| workers.least > workers.most) {
            mistake("workers", "the range is empty: its smaller end comes first")
        } else if self.idle_timeout == zero {
            mistake("idle_timeout", "no worker is of use that may not idle; `None` is no limit")
        } else if self.concurrency == Some(0) {
            mistake("concurrency", "a worker runs at least one query at once")
        } else if self.cancel == Cancel::Kill && self.concurrency.is_some_and(|n| n > 1) {
            mistake(
                "cancel",
                "where dropping a query kills its worker, none can run beside it: leave \
                 `concurrency` at 1, or let `cancel` be `Detach`",
            )
        } else if self.timeout == zero {
            mistake("timeout", "no query can end in no time; `None` is no limit")
        } else if self.boot_timeout == zero {
            mistake("boot_timeout", "no worker can start in no time; `None` is no limit")
        } else if self.quarantine == Some(0) {
            mistake("quarantine", "a query is refused for what it has done; `None` is never")
        } else if self.crash_window == zero {
            mistake("crash_window", "no crash is remembered for no time; `None` is for ever")
        } else if self.max_queries == Some(0) {
            mistake("max_queries", "a worker runs at least one; `None` is no limit")
        } else if self.max_age == zero {
            mistake("max_age", "no worker is there for no time; `None` is no limit")
        } else if let Some(reason) = surroundings::too_little_memory(self.max_memory) {
            mistake("max_memory", &reason)
        } else if self.max_frame == 0 {
            mistake("max_frame", "every message has bytes")
        } else if u32::try_from(self.max_frame).is_err() {
            mistake("max_frame", "the limit is 4 GiB less one byte")
        } else if self.window.messages == 0 {
            mistake("window", "a stream takes at least one message at once")
        } else if self.window.bytes == 0 {
            mistake("window_bytes", "every message has bytes")
        } else if let Some(reason) = self.listeners.mistake() {
            mistake("listener", &reason)
        } else if let Some((option, reason)) = self.surroundings.mistake() {
            mistake(option, &reason)
        } else {
            None
        }
    }

    /// The same where workers are raw: they have no queries that could tell how many are needed.
    pub(crate) fn mistake_of_raw(&self) -> Option<BootError> {
        let is_range = self.workers.is_some_and(|workers| workers.least != workers.most);
        let mistake = |option: &str, reason: &str| {
            Some(BootError::Option { option: option.into(), reason: reason.into() })
        };
        if is_range {
            mistake("workers", "no query tells how many raw workers are needed: give it one number")
        } else if self.spares > 0 && self.listeners.reuses() {
            mistake(
                "spares",
                "with `reuse_port` each worker has a socket of its own, on which a spare does not \
                 accept: hand over one `listener`, or have no spares",
            )
        } else {
            None
        }
    }

    /// A duration that can be added to a time; `None` is no limit.
    pub(crate) fn finite(limit: impl Into<Option<Duration>>) -> Duration {
        limit.into().map_or(FOREVER, |limit| limit.min(FOREVER))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_is_not_replaced_for_what_it_needs_itself() {
        let reason = |bytes| {
            let options = Options { max_memory: bytes, ..Options::default() };
            match options.mistake() {
                Some(BootError::Option { option, reason }) if &*option == "max_memory" => reason,
                other => format!("{other:?}").into(),
            }
        };
        for bytes in [0, 1000, (1 << 20) - 1] {
            let reason = reason(Some(bytes));
            assert!(reason.contains(&format!("{bytes} bytes are less")), "{reason}");
        }
        for fine in [None, Some(1 << 20)] {
            assert_eq!(&*reason(fine), "None", "{fine:?}");
        }
    }
}
