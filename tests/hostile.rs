//! What callers and workers do when they mean no good, or have bad luck.

use std::time::Duration;

use pm_tests::{Task, WorkPool};
use smol::future::poll_once;

#[pm_runtime::test]
async fn a_late_poll_takes_nothing_from_whoever_leads_now() {
    // Nothing but the answer itself ends a call.
    let pool = WorkPool::builder().boot_timeout(Duration::MAX).timeout(None).build();
    assert_eq!(pool.query(Task::Return(0)).await, Ok(0));
    // Alone, it is to read its answer itself; then it is not, and both are answered.
    let mut late = Box::pin(pool.query(Task::Return(1)));
    assert!(poll_once(&mut late).await.is_none());
    assert_eq!(pool.query(Task::Return(2)).await, Ok(2));
    while pool.health().account.completed < 3 {
        smol::future::yield_now().await;
    }
    // Alone again, it is to read its answer itself.
    let mut alone = Box::pin(pool.query(Task::Return(3)));
    assert!(poll_once(&mut alone).await.is_none());
    assert_eq!(late.await, Ok(1));
    assert_eq!(alone.await, Ok(3));
}
