//! The end of all pools of the process.

mod attention;
mod hub;
mod signal;

pub use hub::shutdown_on_signals;
pub use signal::{ShutdownSignal, Signal, shutdown_signal};

use crate::pool::{Wish, heard, undestroyed};

/// How often pools are looked for that were made while others ended: a program that never stops
/// making them must not keep this from ending.
const ROUNDS: usize = 16;

/// Ends every pool of this process, all at once, each within its own `grace`, and waits for it:
/// what was submitted is still served, as [`Pool::destroy`](crate::Pool::destroy) does it. Pools
/// whose last handle was dropped, and which end in the background, are waited for too.
///
/// Pools that are made meanwhile are ended in turn, several times over. Afterwards calls on old
/// handles fail with [`Destroyed`](crate::QueryError::Destroyed); a pool that is made then, and
/// `shared()` of any, works as ever. Once it was polled, the pools end even if this is dropped. In
/// a forked child, which has none of its parent's workers, nothing happens.
///
/// ```
/// use pm_runtime::{QueryError, worker_query};
///
/// #[worker_query(workers = 1)]
/// fn double(n: u32) -> u32 {
///     2 * n
/// }
///
/// #[pm_runtime::main]
/// async fn main() -> Result<(), pm_runtime::Error> {
///     let pool = DoublePool::new();
///     assert_eq!(pool.query(21).await?, 42);
///     pm_runtime::shutdown().await;
///     assert_eq!(pool.query(21).await, Err(QueryError::Destroyed));
///     assert_eq!(DoublePool::new().query(21).await?, 42);
///     Ok(())
/// }
/// ```
pub async fn shutdown() {
    for round in 0..ROUNDS {
        let pools = undestroyed();
        if pools.is_empty() {
            if round == 0 {
                // Of those that are gone already there may be something to tell.
                heard().await;
            }
            return;
        }
        // It fails where the system refuses what only workers need: then there are none.
        let wishes: Vec<Wish> = pools.iter().flat_map(Wish::destroy).collect();
        drop(pools);
        for wish in wishes {
            // It has no way to fail.
            let _ = wish.come().await;
        }
        heard().await;
    }
}
