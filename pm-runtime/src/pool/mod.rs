//! The handles that applications hold.

mod after;
mod broadcast;
mod builder;
mod call;
mod callbacks;
mod config;
#[cfg(feature = "metrics")]
pub(crate) mod counts;
mod events;
mod health;
mod hear;
mod heard;
mod home;
mod lead;
mod map;
mod messages;
mod observe;
#[cfg(feature = "operator")]
mod order;
mod pause;
mod raw;
mod reader;
mod recent;
mod registry;
mod retry;
mod shared;
mod spawn;
mod stream;
mod ticket;
mod wish;
mod wishes;
mod worker;

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;

pub use broadcast::Broadcast;
pub use builder::{Face, Handle, PoolBuilder, RawHandle, shared};
pub use call::Call;
#[cfg(all(test, feature = "operator"))]
pub(crate) use events::Channel;
pub use events::Events;
pub(crate) use heard::heard;
pub use home::set_disabled;
pub use map::{Map, WithInputs};
pub use raw::RawWorker;
pub use registry::pools;
pub(crate) use registry::undestroyed;
#[cfg(feature = "operator")]
pub(crate) use registry::{Watched, watch};
pub use retry::{Answers, Retry, retrying};
pub use spawn::Spawn;
pub use stream::{Opening, StreamHandle, StreamReceiver, StreamSender};
pub(crate) use wish::Wish;
pub use worker::Worker;

use crate::child::stream::StreamMessages;
use crate::error::{DecodeError, QueryError, SpawnError};
use crate::health::Health;
use crate::process::fork;
use crate::supervisor::{Core, WaiterId};
use crate::wire::bulk::{Bulk, Parcel};
use crate::wire::codec;
use config::MOST;
use retry::Policy;
use shared::Shared;
use ticket::Ticket;

/// A pool of worker processes: what every generated handle dereferences to.
///
/// It is a cheap handle: its clones are the same pool. When the last one is dropped (a pending
/// [`Call`] counts), the pool is destroyed in the background within its `grace`.
///
/// ```
/// use pm_runtime::worker_query;
///
/// #[worker_query(workers = 2)]
/// fn double(n: u32) -> u32 {
///     2 * n
/// }
///
/// #[pm_runtime::main]
/// async fn main() -> Result<(), pm_runtime::Error> {
///     let pool = DoublePool::new();
///     pool.spawn(2).await?; // rather than with the first query
///     assert_eq!(pool.query(21).await?, 42);
///     pool.respawn().await?;
///     let health = pool.health();
///     assert_eq!((health.idle, health.account.completed), (2, 1));
///     pool.destroy().await;
///     Ok(())
/// }
/// ```
#[derive(Clone)]
pub struct Pool {
    handles: Arc<Handles>,
    /// The [`Policy`] of its calls, as the answers' type has it.
    policy: Option<Arc<dyn Any + Send + Sync>>,
}

/// What all handles hold; its drop is the drop of the last one.
pub(crate) struct Handles(Arc<Shared>);

impl Handles {
    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.0
    }
}

impl Drop for Handles {
    fn drop(&mut self) {
        if fork::is_fork() {
            // The workers are those of another process, and its locks may be held for ever here.
            std::mem::forget(self.0.clone());
        } else {
            self.0.retire();
        }
    }
}

