//! Where a pool's workers live: in processes of their own or, where those are switched off, in
//! threads of this one.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use super::shared::{Seat, State};
use crate::child::Home;
use crate::options::Options;
use crate::supervisor::WorkerId;

static DISABLED: AtomicBool = AtomicBool::new(false);

/// Switches worker processes off, or on again, for this process: for debuggers, and for places
/// where no process can be started.
///
/// A pool that is first used (by a query, `spawn` or the like) while they are off has threads of
/// this process for its workers, as one that was made
/// [`in_process`](crate::PoolBuilder::in_process), and keeps to that when they are on again. A pool
/// that was used before keeps its processes, and starts more as it needs them. `.force()` on the
/// [builder](crate::PoolBuilder::force), on [`spawn`](crate::Spawn::force) or on a
/// [call](crate::Call::force) overrides it for its pool.
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
///     pm_runtime::set_disabled(false);
///     assert!(pool.health().workers[0].in_process);
///     assert_ne!(PidPool::new().query().await?, std::process::id());
///     Ok(())
/// }
/// ```
pub fn set_disabled(disabled: bool) {
    DISABLED.store(disabled, Ordering::SeqCst);
}

impl State {
    /// The pool is used; `forced`: what is asked for needs processes.
    pub(super) fn settle_home(&mut self, options: &Options, forced: bool, now: Instant) {
        let forced = forced || options.force;
        let home = match self.home {
            _ if options.in_process => Home::Thread,
            _ if forced => Home::Process,
            Some(home) => home,
            None if DISABLED.load(Ordering::SeqCst) => Home::Thread,
            None => Home::Process,
        };
        if self.home.replace(home).is_some_and(|old| old != home) {
            self.core.rehouse(now);
        }
    }

    /// Whether a worker is, or will be, a thread of this process.
    pub(super) fn is_in_process(&self, id: WorkerId) -> bool {
        match self.seats.get(&id) {
            Some(Seat::Taken(worker)) => worker.pid().is_none(),
            Some(Seat::Launching { .. }) | None => self.home == Some(Home::Thread),
        }
    }
}
