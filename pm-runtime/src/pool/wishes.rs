//! What is asked for of one call, beyond what the pool's options say.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use serde::de::DeserializeOwned;

use super::call::Call;
use super::messages::Hear;
use super::retry::Again;
use super::worker::Worker;
#[cfg(doc)]
use crate::error::QueryError;
use crate::supervisor::Route;
use crate::wire::codec;

/// What is asked for of one call.
pub(super) struct Wishes<T> {
    pub(super) timeout: Option<Duration>,
    pub(super) queue_timeout: Option<Duration>,
    pub(super) immediate: bool,
    pub(super) retries: u32,
    pub(super) forced: bool,
    pub(super) route: Route,
    /// What its caller wants to be done with its messages.
    pub(super) hear: Option<Hear<()>>,
    /// `None`: one run is all.
    pub(super) again: Option<Again<T>>,
}

impl<T, M> Call<T, M> {
    pub(super) fn wishes(&mut self) -> &mut Wishes<T> {
        let options = &self.handles.shared().options;
        self.wishes.get_or_insert_with(|| {
            Box::new(Wishes {
                timeout: options.timeout,
                queue_timeout: options.queue_timeout,
                immediate: false,
                retries: options.retries,
                forced: false,
                route: Route::Any,
                hear: None,
                again: None,
            })
        })
    }

