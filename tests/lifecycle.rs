//! Sizes, releases, replacements, and the end.

use std::time::Duration;

use pm_runtime::fault::{Fault, Faults, When};
use pm_runtime::{CrashCause, Event, QueryError, SpawnError, WorkerState};
use pm_tests::{
    Folder, Task, WorkAsyncPool, WorkPool, is_alive, until, until_begun, until_submitted,
};

fn pids(pool: &WorkPool) -> Vec<u32> {
    pool.workers().iter().map(pm_runtime::Worker::pid).collect()
}

#[pm_runtime::test]
async fn spawn_raises_and_never_lowers() {
    let pool = WorkPool::new();
    assert!(pool.workers().is_empty(), "nobody has asked for anything");
    pool.spawn(2).await.unwrap();
    assert_eq!(pool.health().idle, 2);
    pool.spawn(1).await.unwrap();
    assert_eq!(pool.health().idle, 2);
    let worker = pool.spawn_one().await.unwrap();
    assert_eq!((worker.id(), worker.state(), worker.load()), (3, WorkerState::Idle, 0));
    assert_eq!(pool.workers().len(), 3);
}

#[pm_runtime::test]
async fn unspawn_waits_for_what_runs_and_a_query_starts_workers_again() {
    let folder = Folder::new("unspawn");
    let (begun, go_on) = (folder.file("begun"), folder.file("go"));
    let pool = WorkPool::builder().workers(2).build();
    pool.spawn(2).await.unwrap();
    let before = pids(&pool);
    let call =
        smol::spawn(pool.query(Task::Rendezvous { begun: begun.clone(), go_on: go_on.clone() }));
    until(|| std::path::Path::new(&begun).exists());
    let unspawn = smol::spawn({
        let pool = pool.clone();
        async move { pool.unspawn().await }
    });
    while pool.workers().len() > 1 {
        smol::future::yield_now().await;
    }
    assert_eq!(pool.health().releasing, 1);
    std::fs::write(go_on, "").unwrap();
    assert_eq!(call.await, Ok(0));
    unspawn.await;
    assert!(pool.workers().is_empty());
    assert!(before.iter().all(|pid| !is_alive(*pid)));
    assert_eq!(pool.query(Task::Return(3)).await, Ok(3));
    assert_eq!(pool.health().crashes, 0);
}

