//! Queries that use pools of their own.

use std::sync::OnceLock;

use pm_runtime::{BootError, QueryError, SpawnError, worker_query};
use pm_tests::{Task, WorkPool, children_of, is_alive, kill, until};
use rustix::process::Signal;

#[worker_query(workers = 1)]
fn double(number: u32) -> u32 {
    number * 2
}

/// Waits for another pool.
#[worker_query(workers = 1)]
fn quadruple(number: u32) -> Result<u32, String> {
    let twice = DoublePool::new().query(number).wait().map_err(|error| error.to_string())?;
    DoublePool::new().query(twice).wait().map_err(|error| error.to_string())
}

/// Awaits another pool, many times at once.
#[worker_query(workers = 1)]
async fn sum_of_doubles(most: u32) -> Result<u32, String> {
    let pool = DoublePool::builder().workers(2).build();
    let calls = (1..=most).map(|number| pool.query(number));
    let answers = futures::future::try_join_all(calls).await;
    answers.map(|answers| answers.iter().sum()).map_err(|error| error.to_string())
}

/// Keeps a pool for as long as its worker lives, and tells its worker's process.
#[worker_query(workers = 1)]
fn keep() -> u32 {
    static KEPT: OnceLock<WorkPool> = OnceLock::new();
    let pool = KEPT.get_or_init(WorkPool::new);
    pool.query(Task::Pid).wait().unwrap() as u32
}

/// Asks its own pool, and returns how deep that went.
#[worker_query(workers = 1)]
fn descend(levels: u32) -> Result<u32, BootError> {
    match levels {
        0 => Ok(0),
        levels => deeper(DescendPool::new().query(levels - 1).wait()),
    }
}

#[worker_query(workers = 1)]
async fn descend_async(levels: u32) -> Result<u32, BootError> {
    match levels {
        0 => Ok(0),
        levels => deeper(DescendAsyncPool::new().query(levels - 1).await),
    }
}

#[worker_query(workers = 1)]
fn descend_here(levels: u32) -> Result<u32, BootError> {
    match levels {
        0 => Ok(0),
        levels => deeper(DescendHerePool::in_process().query(levels - 1).wait()),
    }
}

#[worker_query(workers = 1)]
async fn descend_here_async(levels: u32) -> Result<u32, BootError> {
    match levels {
        0 => Ok(0),
        levels => deeper(DescendHereAsyncPool::in_process().query(levels - 1).await),
    }
}

/// Asks its own pool from below, where every one has a worker of its own.
#[worker_query(workers = 4)]
fn descend_shared(levels: u32) -> Result<u32, BootError> {
    match levels {
        0 => Ok(0),
        levels => deeper(DescendSharedPool::shared().query(levels - 1).wait()),
    }
}

fn deeper(answer: Result<Result<u32, BootError>, QueryError>) -> Result<u32, BootError> {
    match answer {
        Ok(answer) => answer.map(|levels| levels + 1),
        Err(QueryError::Boot(error)) => Err(error),
        Err(error) => panic!("{error}"),
    }
}

/// Starts a worker of its own pool as deep as that goes.
#[worker_query(workers = 1)]
fn spawn_deep() -> Result<(), BootError> {
    let pool = SpawnDeepPool::new();
    match smol::block_on(pool.spawn(1)) {
        Ok(()) => pool.query().wait().unwrap(),
        Err(SpawnError::Boot(error)) => Err(error),
        Err(error) => panic!("{error}"),
    }
}

#[pm_runtime::test]
async fn a_query_may_use_another_pool() {
    let pool = QuadruplePool::new();
    assert_eq!(pool.query(3).await, Ok(Ok(12)));
    assert_eq!(pool.query(4).await, Ok(Ok(16)));
    let pool = SumOfDoublesPool::new();
    assert_eq!(pool.query(100).await, Ok(Ok(10_100)));
    let both = futures::join!(pool.query(1), pool.query(2));
    assert_eq!(both, (Ok(Ok(2)), Ok(Ok(6))));
}

#[pm_runtime::test]
async fn a_query_in_process_may_use_another_pool() {
    assert_eq!(QuadruplePool::in_process().query(3).await, Ok(Ok(12)));
    assert_eq!(SumOfDoublesPool::in_process().query(3).await, Ok(Ok(12)));
}

#[pm_runtime::test]
async fn pools_of_a_worker_die_with_it() {
    let pool = KeepPool::new();
    let nested = pool.query().await.unwrap();
    let worker = pool.workers()[0].pid();
    assert!(is_alive(nested) && children_of(worker).contains(&nested));
    kill(worker, Signal::KILL);
    until(|| !is_alive(nested));
    // And so do those of a worker that is released.
    let nested = pool.query().await.unwrap();
    assert!(is_alive(nested));
    pool.destroy().await;
    until(|| !is_alive(nested));
}

#[pm_runtime::test]
async fn pools_may_be_nested_three_deep() {
    assert_eq!(DescendPool::new().query(2).await, Ok(Ok(2)));
    assert_eq!(DescendAsyncPool::new().query(2).await, Ok(Ok(2)));
}

#[pm_runtime::test]
async fn a_query_that_uses_its_own_pool_is_an_error_and_no_fork_bomb() {
    let too_deep = Err(BootError::TooDeep { depth: 3 });
    let pool = DescendPool::new();
    assert_eq!(pool.query(u32::MAX).await, Ok(too_deep.clone()));
    assert_eq!((pool.workers().len(), pool.health().crashes), (1, 0));
    let pool = DescendAsyncPool::new();
    assert_eq!(pool.query(u32::MAX).await, Ok(too_deep));
    assert_eq!((pool.workers().len(), pool.health().crashes), (1, 0));
}

#[pm_runtime::test]
async fn nor_is_it_a_bomb_of_threads_where_workers_are_threads() {
    let too_deep = Err(BootError::TooDeep { depth: 3 });
    assert_eq!(DescendHerePool::in_process().query(u32::MAX).await, Ok(too_deep.clone()));
    assert_eq!(DescendHereAsyncPool::in_process().query(u32::MAX).await, Ok(too_deep));
    assert_eq!(DescendHerePool::in_process().query(2).await, Ok(Ok(2)));
}

#[pm_runtime::test]
async fn a_shared_pool_is_no_deeper_for_whoever_asks_for_it_first() {
    let pool = DescendSharedPool::builder().in_process().build();
    let shared = pool.query(1).await;
    assert_eq!(shared, Ok(Ok(1)), "the thread made it");
    assert_eq!(DescendSharedPool::shared().query(2).await, Ok(Ok(2)), "as deep as from here");
    DescendSharedPool::shared().destroy().await;
}

#[pm_runtime::test]
async fn a_query_that_uses_the_pool_that_all_share_has_one_in_each_of_its_workers() {
    let too_deep = Err(BootError::TooDeep { depth: 3 });
    let pool = DescendSharedPool::new();
    assert_eq!(pool.query(2).await, Ok(Ok(2)));
    assert_eq!(pool.query(u32::MAX).await, Ok(too_deep));
    assert_eq!(pool.health().crashes, 0);
}

#[pm_runtime::test]
async fn a_worker_that_would_be_too_deep_is_not_spawned() {
    let too_deep = BootError::TooDeep { depth: 3 };
    assert!(too_deep.is_permanent() && !QueryError::Boot(too_deep.clone()).is_retryable());
    assert_eq!(SpawnDeepPool::new().query().await, Ok(Err(too_deep)));
}
