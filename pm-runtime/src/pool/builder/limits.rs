//! Limits of workers that the kernel enforces.

use std::time::Duration;

use super::{Handle, PoolBuilder};

impl<P: Handle> PoolBuilder<P> {
    /// How much private memory the worker may have while its code runs, in bytes; no limit by default.
    /// The kernel enforces it (`RLIMIT_DATA`). No effect in process.
    ///
    /// What is beyond it is refused: a `Vec` that cannot have it aborts the process, C code that expects
    /// no null pointer mostly follows it. That is a crash which counts, with
    /// [`Blame::Limit`](crate::Blame) in its report. Code that is prepared for it, as `try_reserve` is,
    /// goes on; should it crash later in the same query, that may be put down to the limit.
    ///
    /// It counts what the worker has asked for, used or not: its heap, its global variables, and the
    /// stacks of all threads but the main one. What is shared does not count, nor do files that are
    /// mapped to be read. A worker needs less than a MiB for itself, and as much as a stack may have
    /// (8 MiB, as a rule) for each further thread that runs queries; in tests
    /// ([`test`](macro@crate::test)) also for the first.
    ///
    /// The limit holds from the begin of a query in an idle worker until none runs and no stream is open
    /// there; for the function of a raw worker as long as it runs; not during `init`, though what that
    /// has taken counts afterwards. It guards against accidents: code that wants to can lift it. What a
    /// worker starts inherits it, and of what the worker inherits itself the lower limit holds.
    pub fn memory_limit(mut self, bytes: impl Into<Option<usize>>) -> Self {
        let bytes = bytes.into().map(|bytes| bytes as u64);
        self.options.surroundings.attributes.limits.memory = bytes;
        self
    }

    /// How much CPU time the worker may use while its code runs, in whole seconds; no limit by default.
    /// The kernel enforces it (`RLIMIT_CPU`). No effect in process.
    ///
    /// Unlike [`timeout`](Self::timeout) it does not count the time in which the code waits, or in which
    /// others have the processor. A process that exceeds it gets SIGXCPU, which ends it: a crash that
    /// counts, with [`Blame::Limit`](crate::Blame) in its report. It may take up to a second more.
    ///
    /// What counts is user and system time of the whole process since something last began there, as
    /// long as anything runs. So where queries run beside each other (`concurrency`), it is what all of
    /// them use from the begin of the latest one on: nobody is killed for what others have used before,
    /// and of several threads one that never ends is noticed only when the others have nothing to begin
    /// (a [`timeout`](Self::timeout) notices it in any case). Of an open stream it is all that the worker
    /// uses until the next one is opened there, and of a raw worker all that its function uses. Not during
    /// `init`. What a worker starts inherits the number, and counts for itself from nothing.
    ///
    /// ```
    /// use pm_runtime::{Blame, Limit, QueryError, worker_query};
    /// use std::time::Duration;
    ///
    /// #[worker_query(workers = 1, cpu_limit = "1s")]
    /// fn collatz(mut n: u64) -> u32 {
    ///     let mut steps = 0;
    ///     while n != 1 {
    ///         n = if n % 2 == 0 { n / 2 } else { 3 * n + 1 };
    ///         steps += 1;
    ///     }
    ///     steps
    /// }
    ///
    /// #[pm_runtime::main]
    /// async fn main() {
    ///     let pool = CollatzPool::new();
    ///     assert_eq!(pool.query(27).await, Ok(111));
    ///     match pool.query(0).await {
    ///         Err(QueryError::Crashed(report)) => {
    ///             assert_eq!(report.blame, Blame::Limit(Limit::Cpu(Duration::from_secs(1))));
    ///         }
    ///         other => panic!("{other:?}"),
    ///     }
    /// }
    /// ```
    pub fn cpu_limit(mut self, time: impl Into<Option<Duration>>) -> Self {
        self.options.surroundings.attributes.limits.cpu = time.into();
        self
    }
}
