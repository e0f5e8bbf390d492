//! `cpu_limit` of queries.

use std::time::Duration;

use pm_runtime::{Blame, BootError, Exit, Limit, SpawnError, Transport, worker_query};
use pm_tests::until_begun;
use smol::future::poll_once;

use super::{Use, crash, perform};

pub const SECOND: Duration = Duration::from_secs(1);
pub const MET: Blame = Blame::Limit(Limit::Cpu(SECOND));
/// Within the limit. Three times as much is beyond what it may come to, as the system counts whole
/// seconds.
pub const MUCH: Duration = Duration::from_millis(700);

#[worker_query(workers = 1, cpu_limit = "1s", max_crashes = None)]
fn busy(what: Use) -> bool {
    perform(&what)
}

#[worker_query(workers = 1, cpu_limit = "1s", max_crashes = None)]
async fn busy_async(what: Use) -> bool {
    smol::future::yield_now().await;
    match what {
        Use::Nothing => std::future::pending().await,
        what => perform(&what),
    }
}

#[pm_runtime::test]
async fn a_query_that_never_ends_meets_its_limit() {
    for transport in [Transport::Auto, Transport::Socket] {
        let pool = BusyPool::builder().transport(transport).build();
        assert_eq!(pool.query(Use::Nothing).await, Ok(true));
        let report = crash(pool.query(Use::Spin).await.unwrap_err());
        assert_eq!((report.blame, report.exit), (MET, Exit::Signal(libc::SIGXCPU)), "{report}");
        assert_eq!(pool.query(Use::Nothing).await, Ok(true));
        assert_eq!(pool.health().crashes, 1);
    }
}

#[pm_runtime::test]
async fn each_query_of_an_idle_worker_has_the_time_for_itself() {
    let pool = BusyPool::new();
    let concurrent = BusyAsyncPool::builder().transport(Transport::Socket).build();
    for _ in 0..3 {
        assert_eq!(pool.query(Use::Work(MUCH)).await, Ok(true));
        assert_eq!(concurrent.query(Use::Work(MUCH)).await, Ok(true));
    }
    assert_eq!((pool.health().restarts, concurrent.health().restarts), (0, 0));
}

#[pm_runtime::test]
async fn in_a_worker_that_is_never_idle_nobody_answers_for_what_others_have_used() {
    for transport in [Transport::Auto, Transport::Socket] {
        let pool = BusyAsyncPool::builder().transport(transport).build();
        let mut waits = Box::pin(pool.query(Use::Nothing));
        assert_eq!(poll_once(&mut waits).await, None);
        until_begun(&pool, 1).await;
        // Each of them is within the limit, and all of them are not.
        for _ in 0..3 {
            assert_eq!(pool.query(Use::Work(MUCH)).await, Ok(true));
        }
        let report = crash(pool.query(Use::Spin).await.unwrap_err());
        assert_eq!((report.blame, report.running.len()), (MET, 2), "{report}");
        assert_eq!(crash(waits.await.unwrap_err()), report);
    }
}

fn warm_up() {
    perform(&Use::Work(3 * MUCH));
}

#[worker_query(workers = 1, init = warm_up, cpu_limit = "1s", boot_timeout = None)]
fn warm() {}

#[pm_runtime::test]
async fn what_comes_before_the_queries_has_no_limit() {
    assert_eq!(WarmPool::new().query().await, Ok(()));
}

#[pm_runtime::test]
async fn a_limit_that_the_system_cannot_count_is_a_mistake() {
    for time in [Duration::ZERO, Duration::from_millis(1500)] {
        let pool = BusyPool::builder().cpu_limit(time).build();
        match pool.spawn(1).await {
            Err(SpawnError::Boot(BootError::Option { option, .. })) => {
                assert_eq!(&*option, "cpu_limit");
            }
            other => panic!("{other:?}"),
        }
    }
}

#[pm_runtime::test]
async fn none_is_no_limit() {
    let pool = BusyPool::builder().cpu_limit(None).build();
    assert_eq!(pool.query(Use::Work(3 * MUCH)).await, Ok(true));
}
