//! Calls that are given up or forgotten on their way.

use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use futures::FutureExt;
use pm_runtime::{QueryError, worker_query};
use pm_tests::{Folder, Task, WorkPool, until};
use smol::future::{poll_once, yield_now};

use super::{Held, current_thread, multi_thread};

/// Waits for ever; the folder tells that it began, and that it was dropped.
#[worker_query(workers = 1)]
async fn watched(folder: &Path) {
    let _dropped = Dropped(folder);
    std::fs::write(folder.join("begun"), "").unwrap();
    std::future::pending().await
}

struct Dropped<'a>(&'a Path);

impl Drop for Dropped<'_> {
    fn drop(&mut self) {
        std::fs::write(self.0.join("dropped"), "").unwrap();
    }
}

/// The same, but for how it takes its drop.
#[worker_query(workers = 1)]
async fn watched_and_touchy(folder: &Path) {
    struct Touchy;
    impl Drop for Touchy {
        fn drop(&mut self) {
            panic!("not like this");
        }
    }
    let _touchy = Touchy;
    std::fs::write(folder.join("begun"), "").unwrap();
    std::future::pending().await
}

/// Returns when the query of that folder has begun.
async fn begun(folder: &Path) {
    while !folder.join("begun").exists() {
        yield_now().await;
    }
}

#[pm_runtime::test]
async fn dropped_before_its_first_poll_it_was_never_submitted() {
    let pool = WorkPool::new();
    drop(pool.query(Task::Abort));
    assert_eq!(pool.query(Task::Return(1)).await, Ok(1));
    assert_eq!(pool.health().account.submitted, 1);
}

#[pm_runtime::test]
async fn dropped_before_it_begins_it_never_runs() {
    let pool = WorkPool::new();
    let held = Held::new(&pool, "waiting");
    let folder = Folder::new("never-begun");
    // More than a worker is handed ahead: some are in the queue, others in the worker.
    let mut calls: Vec<_> = (0..40)
        .map(|call| {
            let begun = folder.file(&call.to_string());
            pool.query(Task::Rendezvous { begun, go_on: folder.file("") })
        })
        .collect();
    for call in &mut calls {
        assert!(poll_once(call).await.is_none());
    }
    let health = pool.health();
    assert!(health.queued > 0 && health.in_flight > 1, "{health:?}");
    drop(calls);
    let account = pool.health().account;
    assert_eq!((account.cancelled, account.waiting, account.running), (40, 0, 1));
    // Those in the worker are on their way back.
    until(|| pool.health().in_flight == 1);
    held.let_go().await;
    assert_eq!(pool.query(Task::Return(1)).await, Ok(1));
    for call in 0..40 {
        assert!(!Path::new(&folder.file(&call.to_string())).exists(), "{call} began");
    }
    assert!(pool.health().account.balances());
}

#[pm_runtime::test]
async fn dropped_while_it_runs_a_sync_query_goes_on_detached() {
    let pool = WorkPool::new();
    let held = Held::new(&pool, "detached");
    let worker = pool.workers()[0].pid();
    let Held { folder, call } = held;
    assert!(call.cancel().await.is_none());
    let health = pool.health();
    assert_eq!((health.detached, health.account.cancelled, health.account.running), (1, 1, 0));
    let next = smol::spawn(pool.query(Task::Pid));
    std::fs::write(folder.file("go"), "").unwrap();
    // The same worker serves on, and nobody gets the answer of the other.
    assert_eq!(next.await, Ok(u64::from(worker)));
    let health = pool.health();
    assert_eq!((health.detached, health.account.completed, health.crashes), (0, 1, 0));
    assert!(health.account.balances());
}

#[pm_runtime::test]
async fn dropped_while_it_runs_an_async_query_is_dropped_in_its_worker() {
    let pool = WatchedPool::new();
    let folders = [Folder::new("dropped-1"), Folder::new("dropped-2")];
    let paths = folders.each_ref().map(|folder| folder.file(""));
    let [one, other] = paths.each_ref().map(Path::new);
    let dropped = smol::spawn(pool.query(one));
    let kept = smol::spawn(pool.query(other));
    begun(one).await;
    begun(other).await;
    until(|| pool.health().account.running == 2);
    let worker = pool.workers()[0].pid();
    assert!(dropped.cancel().await.is_none());
    until(|| one.join("dropped").exists());
    assert!(!other.join("dropped").exists());
    let health = pool.health();
    assert_eq!((health.account.cancelled, health.account.running), (1, 1));
    drop(kept);
    until(|| other.join("dropped").exists());
    until(|| pool.health().in_flight == 0);
    let health = pool.health();
    assert_eq!((health.detached, health.crashes, health.workers[0].pid), (0, 0, worker));
}

