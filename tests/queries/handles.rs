//! What the typed handle of a pool is, and what its calls are.

use std::error::Error;
use std::fmt::Debug;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use pm_runtime::{Call, Pool, PoolBuilder, QueryError, worker_query};
use serde::{Deserialize, Serialize};

/// Doubles a number.
#[worker_query(workers = 1)]
pub fn double(number: u32) -> u32 {
    number * 2
}

/// The process that runs it.
#[worker_query(workers = 1)]
fn process() -> u32 {
    std::process::id()
}

#[worker_query(workers = 1)]
async fn process_async() -> u32 {
    std::process::id()
}

/// A struct of the application's that holds all that is generated.
struct Application {
    builder: DoublePoolBuilder,
    pool: Arc<DoublePool>,
    call: Call<u32>,
}

#[pm_runtime::test]
async fn queries_run_in_another_process() {
    let here = std::process::id();
    assert_eq!(process(), here);
    let (pool, async_pool) = (ProcessPool::new(), ProcessAsyncPool::new());
    let there = pool.query().await.unwrap();
    let elsewhere = async_pool.query().await.unwrap();
    assert!(there != here && elsewhere != here && there != elsewhere);
    assert_eq!(pool.workers()[0].pid(), there);
    assert_eq!(async_pool.workers()[0].pid(), elsewhere);
}

#[pm_runtime::test]
async fn in_process_is_the_same_handle_over_a_thread() {
    let here = std::process::id();
    let pools = [ProcessPool::in_process(), ProcessPool::builder().in_process().build()];
    for pool in pools {
        assert_eq!(pool.query().await, Ok(here));
    }
    assert_eq!(ProcessAsyncPool::in_process().query().await, Ok(here));
}

#[test]
fn the_function_stays_callable() {
    assert_eq!(double(21), 42);
    let function: fn(u32) -> u32 = double;
    assert_eq!(function(1), 2);
}

#[test]
fn handles_and_calls_have_the_traits_of_a_handle_and_of_a_future() {
    fn handle<T: Clone + Debug + Default + Send + Sync + Unpin + 'static>() {}
    fn builder<T: Clone + Debug + Send + Sync + 'static>() {}
    fn call<T: Future + Debug + Send + Unpin + 'static>() {}
    fn message<T: Serialize + for<'de> Deserialize<'de>>() {}
    handle::<DoublePool>();
    handle::<ProcessAsyncPool>();
    builder::<DoublePoolBuilder>();
    builder::<PoolBuilder<DoublePool>>();
    call::<Call<u32>>();
    message::<DoubleRequest>();
    message::<DoubleResponse>();
}

#[pm_runtime::test]
async fn everything_that_is_generated_can_be_named_and_kept() {
    let builder: DoublePoolBuilder = DoublePool::builder();
    let pool = Arc::new(builder.clone().build());
    let application = Application { builder, call: pool.query(4), pool };
    assert_eq!(application.call.await, Ok(8));
    assert_eq!(application.pool.query(5).await, Ok(10));
    assert_eq!(application.builder.workers(2).build().query(6).await, Ok(12));
}

#[pm_runtime::test]
async fn a_handle_is_a_face_of_the_untyped_pool() {
    fn crashes(pool: &Pool) -> (String, u64) {
        (pool.name().to_owned(), pool.health().crashes)
    }
    let pool = DoublePool::new();
    assert_eq!(crashes(&pool), ("double".into(), 0));
    let untyped: Pool = (*pool).clone();
    pool.query(1).await.unwrap();
    assert_eq!(untyped.health().account.completed, 1);
    assert!(format!("{pool:?}").contains("double"), "{pool:?}");
}

#[pm_runtime::test]
async fn clones_are_one_pool_and_defaults_are_another() {
    let pool = DoublePool::default();
    let clone = pool.clone();
    assert_eq!(clone.query(1).await, Ok(2));
    assert_eq!(pool.health().account.completed, 1);
    assert_eq!(DoublePool::default().health().account.submitted, 0);
    pool.destroy().await;
    assert_eq!(clone.query(1).await, Err(QueryError::Destroyed));
}

