//! Workers that are started before they are needed.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::shared::State;
use super::{Pool, Wish};
use crate::error::SpawnError;

/// The start of workers, not yet asked for: what [`Pool::spawn`] makes. A future, which asks when
/// it is first polled; dropping it ends the wait, and the workers start all the same.
#[must_use = "nothing is started until it is awaited"]
pub struct Spawn {
    pool: Pool,
    workers: usize,
    forced: bool,
    asked: Option<Asked>,
}

/// The wait for what was asked for.
type Asked = Pin<Box<dyn Future<Output = Result<(), SpawnError>> + Send>>;

impl Spawn {
    pub(super) fn new(pool: Pool, workers: usize) -> Self {
        Self { pool, workers, forced: false, asked: None }
    }

    /// Starts processes even where [`set_disabled`](crate::set_disabled) has put the pool's workers
    /// into threads: that is over for this pool then. The threads end what they run, and whatever
    /// begins from now on begins in a process. A pool that was made
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
    ///     pool.spawn(2).force().await?;
    ///     assert_ne!(pool.query().await?, std::process::id());
    ///     Ok(())
    /// }
    /// ```
    pub fn force(mut self) -> Self {
        self.forced = true;
        self
    }
}

impl Future for Spawn {
    type Output = Result<(), SpawnError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { pool, workers, forced, asked } = &mut *self;
        let wish = match asked {
            Some(wish) => wish,
            None => {
                let ask = |state: &mut State, now| state.core.spawn(*workers, now);
                match Wish::new(pool.inner(), *forced, ask) {
                    Ok(wish) => asked.insert(Box::pin(wish.come())),
                    Err(error) => return Poll::Ready(Err(error)),
                }
            }
        };
        let result = wish.as_mut().poll(cx);
        if result.is_ready() {
            // Whoever polls on asks again.
            *asked = None;
        }
        result
    }
}

impl fmt::Debug for Spawn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spawn")
            .field("pool", &self.pool)
            .field("workers", &self.workers)
            .finish_non_exhaustive()
    }
}
