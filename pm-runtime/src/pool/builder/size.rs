//! How many workers there are, and when they are replaced.

use std::time::Duration;

use super::{Handle, PoolBuilder};
use crate::options::Workers;

impl<P: Handle> PoolBuilder<P> {
    /// How many workers there are; as many as CPUs by default, one where a service has a method
    /// with `&mut self`: what one worker's state was told is news to another's.
    ///
    /// In a range, as in `.workers(2..=8)`, the pool finds its size. It starts with the least, and one
    /// more worker is started when a query has waited for as long as that takes, or for 20 ms where
    /// that is more; one that has had nothing to do for the
    /// [`idle_timeout`](Self::idle_timeout) is let go. [`Event::Scaled`](crate::Event::Scaled) tells
    /// of both. Queries that want a certain worker, or are kept by one for their key, do not count.
    /// There is no range for [raw](crate::worker_raw) pools, which have no queries.
    ///
    /// What is asked for by hand is done, whatever the range: [`spawn`](crate::Pool::spawn) and
    /// [`spawn_one`](crate::Pool::spawn_one) may go beyond it, [`resize`](crate::Pool::resize),
    /// [`respawn_to`](crate::Pool::respawn_to) and [`unspawn_one`](crate::Pool::unspawn_one) below
    /// it. From there the pool goes on by itself: it grows while queries wait, up to the most, and
    /// shrinks while workers idle, down to the least. [`respawn`](crate::Pool::respawn) keeps the size
    /// that it finds, [`start`](crate::Pool::start) and a query after
    /// [`unspawn`](crate::Pool::unspawn) begin with the least.
    ///
    /// ```
    /// use pm_runtime::{Event, worker_query};
    /// use smol::stream::StreamExt;
    /// use std::time::Duration;
    ///
    /// #[worker_query]
    /// fn nap(time: Duration) {
    ///     std::thread::sleep(time)
    /// }
    ///
    /// #[pm_runtime::main]
    /// async fn main() -> Result<(), pm_runtime::Error> {
    ///     let pool = NapPool::builder().workers(1..=2).build();
    ///     let mut events = pool.events();
    ///     let (nap, another) = (pool.query(Duration::from_secs(1)), pool.query(Duration::from_secs(1)));
    ///     smol::future::try_zip(nap, another).await?;
    ///     while let Some(event) = events.next().await {
    ///         if let Event::Scaled { from: 1, to: 2, .. } = event {
    ///             break;
    ///         }
    ///     }
    ///     Ok(())
    /// }
    /// ```
    pub fn workers(mut self, workers: impl Into<Workers>) -> Self {
        self.options.workers = Some(workers.into());
        self
    }

