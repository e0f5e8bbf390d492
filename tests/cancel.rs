//! `cancel = "kill"`: dropping a running query that cannot be dropped in its worker.

use std::path::Path;
use std::time::Duration;

use pm_runtime::{BootError, Cancel, Event, Events, Pool, QueryError, worker_query};
use pm_tests::{Folder, Task, WorkAsyncPool, WorkPool, is_alive, until, until_begun};
use smol::future::poll_once;

#[worker_query(workers = 1, cancel = "kill")]
fn killed(task: Task) -> u64 {
    match task {
        Task::Spin => loop {
            std::hint::spin_loop();
        },
        Task::Pid => u64::from(std::process::id()),
        _ => 0,
    }
}

#[derive(Default)]
struct Tally(u64);

#[worker_query(cancel = "kill")]
impl Tally {
    fn add(&mut self, n: u64) -> u64 {
        self.0 += n;
        self.0
    }

    fn stall(&mut self) {
        self.0 += 1000;
        loop {
            std::hint::spin_loop();
        }
    }

    async fn stall_async(&mut self) {
        self.0 += 1000;
        std::future::pending().await
    }

    async fn wait(&self) {
        std::future::pending().await
    }
}

/// The first event that tells what became of a worker.
async fn end_of_worker(events: &mut Events) -> Event {
    loop {
        match events.next().await {
            Some(Event::Spawned { .. } | Event::Ready { .. }) => {}
            Some(event) => return event,
            None => panic!("the pool is still there"),
        }
    }
}

/// Cancels a call once its query runs.
async fn cancel_running<T: Send + 'static>(pool: &Pool, call: pm_runtime::Call<T>) {
    let running = smol::spawn(call);
    until(|| pool.health().account.running == 1);
    assert!(running.cancel().await.is_none());
}

#[pm_runtime::test]
async fn a_running_query_dies_with_its_worker_which_is_replaced_and_no_crash() {
    let pool = KilledPool::new();
    let pid = pool.query(Task::Pid).await.unwrap() as u32;
    let mut events = pool.events();
    cancel_running(&pool, pool.query(Task::Spin)).await;
    let event = end_of_worker(&mut events).await;
    assert!(matches!(event, Event::Cancelled { worker: 1, .. }), "{event:?}");
    assert!(!is_alive(pid));
    assert_ne!(pool.query(Task::Pid).await, Ok(u64::from(pid)));
    let health = pool.health();
    assert_eq!((health.crashes, health.detached, health.in_flight), (0, 0, 0));
    let account = health.account;
    assert_eq!((account.submitted, account.completed, account.cancelled), (3, 2, 1));
}

#[pm_runtime::test]
async fn no_other_query_dies_of_it() {
    let pool = KilledPool::builder().max_crashes(0).build();
    for _ in 0..200 {
        // Before it begins, while it runs, or when it has been answered.
        let mut call = pool.query(Task::Return(1));
        let _ = poll_once(&mut call).await;
        let mut next = pool.query(Task::Return(2));
        let early = poll_once(&mut next).await;
        drop(call);
        let answer = match early {
            Some(answer) => answer,
            None => next.await,
        };
        assert_eq!(answer, Ok(0));
    }
    let health = pool.health();
    assert_eq!(health.crashes, 0);
    assert!(health.account.balances());
}

#[pm_runtime::test]
async fn it_kills_as_often_as_it_is_asked_to() {
    let pool = KilledPool::builder().max_crashes(0).build();
    for _ in 0..4 {
        cancel_running(&pool, pool.query(Task::Spin)).await;
        assert_eq!(pool.query(Task::Return(1)).await, Ok(0));
    }
    assert_eq!(pool.health().crashes, 0);
}

