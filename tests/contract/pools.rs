//! What every pool can do.

use pm_runtime::{Account, Event, QueryError, Worker, WorkerState, worker_query};

#[worker_query(workers = 2)]
fn pid() -> u32 {
    std::process::id()
}

#[pm_runtime::test]
async fn workers_come_and_go_as_they_are_told() -> Result<(), pm_runtime::Error> {
    let pool = PidPool::new();
    assert!(pool.acquire().is_none());
    pool.spawn(2).await?;
    pool.spawn(1).await?; // raises only
    assert_eq!(pool.workers().len(), 2);
    let one: Worker = pool.spawn_one().await?;
    assert_eq!(pool.workers().len(), 3);
    pool.unspawn_one(&one).await;
    let before: Vec<_> = pool.workers().iter().map(Worker::pid).collect();
    pool.respawn().await?;
    assert!(pool.workers().iter().all(|worker| !before.contains(&worker.pid())));
    pool.respawn_to(3).await?;
    assert_eq!(pool.workers().len(), 3);
    pool.resize(1).await?;
    assert_eq!(pool.workers().len(), 1);
    pool.unspawn().await;
    assert!(pool.workers().is_empty());
    pool.query().await?; // starts workers again
    pool.destroy().await;
    assert_eq!(pool.query().await, Err(QueryError::Destroyed));
    Ok(())
}

#[pm_runtime::test]
async fn a_worker_tells_of_itself() -> Result<(), pm_runtime::Error> {
    let pool = PidPool::new();
    pool.spawn(1).await?;
    let worker = pool.acquire().unwrap();
    assert_eq!((worker.id(), worker.load(), worker.state()), (1, 0, WorkerState::Idle));
    assert_eq!(pool.query().on(&worker).await?, worker.pid());
    let health = worker.health().unwrap();
    assert_eq!((health.id, health.pid, health.queries), (1, worker.pid(), 1));
    assert!(health.age <= worker.age());
    Ok(())
}

#[pm_runtime::test]
async fn a_pool_tells_of_itself() -> Result<(), pm_runtime::Error> {
    let pool = PidPool::new();
    assert_eq!(pool.name(), "pid");
    let mut events = pool.events();
    pool.query().await?;
    let health = pool.health();
    assert_eq!((health.queued, health.in_flight, health.crashes), (0, 0, 0));
    let Account { submitted, completed, failed, cancelled, rejected, waiting, running, .. } =
        health.account;
    assert_eq!(submitted, completed + failed + cancelled + rejected + waiting + running);
    assert_eq!(completed, 1);
    assert!(matches!(events.next().await, Some(Event::Spawned { worker: 1, .. })));
    Ok(())
}