#[pm_runtime::test]
async fn what_runs_beyond_the_grace_is_released() {
    let pool = WorkPool::builder().grace(Duration::from_millis(100)).build();
    let mut events = pool.events();
    let call = smol::spawn(pool.query(Task::Spin));
    until_begun(&pool, 1).await;
    pool.unspawn().await;
    let error = call.await.unwrap_err();
    assert_eq!(error, QueryError::Released);
    assert!(error.is_retryable());
    // It is told what was lost, and it is no crash.
    let report = loop {
        match events.next().await {
            Some(Event::Killed(report)) => break report,
            Some(Event::Spawned { .. } | Event::Ready { .. }) => {}
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(report.cause, CrashCause::Grace(Duration::from_millis(100)));
    assert_eq!(report.running.len(), 1);
    assert_eq!((pool.health().deaths, pool.health().crashes), (0, 0));
}

#[pm_runtime::test]
async fn unspawn_one_makes_the_pool_smaller() {
    let pool = WorkPool::new();
    pool.spawn(2).await.unwrap();
    let worker = pool.acquire().unwrap();
    pool.unspawn_one(&worker).await;
    assert_eq!(worker.state(), WorkerState::Gone);
    assert_eq!(pool.workers().len(), 1);
    // Again, and of another pool: nothing happens.
    pool.unspawn_one(&worker).await;
    WorkPool::new().unspawn_one(&pool.acquire().unwrap()).await;
    assert_eq!(pool.query(Task::Return(1)).await, Ok(1));
    assert_eq!(pool.workers().len(), 1);
}

#[pm_runtime::test]
async fn respawn_replaces_every_worker_and_loses_nothing() {
    let pool = WorkPool::builder().workers(2).build();
    pool.spawn(2).await.unwrap();
    let before = pids(&pool);
    let calls: Vec<_> =
        (0..4).map(|_| smol::spawn(pool.query(Task::Sleep(Duration::from_millis(30))))).collect();
    pool.respawn().await.unwrap();
    for call in calls {
        assert_eq!(call.await, Ok(0));
    }
    let after = pids(&pool);
    assert_eq!(after.len(), 2);
    assert!(after.iter().all(|pid| !before.contains(pid)));
    pool.respawn_to(3).await.unwrap();
    assert_eq!(pool.health().idle, 3);
    pool.respawn_to(1).await.unwrap();
    assert_eq!(pool.workers().len(), 1);
}

#[pm_runtime::test]
async fn a_respawn_that_fails_leaves_the_old_workers() {
    // Every worker that is started from the third on exits before it is ready.
    let pool = WorkPool::builder()
        .faults(Faults::seeded(1).with(Fault::ExitAtBoot(70), When::at(1).in_workers(3..)))
        .build();
    pool.spawn(2).await.unwrap();
    let before = pids(&pool);
    match pool.respawn().await.unwrap_err() {
        SpawnError::Boot(error) => println!("{error}"),
        other => panic!("{other}"),
    }
    // Another replacement may be on its way out.
    let idle = |worker: &pm_runtime::Worker| worker.state() == WorkerState::Idle;
    let after: Vec<u32> =
        pool.workers().iter().filter(|worker| idle(worker)).map(pm_runtime::Worker::pid).collect();
    assert_eq!(after, before);
    assert_eq!(pool.query(Task::Return(1)).await, Ok(1));
}

#[pm_runtime::test]
async fn resize_goes_both_ways() {
    let pool = WorkPool::new();
    pool.resize(3).await.unwrap();
    assert_eq!(pool.health().idle, 3);
    pool.resize(1).await.unwrap();
    assert_eq!(pool.workers().len(), 1);
    pool.resize(0).await.unwrap();
    assert!(pool.workers().is_empty());
    assert_eq!(pool.query(Task::Return(1)).await, Ok(1));
}

#[pm_runtime::test]
async fn destroy_serves_what_waits() {
    let pool = WorkPool::new();
    let calls: Vec<_> = (0..40).map(|i| smol::spawn(pool.query(Task::Return(i)))).collect();
    until_submitted(&pool, 40).await;
    pool.destroy().await;
    for (i, call) in calls.into_iter().enumerate() {
        assert_eq!(call.await, Ok(i as u64));
    }
    assert_eq!(pool.query(Task::Return(1)).await, Err(QueryError::Destroyed));
    assert_eq!(pool.spawn(1).await, Err(SpawnError::Destroyed));
    pool.destroy().await;
}

#[pm_runtime::test]
async fn the_last_handle_ends_the_pool_and_a_pending_call_is_a_handle() {
    let pool = WorkPool::new();
    let mut events = pool.events();
    let worker = pool.spawn_one().await.unwrap();
    let pid = worker.pid();
    let call = pool.query(Task::Return(4));
    drop(pool);
    assert_eq!(call.await, Ok(4));
    // The call was the last handle. A worker and the events are none.
    while let Some(event) = events.next().await {
        if matches!(event, Event::Released { .. }) {
            break;
        }
    }
    until(|| !is_alive(pid));
    assert_eq!(worker.state(), WorkerState::Gone);
}

#[pm_runtime::test]
async fn a_dropped_call_is_cancelled_wherever_it_is() {
    let folder = Folder::new("cancel");
    let (begun, go_on) = (folder.file("begun"), folder.file("go"));
    let pool = WorkPool::builder().workers(1).build();
    let task = Task::Rendezvous { begun, go_on: go_on.clone() };
    let mut running = Box::pin(pool.query(task));
    assert!(smol::future::poll_once(&mut running).await.is_none());
    until_begun(&pool, 1).await;
    // Handed ahead, and then waiting in the queue.
    let mut calls: Vec<_> = (0..40).map(|i| Box::pin(pool.query(Task::Return(i)))).collect();
    for call in &mut calls {
        assert!(smol::future::poll_once(call).await.is_none());
    }
    let health = pool.health();
    assert!(health.queued > 0 && health.in_flight > 1, "{health:?}");
    drop(calls);
    let account = pool.health().account;
    assert_eq!((account.cancelled, account.waiting), (40, 0));
    // Running: it goes on, detached, and is nobody's any more.
    drop(running);
    let health = pool.health();
    assert_eq!((health.detached, health.account.running, health.account.cancelled), (1, 0, 41));
    std::fs::write(go_on, "").unwrap();
    assert_eq!(pool.query(Task::Return(9)).await, Ok(9));
    let health = pool.health();
    assert_eq!((health.detached, health.in_flight), (0, 0));
    assert!(health.account.balances());
}

#[pm_runtime::test]
async fn a_detached_run_keeps_its_timeout() {
    let pool = WorkPool::new();
    let mut spinning = Box::pin(pool.query(Task::Spin).timeout(Duration::from_millis(100)));
    assert!(smol::future::poll_once(&mut spinning).await.is_none());
    until_begun(&pool, 1).await;
    drop(spinning);
    assert_eq!(pool.query(Task::Return(9)).await, Ok(9), "in another worker");
    assert_eq!(pool.health().detached, 0);
}

#[pm_runtime::test]
async fn a_cancelled_async_query_is_dropped_in_its_worker() {
    let pool = WorkAsyncPool::builder().concurrency(1).build();
    let long = smol::spawn(pool.query(Task::Sleep(Duration::from_secs(3600))));
    until_begun(&pool, 1).await;
    long.cancel().await;
    // With a concurrency of one this needs its place.
    assert_eq!(pool.query(Task::Return(2)).await, Ok(2));
    assert_eq!(pool.health().detached, 0);
}

#[pm_runtime::test]
async fn events_tell_a_life() {
    let pool = WorkPool::new();
    let mut events = pool.events();
    pool.query(Task::Return(1)).await.unwrap();
    let _ = pool.query(Task::Abort).await;
    pool.query(Task::Return(1)).await.unwrap();
    pool.destroy().await;
    // They end with the pool, whoever still holds a handle.
    let mut names = Vec::new();
    while let Some(event) = events.next().await {
        names.push(match event {
            Event::Spawned { worker, .. } => format!("spawned {worker}"),
            Event::Ready { worker, .. } => format!("ready {worker}"),
            Event::Crashed(report) => format!("crashed {}", report.worker),
            Event::Released { worker, .. } => format!("released {worker}"),
            other => format!("{other:?}"),
        });
    }
    let life = ["spawned 1", "ready 1", "crashed 1", "spawned 2", "ready 2", "released 2"];
    assert_eq!(names, life);
}

#[pm_runtime::test]
async fn in_process_pools_behave_alike() {
    let pool = WorkPool::in_process();
    assert_eq!(pool.query(Task::Pid).await, Ok(u64::from(std::process::id())));
    assert!(matches!(pool.query(Task::OddPanic).await, Err(QueryError::Panicked(_))));
    let long = pool.query(Task::Sleep(Duration::from_secs(5)));
    let error = long.timeout(Duration::from_millis(50)).await.unwrap_err();
    assert!(matches!(error, QueryError::TimedOut { .. }), "{error}");
    assert_eq!(pool.query(Task::Return(1)).await, Ok(1), "another thread");
    pool.respawn().await.unwrap();
    assert_eq!(pool.query(Task::Return(2)).await, Ok(2));
    pool.destroy().await;
    assert!(pool.health().account.balances());
}
