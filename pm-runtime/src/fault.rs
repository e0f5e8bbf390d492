//! Faults on purpose: workers that are killed, crash, hang, boot slowly or corrupt their link, at
//! moments that a test chooses.
//!
//! A worker gets its faults when it is started, and injects them itself. So what a test sees is what
//! happens in production: a process really dies, and its pool finds out in the way in which it
//! always does. This is how an application proves that it survives that. It needs the feature
//! `fault-injection`, which belongs to the tests alone; without it there is no such module, and
//! workers have nothing of it:
//!
//! ```toml
//! [dev-dependencies]
//! pm-runtime = { path = "/where/your/clone/is/pm-runtime", features = ["fault-injection"] }
//! ```
//!
#![cfg_attr(feature = "fault-injection", doc = "```")]
#![cfg_attr(not(feature = "fault-injection"), doc = "```ignore")]
//! use pm_runtime::fault::{Fault, Faults, When};
//! use pm_runtime::{QueryError, worker_query};
//!
//! /// The price of an article, in cents.
//! #[worker_query(workers = 1)]
//! fn price(article: &str) -> u64 {
//!     100 * article.len() as u64
//! }
//!
//! /// What the application does about it: a query whose worker has died is sent again, once.
//! async fn price_of(pool: &PricePool, article: &str) -> Result<u64, QueryError> {
//!     match pool.query(article).await {
//!         Err(error) if error.is_retryable() => pool.query(article).await,
//!         answer => answer,
//!     }
//! }
//!
//! // In a test of your own: `#[pm_runtime::test] async fn a_crash_is_made_good()`.
//! #[pm_runtime::main]
//! async fn main() -> Result<(), pm_runtime::Error> {
//!     // The first worker crashes in its second query.
//!     let faults = Faults::new().with(Fault::Crash, When::at(2).in_worker(1));
//!     let pool = PricePool::builder().faults(faults).build();
//!     assert_eq!(price_of(&pool, "apple").await?, 500);
//!     assert_eq!(price_of(&pool, "pear").await?, 400);
//!     // Otherwise the test would pass as well if nothing had gone wrong.
//!     assert_eq!(pool.health().crashes, 1);
//!     Ok(())
//! }
//! ```
//!
//! The program [`pricing`] of the examples has more such tests: of a crash, a hang, a slow boot, a boot
//! that fails, a corrupt link, and of all at once.
//!
//! [`pricing`]: https://github.com/process-manager/pm-runtime/blob/main/pm-examples/src/bin/pricing.rs
//!
//! # When they strike
//!
//! Each [`Fault`] has its *occasions*: a boot, a query that is at hand, a query that has begun, an
//! answer, the end of a query as it travels. Each worker counts them for itself, from 1, and
//! [`When`] says at which of them the fault strikes, and in which workers. Workers are numbered from 1
//! in the order in which their pool starts them; a replacement has a number of its own, and counts
//! anew. So `When::at(2)` strikes in every worker's second query, and after it in the second one of
//! the replacement: `in_worker(1)` strikes only once.
//!
//! At one occasion at most one of a pool's faults strikes: the first of those that would.
//!
//! # Runs that can be repeated
//!
//! What strikes by [chance](When::chance) is drawn from the [seed](Faults::seeded), the worker's
//! number and the number of the draw, so that the same worker with the same seed and the same
//! occasions has the same faults. Which worker gets which query is another matter: it depends on who is
//! faster. One worker and one query at a time repeat a run exactly; with more of them a seed repeats
//! how the workers misbehave, and a test should assert what holds in any order. Print the seed where a
//! test fails.
//!
//! # What cannot be injected
//!
//! - In [in-process](crate::PoolBuilder::in_process) pools, and where
//!   [`set_disabled`](crate::set_disabled) makes threads of workers, only [`Fault::Hang`] and the
//!   faults of the link are injected: what ends, stops or delays a process would do that to the
//!   application. The others never strike there.
//! - A worker of [streams](crate::worker_stream) has the opening of a stream for a query. What is said
//!   over an open one is touched only where it travels by [socket](crate::Transport::Socket).
//! - A [raw](crate::worker_raw) worker has no queries: it boots slowly or fails to, and faults of the
//!   link strike what it says by socket.
//! - What an application's own code does wrong is not of this module: a test can let it panic,
//!   allocate or loop by an argument.
//! - A worker can be killed from outside at any time, by its [process id](crate::Worker::pid).

