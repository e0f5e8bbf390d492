//! For programs without async.

use std::future::Future;

/// Runs a future on this thread until it is ready: for programs without an executor, which start and end
/// their pools with it. A [`Call`](crate::Call) has [`wait`](crate::Call::wait), which is the same.
///
/// Inside an executor await the future instead: this would block one of its threads. Tokio's own
/// futures do not run here, but those of smol do.
///
/// ```
/// use pm_runtime::{block_on, worker_query};
///
/// #[worker_query(workers = 2)]
/// fn double(n: u32) -> u32 {
///     2 * n
/// }
///
/// #[pm_runtime::main]
/// fn main() -> Result<(), pm_runtime::Error> {
///     let pool = DoublePool::new();
///     block_on(pool.start())?; // rather than with the first query
///     assert_eq!(pool.query(21).wait()?, 42);
///     let mut results = pool.map(1..=3).with_inputs();
///     while let Some((n, result)) = block_on(results.next()) {
///         assert_eq!(result?, 2 * n);
///     }
///     block_on(pool.destroy());
///     Ok(())
/// }
/// ```
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    smol::block_on(future)
}