#[pm_runtime::test]
async fn a_query_that_panics_when_it_is_dropped_is_dropped_all_the_same() {
    for pool in [WatchedAndTouchyPool::new(), WatchedAndTouchyPool::in_process()] {
        let folders = [Folder::new("touchy-1"), Folder::new("touchy-2"), Folder::new("touchy-3")];
        let paths = folders.each_ref().map(|folder| folder.file(""));
        let [one, other, late] = paths.each_ref().map(Path::new);
        let dropped = smol::spawn(pool.query(one));
        let beside = smol::spawn(pool.query(other));
        begun(one).await;
        begun(other).await;
        until(|| pool.health().account.running == 2);
        assert!(dropped.cancel().await.is_none());
        until(|| pool.health().in_flight == 1);
        // In time, as far as its worker is concerned, which is not killed for it.
        let error = pool.query(late).timeout(Duration::from_millis(10)).await.unwrap_err();
        assert!(matches!(error, QueryError::TimedOut { worker: 1, .. }), "{error}");
        until(|| pool.health().in_flight == 1);
        let health = pool.health();
        assert_eq!((health.detached, health.crashes, health.workers[0].id), (0, 0, 1));
        assert_eq!(health.account.running, 1, "what ran beside them");
        drop(beside);
    }
}

#[pm_runtime::test]
async fn dropped_with_its_answer_unread_it_is_completed() {
    let pool = WorkPool::new();
    let held = Held::new(&pool, "unread");
    let mut call = pool.query(Task::Return(1));
    assert!(poll_once(&mut call).await.is_none());
    held.let_go().await;
    until(|| pool.health().account.completed == 2);
    drop(call);
    let account = pool.health().account;
    assert_eq!((account.submitted, account.completed, account.cancelled), (2, 2, 0));
}

#[pm_runtime::test]
async fn dropped_when_it_is_over_it_changes_nothing() {
    let pool = WorkPool::new();
    let mut call = pool.query(Task::Return(1));
    assert_eq!((&mut call).await, Ok(1));
    let before = pool.health().account;
    drop(call);
    assert_eq!(pool.health().account, before);
}

#[pm_runtime::test]
async fn dropped_while_its_pool_is_destroyed_it_is_cancelled() {
    let pool = WorkPool::new();
    let held = Held::new(&pool, "destroyed");
    let mut call = pool.query(Task::Return(1));
    assert!(poll_once(&mut call).await.is_none());
    let mut destroyed = Box::pin(pool.destroy());
    assert!(poll_once(&mut destroyed).await.is_none());
    drop(call);
    held.let_go().await;
    destroyed.await;
    let account = pool.health().account;
    assert_eq!((account.submitted, account.completed, account.cancelled), (2, 1, 1));
}

#[pm_runtime::test]
fn a_timer_of_the_callers_own_cancels_on_every_executor() {
    /// Gives the query up a moment after it has begun.
    async fn give_up(pool: &WatchedPool, name: &str, timer: impl AsyncFnOnce(Duration)) -> Folder {
        let folder = Folder::new(name);
        let path = folder.file("");
        futures::select! {
            answer = pool.query(Path::new(&path)) => unreachable!("{answer:?}"),
            () = async {
                begun(Path::new(&path)).await;
                timer(Duration::from_millis(1)).await;
            }.fuse() => {}
        }
        folder
    }
    let pool = WatchedPool::new();
    let smol_timer = async |time| {
        smol::Timer::after(time).await;
    };
    let tokio_timer = async |time| tokio::time::sleep(time).await;
    let folders = [
        smol::block_on(give_up(&pool, "smol", smol_timer)),
        futures::executor::block_on(give_up(&pool, "futures", smol_timer)),
        multi_thread().block_on(give_up(&pool, "multi-thread", tokio_timer)),
        current_thread().block_on(give_up(&pool, "current-thread", tokio_timer)),
    ];
    for folder in &folders {
        until(|| Path::new(&folder.file("dropped")).exists());
    }
    let account = pool.health().account;
    assert_eq!((account.submitted, account.cancelled), (4, 4));
}

#[pm_runtime::test]
fn a_timeout_of_tokio_cancels() {
    let pool = WorkPool::builder().grace(Duration::ZERO).build();
    current_thread().block_on(async {
        let timeout = tokio::time::timeout(Duration::from_millis(1), pool.query(Task::Spin));
        assert!(timeout.await.is_err());
    });
    let account = pool.health().account;
    assert_eq!((account.submitted, account.cancelled, account.failed), (1, 1, 0));
}