mod injection;

use std::ops::{Bound, RangeBounds};
use std::time::Duration;

use serde_derive::{Deserialize, Serialize};

pub(crate) use injection::{Doom, Injection};

/// The faults of a pool's workers, for [`PoolBuilder::faults`](crate::PoolBuilder).
///
#[cfg_attr(feature = "fault-injection", doc = "```")]
#[cfg_attr(not(feature = "fault-injection"), doc = "```ignore")]
/// use pm_runtime::fault::{Fault, Faults, When};
/// use std::time::Duration;
///
/// let seed = 7;
/// let faults = Faults::seeded(seed)
///     .with(Fault::SlowBoot(Duration::from_millis(50)), When::always())
///     .with(Fault::KillDuring, When::chance(0.02))
///     .with(Fault::Hang, When::at(100).in_workers(..=2));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Faults {
    seed: u64,
    list: Vec<(Fault, When)>,
}

impl Faults {
    /// None yet, with a seed of 0.
    pub fn new() -> Self {
        Self::default()
    }

    /// None yet, with the seed of those that strike by [chance](When::chance).
    pub fn seeded(seed: u64) -> Self {
        Self { seed, list: Vec::new() }
    }

    /// Adds a fault.
    pub fn with(mut self, fault: Fault, when: When) -> Self {
        self.list.push((fault, when));
        self
    }

    /// Those that a thread of the pool's process may have.
    pub(crate) fn of_a_thread(mut self) -> Self {
        self.list.retain(|(fault, _)| fault.spares_the_process());
        self
    }
}

/// What goes wrong, and what counts as an occasion for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Fault {
    /// The worker is killed when it has a query at hand and has not begun it: nobody should notice,
    /// as the query runs elsewhere. Occasions: queries at hand.
    ///
    /// This and the other kills are by SIGKILL, as by somebody outside: they do not count against
    /// [`max_crashes`](crate::PoolBuilder::max_crashes).
    KillBefore,
    /// The worker is killed when it has begun a query, before that's code runs: the query fails with
    /// [`Crashed`](crate::QueryError::Crashed). Occasions: queries that begin.
    KillDuring,
    /// The worker is killed when it has given an answer, which its caller gets all the same.
    /// Occasions: answers.
    KillAfter,
    /// The worker aborts (SIGABRT) when it has begun a query, as by a mistake in its code: the query
    /// fails with [`Crashed`](crate::QueryError::Crashed), and it counts against
    /// [`max_crashes`](crate::PoolBuilder::max_crashes). Occasions: queries that begin.
    Crash,
    /// The thread that begins a query never ends it, and everything that runs on that thread beside
    /// it hangs, too: it takes its [`timeout`](crate::PoolBuilder::timeout). Occasions: queries that
    /// begin.
    Hang,
    /// The worker is stopped (SIGSTOP) when it has a query at hand and has not begun it: after
    /// [`boot_timeout`](crate::PoolBuilder::boot_timeout) it is killed, and the query runs elsewhere.
    /// Occasions: queries at hand.
    StopBefore,
    /// The worker takes this much longer until it is ready; beyond
    /// [`boot_timeout`](crate::PoolBuilder::boot_timeout) it is killed. Occasions: the one boot.
    SlowBoot(Duration),
    /// The worker ends with this exit code before it is ready and before an `init` runs:
    /// [`BootError::Exited`](crate::BootError::Exited), and it counts against
    /// [`max_crashes`](crate::PoolBuilder::max_crashes). Occasions: the one boot.
    ExitAtBoot(i32),
    /// How a query ended is spoiled: one bit of the frame is another, or the memory
    /// that it shares with its pool says what makes no sense. What the pool can see is
    /// [`Protocol`](crate::QueryError::Protocol), and costs the worker its life; a bit inside of an
    /// answer that travels by [socket](crate::Transport::Socket) may also change that, or make a
    /// [`Decode`](crate::QueryError::Decode) of it. Occasions: ends of queries, and by socket also what
    /// else is said to the application: messages, debug texts, reports, outputs of streams.
    Corrupt,
    /// The link ends in the middle of that. Occasions as for
    /// [`Corrupt`](Self::Corrupt).
    Truncate,
    /// The worker says it twice. Occasions as for [`Corrupt`](Self::Corrupt).
    Duplicate,
    /// The link ends instead, and the worker lives on: a breach of the protocol, for which it is
    /// killed. Occasions as for [`Corrupt`](Self::Corrupt).
    DropLink,
    /// The worker says what makes no sense at all. Occasions as for [`Corrupt`](Self::Corrupt).
    Garbage,
    /// The worker is killed while it says something, after so many steps: bytes of a frame, or
    /// stores into shared memory. For tests of this crate.
    #[doc(hidden)]
    KillTelling(u64),
    /// The worker is killed while it waits for the rest of a request, at the time of this number. For
    /// tests of this crate.
    #[doc(hidden)]
    KillReceiving(u64),
}