#[pm_runtime::test]
async fn the_worker_of_a_temporary_query_is_killed_alone() {
    let pool = KilledPool::new();
    let pid = pool.query(Task::Pid).await.unwrap();
    let mut events = pool.events();
    cancel_running(&pool, pool.query(Task::Spin).temporary()).await;
    let event = end_of_worker(&mut events).await;
    assert!(matches!(event, Event::Cancelled { worker: 2, .. }), "{event:?}");
    assert_eq!(pool.query(Task::Pid).await, Ok(pid));
}

#[pm_runtime::test]
async fn a_service_loses_its_state_with_what_was_changing_it() {
    let pool = TallyPool::new();
    assert_eq!(pool.add(1).await, Ok(1));
    cancel_running(&pool, pool.stall()).await;
    assert_eq!(pool.add(2).await, Ok(2));
    // Async or not, it cannot be dropped half-way.
    cancel_running(&pool, pool.stall_async()).await;
    assert_eq!(pool.add(3).await, Ok(3));
    assert_eq!(pool.health().crashes, 0);
}

#[pm_runtime::test]
async fn what_can_be_dropped_is_dropped_and_nobody_dies() {
    let pool = TallyPool::new();
    assert_eq!(pool.add(1).await, Ok(1));
    cancel_running(&pool, pool.wait()).await;
    assert_eq!(pool.add(1).await, Ok(2), "the same state");
    let pool = WorkAsyncPool::builder().cancel(Cancel::Kill).build();
    let pid = pool.query(Task::Pid).await;
    cancel_running(&pool, pool.query(Task::Sleep(Duration::from_secs(3600)))).await;
    // What is only dropped may have company.
    let both = [Task::Sleep(Duration::from_secs(3600)), Task::Sleep(Duration::from_secs(3600))]
        .map(|task| smol::spawn(pool.query(task)));
    until_begun(&pool, 4).await;
    assert_eq!(pool.query(Task::Pid).await, pid);
    drop(both);
}

#[pm_runtime::test]
async fn in_a_service_that_kills_nothing_runs_beside_another() {
    let pool = TallyPool::new();
    assert_eq!(pool.add(1).await, Ok(1));
    let waiting = smol::spawn(pool.wait());
    until(|| pool.health().account.running == 1);
    let mut behind = pool.add(1);
    assert!(poll_once(&mut behind).await.is_none());
    assert_eq!(pool.health().account.running, 1);
    drop(waiting);
    assert_eq!(behind.await, Ok(2));
}

#[pm_runtime::test]
async fn a_thread_is_left_to_itself() {
    let pool = WorkPool::builder().in_process().cancel(Cancel::Kill).build();
    let folder = Folder::new("left-alone");
    let (begun, go_on) = (folder.file("begun"), folder.file("go"));
    let mut events = pool.events();
    let stuck = Task::Rendezvous { begun: begun.clone(), go_on: go_on.clone() };
    cancel_running(&pool, pool.query(stuck)).await;
    let event = end_of_worker(&mut events).await;
    assert!(matches!(event, Event::Cancelled { worker: 1, .. }), "{event:?}");
    assert!(Path::new(&begun).exists());
    assert_eq!(pool.query(Task::Return(1)).await, Ok(1), "by another thread");
    std::fs::write(go_on, "").unwrap();
}

#[pm_runtime::test]
async fn whoever_wants_company_for_what_is_killed_is_told_so() {
    for pool in [
        KilledPool::builder().concurrency(2).build(),
        KilledPool::builder().cancel(Cancel::Detach).concurrency(2).cancel(Cancel::Kill).build(),
    ] {
        match pool.query(Task::Return(1)).await {
            Err(QueryError::Boot(BootError::Option { option, reason })) => {
                assert_eq!(&*option, "cancel");
                assert!(reason.contains("concurrency"), "{reason}");
            }
            other => panic!("{other:?}"),
        }
    }
    let both = KilledPool::builder().cancel(Cancel::Detach).concurrency(2).build();
    assert_eq!(both.query(Task::Return(1)).await, Ok(0));
}