#[pm_runtime::test]
async fn a_pool_that_nobody_asks_starts_nothing() {
    let pool = ProcessPool::new();
    drop(pool.query());
    assert!(pool.workers().is_empty());
    assert_eq!(pool.health().account.submitted, 0);
}

#[pm_runtime::test]
async fn a_call_outlives_its_handle() {
    let call = DoublePool::new().query(7);
    assert_eq!(call.await, Ok(14));
}

#[pm_runtime::test]
fn handles_and_calls_move_between_threads() {
    let pool = DoublePool::new();
    let call = pool.query(1);
    let there = thread::spawn(move || (call.wait(), pool.query(2).wait(), pool));
    let (one, two, pool) = there.join().unwrap();
    assert_eq!((one, two, pool.query(3).wait()), (Ok(2), Ok(4), Ok(6)));
    thread::scope(|scope| {
        let threads = [10, 11].map(|number| {
            scope.spawn({
                let pool = &pool;
                move || pool.query(number).wait()
            })
        });
        assert_eq!(threads.map(|thread| thread.join().unwrap()), [Ok(20), Ok(22)]);
    });
}

/// Its option needs another pool.
#[worker_query(workers = usize::from(ProcessPool::shared().name() == "process"))]
fn depend() {}

#[pm_runtime::test]
fn whoever_asks_at_once_shares_one_pool_and_its_options_may_ask_for_another() {
    let start = Barrier::new(8);
    let pids: Vec<u32> = thread::scope(|scope| {
        let ask = || {
            start.wait();
            DependPool::shared().query().wait().unwrap();
            ProcessPool::shared().query().wait().unwrap()
        };
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(ask)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(pids, [pids[0]; 8]);
    assert_eq!(DependPool::shared().health().account.completed, 8);
}

#[pm_runtime::test]
async fn a_call_is_set_up_before_it_is_awaited() {
    let pool = DoublePool::new();
    let call = pool.query(1).timeout(Duration::from_secs(60)).queue_timeout(None).immediate();
    assert_eq!(call.await, Ok(2));
    let call = pool.query(2).timeout(None).queue_timeout(Duration::from_secs(60));
    assert_eq!(call.await, Ok(4));
}

#[pm_runtime::test]
async fn a_call_that_is_over_stays_over() {
    let pool = DoublePool::new();
    let mut call = pool.query(1);
    assert_eq!((&mut call).await, Ok(2));
    assert_eq!((&mut call).await, Err(QueryError::Cancelled));
    let account = pool.health().account;
    assert_eq!((account.submitted, account.completed), (1, 1));
    assert!(account.balances());
}

#[pm_runtime::test]
async fn a_test_may_return_a_result() -> Result<(), Box<dyn Error>> {
    assert_eq!(DoublePool::new().query(1).await?, 2);
    Ok(())
}

#[pm_runtime::test]
fn a_test_that_is_no_async_function_may_return_a_result() -> Result<(), pm_runtime::Error> {
    assert_eq!(DoublePool::new().query(1).wait()?, 2);
    Ok(())
}

#[pm_runtime::test]
#[should_panic(expected = "after 2")]
async fn a_test_may_be_one_that_panics() {
    panic!("after {}", DoublePool::new().query(1).await.unwrap());
}

#[pm_runtime::test]
#[tokio::test(flavor = "current_thread")]
async fn a_test_may_stand_above_that_of_another_executor() {
    tokio::task::yield_now().await;
    assert_eq!(DoublePool::new().query(1).await, Ok(2));
}

#[tokio::test]
#[pm_runtime::test]
async fn a_test_may_stand_below_that_of_another_executor() {
    tokio::task::yield_now().await;
    assert_eq!(DoublePool::new().query(1).await, Ok(2));
}
