//! Workers that are told to end, while something else happens to what they share with their pool.

use std::time::Duration;

use futures::future::join_all;
use pm_runtime::fault::{Fault, Faults, When};
use pm_runtime::{QueryError, worker_query};
use pm_tests::{Task, WorkAsyncPool, WorkPool, kill, stop, until};
use rustix::process::Signal;
use smol::future::poll_once;

/// Nothing but their end takes these workers away.
const GRACE: Duration = Duration::MAX;

#[pm_runtime::test]
async fn a_worker_ends_that_finds_what_was_taken_back_and_that_it_is_over() {
    for _ in 0..50 {
        let pool = WorkAsyncPool::builder().grace(GRACE).build();
        pool.spawn(1).await.unwrap();
        let pid = pool.workers()[0].pid();
        stop(pid);
        let mut call = Box::pin(pool.query(Task::Return(1)));
        assert!(poll_once(&mut call).await.is_none());
        drop(call);
        let mut gone = Box::pin(pool.unspawn());
        assert!(poll_once(&mut gone).await.is_none());
        kill(pid, Signal::CONT);
        gone.await;
    }
}

#[pm_runtime::test]
async fn an_idle_worker_that_is_told_to_end_ends() {
    for in_process in [true, false] {
        for _ in 0..if in_process { 1000 } else { 100 } {
            let builder = WorkPool::builder().grace(GRACE);
            let pool = if in_process { builder.in_process() } else { builder }.build();
            assert_eq!(pool.query(Task::Return(1)).await, Ok(1));
            pool.destroy().await;
        }
    }
}

/// Its state is spoiled by a panic in `fail`.
#[derive(Default)]
struct Fragile;

#[worker_query(workers = 1)]
impl Fragile {
    fn fail(&mut self) {
        panic!("half-way");
    }

    fn touch(&mut self) {}
}

/// The same, with a method that makes it async.
#[derive(Default)]
struct FragileAsync;

#[worker_query(workers = 1)]
impl FragileAsync {
    async fn fail(&mut self) {
        panic!("half-way");
    }

    async fn touch(&mut self) {}
}

#[pm_runtime::test]
async fn a_worker_whose_state_is_spoiled_ends_whatever_it_was_handed() {
    for _ in 0..10 {
        let pool = FragilePool::builder().grace(GRACE).build();
        pool.spawn(1).await.unwrap();
        let (failed, touched) = futures::join!(pool.fail(), join_all((0..3).map(|_| pool.touch())));
        assert!(matches!(failed, Err(QueryError::Panicked(_))), "{failed:?}");
        assert_eq!(touched, [Ok(()), Ok(()), Ok(())]);
        pool.destroy().await;

        let pool = FragileAsyncPool::builder().grace(GRACE).build();
        pool.spawn(1).await.unwrap();
        let (failed, touched) = futures::join!(pool.fail(), join_all((0..3).map(|_| pool.touch())));
        assert!(matches!(failed, Err(QueryError::Panicked(_))), "{failed:?}");
        assert_eq!(touched, [Ok(()), Ok(()), Ok(())]);
        pool.destroy().await;
    }
}

#[worker_query(workers = 1, concurrency = 3)]
fn given_up() {}

/// Threads of this process that belong to pools of this name.
fn threads_of(pool: &str) -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let names =
        tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.filter(|name| name.starts_with(pool)).count()
}

#[pm_runtime::test]
async fn the_threads_of_a_worker_that_is_given_up_end() {
    let faults = Faults::seeded(1).with(Fault::Corrupt, When::at(1));
    let pool = GivenUpPool::builder().in_process().max_crashes(None).faults(faults).build();
    let given_up = pool.query().await;
    assert!(matches!(given_up, Err(QueryError::Protocol(_))), "{given_up:?}");
    pool.destroy().await;
    until(|| threads_of("given_up") == 0);
}