    /// How long a worker may have nothing to do before it is let go, where there are more than the
    /// least of a range of [`workers`](Self::workers); one minute by default, `None` for ever. A
    /// worker always stays for as long as it takes to start one.
    pub fn idle_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.options.idle_timeout = timeout.into();
        self
    }

    /// How many workers there are beyond the pool's size, ready and handed nothing; none by default.
    /// As soon as one of the size is gone, or is to be replaced, a spare takes its place, and another
    /// spare is started: nobody waits for a start. A
    /// [temporary](crate::Call::temporary) query takes one, too, and so does a pool that grows.
    ///
    /// A [raw](crate::worker_raw) spare is set up, and its function begins when it takes a place. It cannot
    /// have a socket of its own meanwhile, so that there are none with
    /// [`reuse_port`](Self::reuse_port).
    ///
    /// They take memory as others do, and are in no other number: [`spawn`](crate::Pool::spawn) and its
    /// kin count without them. [`Health::spares`](crate::Health::spares) says how many are ready, and
    /// each is in the state [`Spare`](crate::WorkerState::Spare); a query that wants this very worker
    /// fails with [`WorkerGone`](crate::QueryError::WorkerGone) meanwhile.
    /// [`workers`](crate::Pool::workers) lists them, [`acquire`](crate::Pool::acquire) never gives one.
    /// They are started after those
    /// of the size, are replaced by [`respawn`](crate::Pool::respawn) and by
    /// [`max_age`](Self::max_age), and go with the others in [`unspawn`](crate::Pool::unspawn).
    ///
    /// ```
    /// use pm_runtime::{QueryError, worker_query};
    ///
    /// #[worker_query(workers = 1, spares = 1)]
    /// fn divide(a: u32, b: u32) -> u32 {
    ///     if b == 0 { std::process::abort() } else { a / b }
    /// }
    ///
    /// #[pm_runtime::main]
    /// async fn main() -> Result<(), pm_runtime::Error> {
    ///     let pool = DividePool::new();
    ///     assert!(matches!(pool.query(1, 0).await, Err(QueryError::Crashed(_))));
    ///     // As a rule a worker is there already that can do it.
    ///     assert_eq!(pool.query(4, 2).await?, 2);
    ///     Ok(())
    /// }
    /// ```
    pub fn spares(mut self, spares: usize) -> Self {
        self.options.spares = spares;
        self
    }

    /// How many queries a worker runs before it is replaced; any number by default. For streams it is
    /// how many it opens. No effect on [raw](crate::worker_raw) workers, which have none.
    ///
    /// The replacement is ready before the old worker goes, which serves until then and ends what it
    /// runs, under its own timeout: so it is that number and a few more. That is no crash, and
    /// `Event::Recycled` tells of it. Where the replacement does not start, the old worker stays, and
    /// another is tried as after any failed boot. All of this holds for
    /// [`max_age`](Self::max_age) and [`max_memory`](Self::max_memory), too; a raw worker that is
    /// replaced is released as by [`unspawn_one`](crate::Pool::unspawn_one), within `grace`.
    ///
    /// ```
    /// use pm_runtime::{Event, worker_query};
    /// use smol::stream::StreamExt;
    ///
    /// #[worker_query(workers = 1, max_queries = 100)]
    /// fn double(n: u32) -> u32 {
    ///     2 * n
    /// }
    ///
    /// #[pm_runtime::main]
    /// async fn main() -> Result<(), pm_runtime::Error> {
    ///     let pool = DoublePool::new();
    ///     let mut events = pool.events();
    ///     for n in 0..100 {
    ///         assert_eq!(pool.query(n).await?, 2 * n);
    ///     }
    ///     while let Some(event) = events.next().await {
    ///         if let Event::Recycled { worker: 1, .. } = event {
    ///             break;
    ///         }
    ///     }
    ///     assert_eq!(pool.query(100).await?, 200);
    ///     Ok(())
    /// }
    /// ```
    pub fn max_queries(mut self, queries: impl Into<Option<usize>>) -> Self {
        self.options.max_queries = queries.into();
        self
    }

    /// How long a worker serves before it is replaced, from the moment that it is ready; for ever by
    /// default. Between three quarters of that and all of it, so that workers which were started
    /// together are not replaced together.
    pub fn max_age(mut self, age: impl Into<Option<Duration>>) -> Self {
        self.options.max_age = age.into();
        self
    }

    /// How many bytes a worker may hold between queries before it is replaced; any number by default.
    /// It is the resident set, as [`WorkerHealth::rss`](crate::WorkerHealth::rss) tells it. No effect
    /// in process.
    ///
    /// The system is asked when a query or a stream has ended, at most once a second. A worker that has
    /// something else to run by then may hold memory for that, so it is replaced when it is found too
    /// heavy twice in a row. A raw worker, and one with open streams, is at work all the time: it is
    /// looked at after a second, and ever less often, up to a minute, while its memory stays the same.
    /// One that holds too much before it has run anything is left alone, because the next one would
    /// hold as much.
    pub fn max_memory(mut self, bytes: impl Into<Option<usize>>) -> Self {
        self.options.max_memory = bytes.into().map(|bytes| bytes as u64);
        self
    }
}
