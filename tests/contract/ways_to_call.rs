//! A call is a future, and what can be said of it before it is awaited.

use std::future::Future;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use pm_runtime::{Call, QueryError, Retry, worker_query};
use serde::{Deserialize, Serialize};

use super::queries::{EncounterPool, EncounterResult, input};

#[worker_query(workers = 2)]
fn add(a: u32, b: u32) -> u32 {
    a + b
}

#[worker_query(workers = 2)]
fn pid() -> u32 {
    std::process::id()
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Trouble {
    Busy,
    Gone,
}

#[worker_query(workers = 1)]
fn fail(gone: bool) -> Result<(), Trouble> {
    Err(if gone { Trouble::Gone } else { Trouble::Busy })
}

#[pm_runtime::test]
async fn a_call_is_a_future_itself() {
    fn is_future<T>(call: Call<T>) -> impl Future<Output = Result<T, QueryError>> {
        call
    }
    let pool = AddPool::new();
    assert_eq!(is_future(pool.query(1, 2)).await, Ok(3));
    assert_eq!(futures::join!(pool.query(1, 1), pool.query(2, 2)), (Ok(2), Ok(4)));
    let (mut first, mut second) = (pool.query(3, 3), pool.query(3, 3));
    let either = futures::select! { sum = first => sum, sum = second => sum };
    assert_eq!(either, Ok(6));
    let all: FuturesUnordered<_> = (0..10).map(|n| pool.query(n, n)).collect();
    let sum = all.fold(0, async |sum, answer| sum + answer.unwrap()).await;
    assert_eq!(sum, 90);
}

#[pm_runtime::test]
fn a_call_is_driven_by_any_executor() {
    let pool = AddPool::new();
    assert_eq!(smol::block_on(pool.query(1, 2)), Ok(3));
    assert_eq!(futures::executor::block_on(pool.query(1, 2)), Ok(3));
    let tokio = tokio::runtime::Builder::new_multi_thread().build().unwrap();
    assert_eq!(tokio.block_on(pool.query(1, 2)), Ok(3));
    assert_eq!(pool.query(1, 2).wait(), Ok(3));
}

#[pm_runtime::test]
async fn before_it_is_awaited_a_call_is_told_how_it_goes() {
    let (minute, pool) = (Duration::from_secs(60), AddPool::new());
    assert_eq!(pool.query(1, 2).timeout(minute).queue_timeout(minute).await, Ok(3));
    assert_eq!(pool.query(1, 2).immediate().await, Ok(3));
    assert_eq!(pool.try_query(1, 2).await, Ok(3));
    let pool = PidPool::new();
    let worker = pool.spawn_one().await.unwrap();
    assert_eq!(pool.query().on(&worker).await, Ok(worker.pid()));
    assert_eq!(pool.query().key("a").await, pool.query().key("a").await);
    let workers: Vec<_> = pool.workers().iter().map(|worker| worker.pid()).collect();
    for own in [pool.query().temporary().await, pool.query_temporary().await] {
        assert!(!workers.contains(&own.unwrap()));
    }
    pool.unspawn_one(&worker).await;
    assert_eq!(pool.query().on(&worker).await, Err(QueryError::WorkerGone));
}

#[pm_runtime::test]
async fn a_map_takes_endless_inputs_and_keeps_their_order() {
    let pool = EncounterPool::new();
    let levels: Vec<u32> = pool
        .map((1..).map(input))
        .map(|result: Result<EncounterResult, QueryError>| result.unwrap().level)
        .take(20)
        .collect()
        .await;
    assert!(levels.into_iter().eq(2..22));
    let pool = AddPool::new();
    let mut sums: Vec<_> = pool.map((0..9).map(|n| (n, n))).unordered().collect().await;
    sums.sort_by_key(|sum| sum.clone().unwrap());
    assert!(sums.into_iter().eq((0..9).map(|n| Ok(2 * n))));
}

#[pm_runtime::test]
async fn errors_of_the_application_are_retried_as_a_policy_says() {
    let (pool, short) = (FailPool::new(), Duration::from_micros(1));
    let policy = || {
        let policy = Retry::times(2).retry_if(|trouble| *trouble == Trouble::Busy);
        policy.backoff(short, short)
    };
    assert_eq!(pool.query(true).retry(policy()).await, Ok(Err(Trouble::Gone)));
    assert_eq!(pool.health().account.completed, 1);
    assert_eq!(pool.query(false).retry(policy()).await, Ok(Err(Trouble::Busy)));
    assert_eq!(pool.health().account.completed, 4);
}

#[pm_runtime::test]
async fn the_shared_pool_is_one_until_it_is_destroyed() {
    let pool = PidPool::shared();
    pool.query().await.unwrap();
    assert_eq!(PidPool::shared().health().account.completed, 1);
    pool.destroy().await;
    assert_eq!(pool.query().await, Err(QueryError::Destroyed));
    assert!(PidPool::shared().query().await.is_ok());
}
