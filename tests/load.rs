//! Many of everything: what grows, and whether the account balances.

use std::time::Duration;

use pm_tests::{Task, WorkPool, open_descriptors, until};
use smol::lock::Mutex;
use smol::stream::StreamExt;

/// What counts the descriptors of the process wants it for itself.
static ALONE: Mutex<()> = Mutex::new(());

fn memory_maps() -> usize {
    std::fs::read_to_string("/proc/self/maps").unwrap().lines().count()
}

#[pm_runtime::test]
async fn a_thousand_spawns_leave_nothing_behind() {
    let _alone = ALONE.lock().await;
    let pool = WorkPool::builder().workers(4).build();
    // Once, so that everything that is made once is made.
    pool.spawn(4).await.unwrap();
    pool.unspawn().await;
    let before = (open_descriptors(), memory_maps());
    for _ in 0..250 {
        pool.spawn(4).await.unwrap();
        pool.unspawn().await;
    }
    // The last ones may be closed a moment after the last worker is told to be gone.
    until(|| open_descriptors() <= before.0);
    let after = memory_maps();
    // An allocator may keep a few more.
    assert!(after <= before.1 + 8, "memory maps: {} before, {after} after", before.1);
    assert!(pm_tests::children_of(std::process::id()).is_empty(), "zombies");
}

#[pm_runtime::test]
async fn a_million_queries_and_the_account_balances() {
    const QUERIES: u64 = 1_000_000;
    let _alone = ALONE.lock().await;
    let pool = WorkPool::builder().workers(2).build();
    let mut sum = 0;
    let mut answers = futures::StreamExt::buffer_unordered(
        smol::stream::iter((0..QUERIES).map(|i| pool.query(Task::Return(i)))),
        64,
    );
    while let Some(answer) = answers.next().await {
        sum += answer.unwrap();
    }
    assert_eq!(sum, QUERIES * (QUERIES - 1) / 2);
    let account = pool.health().account;
    assert_eq!((account.submitted, account.completed), (QUERIES, QUERIES));
    assert!(account.balances());
}

/// Whoever reads a worker's link in passing must not leave another reader asleep beside what it
/// took: with so long a `boot_timeout` such a query would wait for good.
#[pm_runtime::test]
fn callers_on_many_threads_wait_for_nothing_but_their_answers() {
    let _alone = ALONE.lock_blocking();
    for _ in 0..100 {
        let pool = WorkPool::builder().workers(2).boot_timeout(Duration::from_secs(3600)).build();
        let start = std::sync::Barrier::new(8);
        std::thread::scope(|scope| {
            for thread in 0..8 {
                let (pool, start) = (&pool, &start);
                scope.spawn(move || {
                    start.wait();
                    for i in thread * 100..thread * 100 + 50 {
                        assert_eq!(pool.query(Task::Return(i)).wait(), Ok(i));
                    }
                });
            }
        });
    }
}