impl Fault {
    /// It strikes where a worker starts.
    pub(crate) fn is_of_boot(self) -> bool {
        matches!(self, Self::SlowBoot(_) | Self::ExitAtBoot(_))
    }

    /// It strikes where a worker has a query and has not begun it.
    pub(crate) fn is_before(self) -> bool {
        matches!(self, Self::KillBefore | Self::StopBefore)
    }

    /// It strikes between a begin and the query's code.
    pub(crate) fn is_during(self) -> bool {
        matches!(self, Self::KillDuring | Self::Crash | Self::Hang)
    }

    /// It strikes what a worker says.
    pub(crate) fn is_of_link(self) -> bool {
        matches!(
            self,
            Self::Corrupt
                | Self::Truncate
                | Self::Duplicate
                | Self::DropLink
                | Self::Garbage
                | Self::KillTelling(_)
        )
    }

    /// It does nothing to the process in which it strikes.
    fn spares_the_process(self) -> bool {
        let is_of_link = self.is_of_link() && !matches!(self, Self::KillTelling(_));
        is_of_link || self == Self::Hang
    }
}

/// At which of its occasions a fault strikes, and in which workers: in all of them, unless
/// [`in_worker`](Self::in_worker) or [`in_workers`](Self::in_workers) says otherwise.
///
#[cfg_attr(feature = "fault-injection", doc = "```")]
#[cfg_attr(not(feature = "fault-injection"), doc = "```ignore")]
/// use pm_runtime::fault::When;
///
/// When::at(3); // in every worker, at the third occasion there
/// When::at(3).in_worker(1); // once
/// When::always().in_workers(4..); // at every occasion, from the fourth worker on
/// When::chance(0.01); // at one of a hundred
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct When {
    occasion: Occasion,
    /// The first worker, and the last one.
    workers: (u64, u64),
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
enum Occasion {
    At(u64),
    Chance(f64),
}

impl When {
    /// At one occasion in each worker, counted from 1; at 0 never.
    pub fn at(occasion: u64) -> Self {
        Self { occasion: Occasion::At(occasion), workers: (0, u64::MAX) }
    }

    /// At each.
    pub fn always() -> Self {
        Self::chance(1.0)
    }

    /// With this probability at each, from 0 to 1.
    pub fn chance(probability: f64) -> Self {
        Self { occasion: Occasion::Chance(probability), workers: (0, u64::MAX) }
    }

    /// The same, only in the worker of this number; its pool's first one is number 1.
    pub fn in_worker(self, worker: u64) -> Self {
        self.in_workers(worker..=worker)
    }

    /// The same, only in workers of these numbers.
    pub fn in_workers(mut self, workers: impl RangeBounds<u64>) -> Self {
        let first = match workers.start_bound() {
            Bound::Included(&first) => first,
            Bound::Excluded(&before) => before.saturating_add(1),
            Bound::Unbounded => 0,
        };
        let last = match workers.end_bound() {
            Bound::Included(&last) => last,
            // No worker has the number 0.
            Bound::Excluded(&behind) => behind.saturating_sub(1),
            Bound::Unbounded => u64::MAX,
        };
        self.workers = (first, last);
        self
    }

    fn includes(&self, worker: u64) -> bool {
        (self.workers.0..=self.workers.1).contains(&worker)
    }
}
