//! A pool that has nothing to do uses no CPU at all.

use std::time::Duration;

use pm_runtime::Transport;
use pm_tests::{RawEchoPool, Task, WorkAsyncPool, WorkPool, children_of, switches};

const FAR_AWAY: Duration = Duration::from_secs(3600);

/// The counters are of the kernel, so they may be read as rarely as one likes: the time between
/// the two readings is what the claim is about.
#[pm_runtime::test]
fn no_thread_of_idle_pools_and_workers_wakes_within_ten_seconds() {
    // A deadline that nothing depends on any more is forgotten when it comes: a wake-up for each
    // pool, once, that long after its last query. Here it does not come.
    let work = || WorkPool::builder().boot_timeout(FAR_AWAY);
    let work_async = || WorkAsyncPool::builder().boot_timeout(FAR_AWAY);
    let pools = [
        work().workers(2).build(),
        work().transport(Transport::Socket).build(),
        work().in_process().build(),
    ];
    let asynchronous = [
        work_async().build(),
        work_async().transport(Transport::Socket).build(),
        #[cfg(feature = "tokio")]
        work_async().runtime(pm_runtime::Runtime::Tokio).build(),
    ];
    let echoes = || RawEchoPool::builder().boot_timeout(FAR_AWAY);
    let raw = [
        echoes().build(),
        echoes().transport(Transport::Socket).build(),
        echoes().in_process().build(),
    ];
    for pool in &pools {
        pool.on_crash(|_| ());
    }
    for _ in 0..100 {
        for pool in &pools {
            assert_eq!(pool.query(Task::Return(7)).wait(), Ok(7));
        }
        for pool in &asynchronous {
            assert_eq!(pool.query(Task::Return(7)).wait(), Ok(7));
        }
    }
    for pool in &raw {
        smol::block_on(async {
            let worker = pool.spawn_one().await.unwrap();
            for _ in 0..100 {
                worker.send("x").await.unwrap();
                assert_eq!(worker.recv().await.unwrap().as_deref(), Some(&b"x"[..]));
            }
        });
    }
    let this = std::process::id();
    let mut processes = children_of(this);
    let workers = 3 + asynchronous.len() + 2;
    assert_eq!(
        processes.len(),
        workers,
        "2, 1, none; 1 for each async pool; of raw ones 1, 1, none"
    );
    processes.push(this);
    // What queries leave behind ends: looking for the next one, memory that is kept for it.
    let mut before = switches(&processes);
    for _ in 0..20 {
        std::thread::sleep(Duration::from_secs(1));
        let now = switches(&processes);
        if now == before {
            break;
        }
        before = now;
    }
    std::thread::sleep(Duration::from_secs(10));
    let woken: Vec<_> = switches(&processes)
        .into_iter()
        .filter(|(thread, count)| before.get(thread) != Some(count))
        .collect();
    assert!(woken.is_empty(), "{woken:#?} of {before:#?}");
}