impl Pool {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        let handles = Arc::new(Handles(shared));
        registry::enter(&handles);
        Self { handles, policy: None }
    }

    /// Another handle, whose calls go by this [`Policy`].
    pub(crate) fn with_policy(&self, policy: Arc<dyn Any + Send + Sync>) -> Self {
        Self { handles: self.handles.clone(), policy: Some(policy) }
    }

    pub(crate) fn call<T: 'static, M>(
        &self,
        request: &impl Serialize,
        bulk: Bulk,
        open: fn(&mut Parcel) -> Result<T, DecodeError>,
    ) -> Call<T, M> {
        let entry = &self.inner().plan.entry;
        let request = codec::encode_message(request, bulk)
            .map_err(|error| QueryError::Encode(error.about(|place| entry.argument(place))));
        let policy = self.policy.as_ref().and_then(|policy| policy.downcast_ref::<Policy<T>>());
        Call::new(self.handles.clone(), request, open, policy.cloned())
    }

    pub(crate) fn open<S: StreamMessages>(&self, opening: S) -> Opening<S> {
        let entry = &self.inner().plan.entry;
        let request = codec::encode_message(&S::opening(opening), Bulk::new())
            .map_err(|error| QueryError::Encode(error.about(|place| entry.argument(place))));
        Opening::new(self.handles.clone(), request)
    }

    /// Nobody has asked it to end.
    pub(crate) fn is_open(&self) -> bool {
        self.inner().look(|state| state.core.is_open())
    }

    /// Inputs of a map that may be on their way at once: what its workers run, and a few more for
    /// each to go on with.
    fn width(&self) -> usize {
        self.inner().look(|state| state.core.width())
    }

    /// The pool's name: its [`label`](PoolBuilder::label), or else that of what its workers run.
    pub fn name(&self) -> &str {
        self.inner().name()
    }

    /// The pool's number in this process, from 1: none that was made before or after has the same.
    pub fn id(&self) -> u64 {
        self.inner().id
    }

    /// Raises the number of workers to `workers`, and waits until so many are ready. It never
    /// lowers it.
    pub fn spawn(&self, workers: usize) -> Spawn {
        Spawn::new(self.clone(), workers.min(MOST))
    }

    /// Raises the number of workers to what the option `workers` says, and waits until they are ready:
    /// rather than with the first query, or where there are none.
    pub fn start(&self) -> Spawn {
        let workers = self.inner().look(|state| state.core.size());
        Spawn::new(self.clone(), workers)
    }

    /// Starts one worker more, and waits until it is ready. Should it die before, another one
    /// takes its place.
    pub async fn spawn_one(&self) -> Result<Worker, SpawnError> {
        let mut id = 0;
        let ready = Wish::new(self.inner(), false, |state, now| {
            let (waiter, worker) = state.core.spawn_one(now);
            id = worker;
            waiter
        })?;
        // It may be over, and have said something, before this is polled again.
        let worker = Worker::new(self.inner().clone(), id);
        ready.come().await?;
        match self.inner().look(|state| state.core.stand_in(id)) {
            same if same == id => Ok(worker),
            another => Ok(Worker::new(self.inner().clone(), another)),
        }
    }

    /// Releases every worker, and waits until they are gone: they end what they run, and take
    /// nothing new; what still runs when the pool's `grace` is over is killed and fails with
    /// [`Released`](QueryError::Released). A query that waits, or comes later, starts workers
    /// again.
    pub async fn unspawn(&self) {
        // It has no way to fail.
        let _ = self.wait_for(Core::unspawn).await;
    }

    /// Releases one worker as [`unspawn`](Self::unspawn) does; the pool is smaller by one then.
    /// A worker that is gone, or is another pool's, is left alone.
    pub async fn unspawn_one(&self, worker: &Worker) {
        if worker.is_of(self.inner()) {
            // It has no way to fail.
            let _ = self.wait_for(|core, now| core.unspawn_one(worker.id(), now)).await;
        }
    }

    /// Replaces every worker, and waits until that is done. It is rolling: each worker is
    /// released only when its replacement is ready, so that the capacity never falls under what
    /// it was. Where a replacement does not start, the old workers stay.
    pub async fn respawn(&self) -> Result<(), SpawnError> {
        self.wait_for(|core, now| core.respawn(None, now)).await
    }

    /// Replaces one worker as [`respawn`](Self::respawn) replaces all. A worker that is gone or about
    /// to go, or is another pool's, is left alone.
    ///
    /// ```
    /// use pm_runtime::worker_query;
    ///
    /// #[worker_query(workers = 2)]
    /// fn double(n: u32) -> u32 {
    ///     2 * n
    /// }
    ///
    /// #[pm_runtime::main]
    /// async fn main() -> Result<(), pm_runtime::Error> {
    ///     let pool = DoublePool::new();
    ///     pool.start().await?;
    ///     pool.respawn_one(&pool.workers()[0]).await?;
    ///     let ids: Vec<u64> = pool.workers().iter().map(|worker| worker.id()).collect();
    ///     assert_eq!(ids, [2, 3]);
    ///     Ok(())
    /// }
    /// ```
    pub async fn respawn_one(&self, worker: &Worker) -> Result<(), SpawnError> {
        match worker.is_of(self.inner()) {
            true => self.wait_for(|core, now| core.respawn_one(worker.id(), now)).await,
            false => Ok(()),
        }
    }

    /// Replaces every worker as [`respawn`](Self::respawn) does; afterwards there are `workers`.
    pub async fn respawn_to(&self, workers: usize) -> Result<(), SpawnError> {
        self.wait_for(|core, now| core.respawn(Some(workers.min(MOST)), now)).await
    }

    /// Makes the pool this large, and waits until it is: starts workers, or releases the least
    /// loaded. `resize(0)` is [`unspawn`](Self::unspawn): it does not shut the pool, and the next
    /// query starts as many workers as the option `workers` says.
    pub async fn resize(&self, workers: usize) -> Result<(), SpawnError> {
        self.wait_for(|core, now| core.resize(workers.min(MOST), now)).await
    }

    /// Ends the pool, and waits for it: what was submitted is still served, within `grace`; what
    /// still runs then fails with [`Released`](QueryError::Released), what still waits, and what
    /// is submitted from now on, with [`Destroyed`](QueryError::Destroyed).
    ///
    /// With the feature `tracing` it returns when subscribers have heard what the workers have logged, or a
    /// second later.
    pub async fn destroy(&self) {
        // It has no way to fail.
        let _ = self.wait_for(Core::destroy).await;
        heard().await;
    }

    /// The least-loaded worker that takes queries.
    pub fn acquire(&self) -> Option<Worker> {
        let id = self.inner().look(|state| state.core.acquire())?;
        Some(Worker::new(self.inner().clone(), id))
    }

    /// Every worker that is not gone, oldest first.
    pub fn workers(&self) -> Vec<Worker> {
        let ids: Vec<u64> =
            self.inner().look(|state| state.core.views().map(|view| view.id).collect());
        ids.into_iter().map(|id| Worker::new(self.inner().clone(), id)).collect()
    }

    /// The state of the pool at this moment. The system is asked for each worker's memory and CPU
    /// time, which takes some ten microseconds a worker; the pool goes on meanwhile.
    ///
    /// ```
    /// use pm_runtime::worker_query;
    ///
    /// #[worker_query(workers = 2)]
    /// fn double(n: u32) -> u32 {
    ///     2 * n
    /// }
    ///
    /// #[pm_runtime::main]
    /// async fn main() -> Result<(), pm_runtime::Error> {
    ///     let pool = DoublePool::new();
    ///     assert_eq!(pool.query(21).await?, 42);
    ///
    ///     let health = pool.health();
    ///     assert!(health.account.balances());
    ///     println!("{:.1} queries per second", health.rates.completed);
    ///     if let Some(run) = health.latency.run {
    ///         println!("{:?} at the median, {:?} at the worst", run.p50, run.max);
    ///     }
    ///     for worker in &health.workers {
    ///         println!("worker {}: {:?} bytes, {:?} of CPU", worker.id, worker.rss, worker.cpu);
    ///     }
    ///     Ok(())
    /// }
    /// ```
    pub fn health(&self) -> Health {
        self.inner().look_at_workers();
        health::of_pool(self.inner())
    }

    /// Forgets what has gone wrong: the crash budget is whole again, workers that are missing are
    /// started at once, and what was [quarantined](crate::PoolBuilder::quarantine) may run. For when
    /// the cause is gone.
    ///
    /// ```
    /// use pm_runtime::{QueryError, worker_query};
    ///
    /// #[worker_query(workers = 1, quarantine = 1)]
    /// fn first_time_bad(marker: &str) -> bool {
    ///     if std::fs::exists(marker).unwrap_or(false) {
    ///         return true;
    ///     }
    ///     std::fs::write(marker, "").ok();
    ///     std::process::abort()
    /// }
    ///
    /// #[pm_runtime::main]
    /// async fn main() -> Result<(), pm_runtime::Error> {
    ///     let marker = std::env::temp_dir().join(format!("marker of {}", std::process::id()));
    ///     let marker = marker.to_str().unwrap_or("marker");
    ///     let pool = FirstTimeBadPool::new();
    ///     assert!(matches!(pool.query(marker).await, Err(QueryError::Crashed(_))));
    ///     assert!(matches!(pool.query(marker).await, Err(QueryError::Quarantined { .. })));
    ///     pool.forgive();
    ///     assert_eq!(pool.query(marker).await, Ok(true));
    ///     # std::fs::remove_file(marker).ok();
    ///     Ok(())
    /// }
    /// ```
    pub fn forgive(&self) {
        if !fork::is_fork() {
            self.inner().change(|state, now| state.core.forgive(now));
        }
    }

    /// What happens in the pool from now on, as a stream.
    pub fn events(&self) -> Events {
        self.inner().events()
    }

    fn inner(&self) -> &Arc<Shared> {
        self.handles.shared()
    }

    /// Asks the policy for something, and waits until it has come.
    async fn wait_for(
        &self,
        ask: impl FnOnce(&mut Core<Arc<Ticket>>, std::time::Instant) -> WaiterId,
    ) -> Result<(), SpawnError> {
        Wish::new(self.inner(), false, |state, now| ask(&mut state.core, now))?.come().await
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("name", &self.name()).finish_non_exhaustive()
    }
}