    /// Another `timeout` than the pool's: how long it may run in a worker. `None`: no limit.
    ///
    /// A timeout of zero leaves no time to run in: the call fails with
    /// [`TimedOut`](QueryError::TimedOut) and is not submitted to any worker.
    pub fn timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.wishes().timeout = timeout.into();
        self
    }

    /// Another `queue_timeout` than the pool's: how long it may wait for a worker. `None`: no
    /// limit.
    pub fn queue_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.wishes().queue_timeout = timeout.into();
        self
    }

    /// Fails with [`QueueFull`](QueryError::QueueFull) where it would have to wait for a place in
    /// the queue.
    pub fn immediate(mut self) -> Self {
        self.wishes().immediate = true;
        self
    }

    /// How often it runs again where its worker dies under it, instead of the pool's `retries`: when
    /// it would fail with [`Crashed`](QueryError::Crashed) or [`Protocol`](QueryError::Protocol), never
    /// when it was answered, panicked or ran too long. What has effects beyond its answer has to bear
    /// that some of them were there before: [`worker::attempt`](crate::worker::attempt) tells the runs
    /// apart.
    ///
    /// Before each further run there is a pause of about 10 ms, doubled each time up to a second and
    /// shortened at random by half at most. Each run has the whole `timeout`, and each wait the whole
    /// `queue_timeout`. A query that is bound to a worker ([`on`](Self::on)) does not run again, as
    /// nobody else may run it; one that is found to kill its workers is
    /// [refused](crate::PoolBuilder::quarantine).
    ///
    /// ```
    /// use pm_runtime::{worker, worker_query};
    ///
    /// #[worker_query(workers = 2)]
    /// fn fragile(n: u32) -> u32 {
    ///     if worker::attempt() == 1 {
    ///         std::process::abort()
    ///     }
    ///     2 * n
    /// }
    ///
    /// #[pm_runtime::main]
    /// async fn main() -> Result<(), pm_runtime::Error> {
    ///     let pool = FragilePool::new();
    ///     assert_eq!(pool.query(21).retries(1).await?, 42);
    ///     assert_eq!(pool.health().crashes, 1);
    ///     Ok(())
    /// }
    /// ```
    pub fn retries(mut self, retries: u32) -> Self {
        self.wishes().retries = retries;
        self
    }

    /// Runs it in a worker of its own, which no other query can reach and which is gone
    /// afterwards; its crash does not count against the pool. There are as many of those at once
    /// as the pool has workers; more wait.
    ///
    /// Of `temporary`, [`on`](Self::on) and [`key`](Self::key) the last one counts.
    ///
    /// ```
    /// use pm_runtime::{QueryError, worker_query};
    ///
    /// #[worker_query(workers = 1, max_crashes = 0)]
    /// fn risky(abort: bool) {
    ///     if abort {
    ///         std::process::abort()
    ///     }
    /// }
    ///
    /// #[pm_runtime::main]
    /// fn main() {
    ///     let pool = RiskyPool::new();
    ///     let crash = pool.query(true).temporary().wait();
    ///     assert!(matches!(crash, Err(QueryError::Crashed(_))));
    ///     assert_eq!(pool.health().crashes, 0);
    /// }
    /// ```
    pub fn temporary(mut self) -> Self {
        self.wishes().route = Route::Temporary;
        self
    }

    /// Runs it in this worker, however long that takes to be free. It fails with
    /// [`WorkerGone`](QueryError::WorkerGone) once the worker is released or dead, also where it
    /// waits for it then, and where the worker is a temporary or another pool's.
    ///
    /// ```
    /// use pm_runtime::{QueryError, worker_query};
    ///
    /// #[worker_query(workers = 2)]
    /// fn pid() -> u32 {
    ///     std::process::id()
    /// }
    ///
    /// #[pm_runtime::main]
    /// async fn main() -> Result<(), pm_runtime::Error> {
    ///     let pool = PidPool::new();
    ///     let worker = pool.spawn_one().await?;
    ///     assert_eq!(pool.query().on(&worker).await?, worker.pid());
    ///     pool.unspawn_one(&worker).await;
    ///     assert_eq!(pool.query().on(&worker).await, Err(QueryError::WorkerGone));
    ///     Ok(())
    /// }
    /// ```
    pub fn on(mut self, worker: &Worker) -> Self {
        // No worker has the number 0.
        let id = if worker.is_of(self.handles.shared()) { worker.id() } else { 0 };
        self.wishes().route = Route::Worker(id);
        self
    }

    /// Runs it where the last query with the same key ran, so that it finds there what that one
    /// left in memory: as long as that worker lives and may be handed another query. Otherwise
    /// another worker takes it, and is the key's from then on. A pool remembers the workers of
    /// some ten thousand keys, those that were used last.
    ///
    /// ```
    /// use pm_runtime::worker_query;
    ///
    /// #[worker_query(workers = 2)]
    /// fn pid() -> u32 {
    ///     std::process::id()
    /// }
    ///
    /// #[pm_runtime::main]
    /// async fn main() -> Result<(), pm_runtime::Error> {
    ///     let pool = PidPool::new();
    ///     let first = pool.query().key("safari zone").await?;
    ///     assert_eq!(pool.query().key("safari zone").await?, first);
    ///     Ok(())
    /// }
    /// ```
    pub fn key<K: Hash + ?Sized>(mut self, key: &K) -> Self {
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        self.wishes().route = Route::Key(hasher.finish());
        self
    }

    /// Runs it in a process even where [`set_disabled`](crate::set_disabled) has put its pool's
    /// workers into threads: that is over for this pool then. The threads end what they run, and
    /// whatever begins from now on begins in a process; [`on`](Self::on) one of those threads it
    /// fails with [`WorkerGone`](QueryError::WorkerGone). A pool that was made
    /// [`in_process`](crate::PoolBuilder::in_process) stays so.
    ///
    /// ```
    /// use pm_runtime::worker_query;
    ///
    /// #[worker_query(workers = 1)]
    /// fn pid() -> u32 {
    ///     std::process::id()
    /// }
    ///
    /// #[pm_runtime::main]
    /// async fn main() -> Result<(), pm_runtime::Error> {
    ///     pm_runtime::set_disabled(true);
    ///     let pool = PidPool::new();
    ///     assert_eq!(pool.query().await?, std::process::id());
    ///     assert_ne!(pool.query().force().await?, std::process::id());
    ///     Ok(())
    /// }
    /// ```
    pub fn force(mut self) -> Self {
        self.wishes().forced = true;
        self
    }

    /// Has this run for each [message](crate::worker::message) that the query sends: where the
    /// call is polled, in the order in which they were sent, and before the answer.
    ///
    /// A query may send more than its caller has polled for: 4 MiB of messages wait, and what
    /// comes then is lost; [`Health::missed`](crate::Health::missed) counts it. A message that is
    /// no `M` after all is counted there, too, and reported:
    /// [`Event::Reported`](crate::Event::Reported). The last `on_message` counts.
    ///
    /// ```
    /// use pm_runtime::{worker, worker_query};
    /// use std::sync::{Arc, Mutex};
    ///
    /// #[worker_query(workers = 1)]
    /// fn double(n: u32) -> u32 {
    ///     worker::message(format!("doubling {n}")).expect("it is text");
    ///     2 * n
    /// }
    ///
    /// #[pm_runtime::main]
    /// async fn main() -> Result<(), pm_runtime::Error> {
    ///     let heard = Arc::new(Mutex::new(Vec::new()));
    ///     let call = DoublePool::new().query(21).on_message({
    ///         let heard = heard.clone();
    ///         move |text| heard.lock().unwrap().push(text)
    ///     });
    ///     assert_eq!(call.await?, 42);
    ///     assert_eq!(*heard.lock().unwrap(), ["doubling 21"]);
    ///     Ok(())
    /// }
    /// ```
    pub fn on_message(mut self, mut run: impl FnMut(M) + Send + 'static) -> Self
    where
        M: DeserializeOwned,
    {
        self.wishes().hear = Some(Box::new(move |(), message| {
            run(codec::decode(message)?);
            Ok(())
        }));
        self
    }
}