/// Polls a call once, and forgets that it ever was.
async fn leak<T>(mut call: pm_runtime::Call<T>) {
    // A quick worker may have answered by then.
    let _ = poll_once(&mut call).await;
    std::mem::forget(call);
}

#[pm_runtime::test]
fn calls_that_are_leaked_stall_nobody_on_any_executor() {
    async fn leak_beside_others(pool: WorkPool) {
        for round in 0..20 {
            leak(pool.query(Task::Return(0))).await;
            let calls = (0..5).map(|call| pool.query(Task::Return(round * 5 + call)));
            let answers = futures::future::join_all(calls).await;
            let expected: Vec<_> = (0..5).map(|call| Ok(round * 5 + call)).collect();
            assert_eq!(answers, expected);
            leak(pool.query(Task::Return(0))).await;
        }
        assert_eq!(pool.query(Task::Return(7)).await, Ok(7));
        until(|| pool.health().account.completed == 20 * 7 + 1);
        assert_eq!(pool.health().account.submitted, 20 * 7 + 1);
    }
    /// On an executor, and with a queue that has hardly any place.
    fn on(run: impl FnOnce(std::pin::Pin<&mut dyn Future<Output = ()>>)) {
        let pool = WorkPool::builder().queue(1).build();
        run(std::pin::pin!(leak_beside_others(pool)));
    }
    on(|leaking| smol::block_on(leaking));
    on(|leaking| futures::executor::block_on(leaking));
    on(|leaking| multi_thread().block_on(leaking));
    on(|leaking| current_thread().block_on(leaking));
}

#[pm_runtime::test]
async fn a_call_that_is_leaked_in_the_queue_is_answered_to_nobody() {
    let pool = WorkPool::builder().queue(2).build();
    let held = Held::new(&pool, "leaked");
    for _ in 0..40 {
        leak(pool.query(Task::Return(0))).await;
    }
    let error = pool.query(Task::Return(1)).immediate().await;
    assert_eq!(error, Err(QueryError::QueueFull));
    held.let_go().await;
    assert_eq!(pool.query(Task::Return(2)).await, Ok(2));
    let account = pool.health().account;
    assert_eq!((account.submitted, account.completed, account.rejected), (43, 42, 1));
}

/// What an executor keeps of a task.
struct Kept;

impl Wake for Kept {
    fn wake(self: Arc<Self>) {}
}

#[pm_runtime::test]
async fn a_detached_run_keeps_nothing_of_its_caller() {
    let pool = WorkPool::new();
    let kept = Arc::new(Kept);
    let mut call = Box::pin(pool.query(Task::Spin));
    let waker = Waker::from(kept.clone());
    assert!(call.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    drop(waker);
    until(|| pool.health().account.running == 1);
    drop(call);
    assert_eq!(pool.health().detached, 1);
    assert_eq!(Arc::strong_count(&kept), 1, "its task is gone, whenever the query ends");
    pool.workers().iter().for_each(|worker| {
        let pid = rustix::process::Pid::from_raw(worker.pid() as i32).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    });
}

/// Whichever call looks for the answers of all: the others get theirs when it is gone.
#[pm_runtime::test]
fn callers_that_leave_keep_no_answer_from_others() {
    let pool = WorkPool::builder().workers(2).build();
    let asks = |first: u64| {
        let pool = &pool;
        async move {
            for number in first..first + 300 {
                let mut call = Box::pin(pool.query(Task::Return(number)));
                let answer = match number % 50 {
                    0 => {
                        let polled = poll_once(&mut call).await;
                        std::mem::forget(call);
                        polled
                    }
                    odd if odd % 2 == 1 => poll_once(&mut call).await,
                    _ => Some(call.await),
                };
                assert!(answer.is_none_or(|answer| answer == Ok(number)));
                let pair = futures::join!(
                    pool.query(Task::Return(number)),
                    pool.query(Task::Return(number + 1)),
                );
                assert_eq!(pair, (Ok(number), Ok(number + 1)));
            }
        }
    };
    std::thread::scope(|scope| {
        for first in [0, 1000, 2000] {
            let asks = &asks;
            scope.spawn(move || smol::future::block_on(asks(first)));
        }
        scope.spawn(|| multi_thread().block_on(asks(3000)));
    });
    assert!(pool.health().account.balances());
}
