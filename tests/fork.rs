//! Handles in a fork of the process that has the pool: its threads and its workers are not there,
//! and whatever another thread had locked stays so for ever.
#![allow(unsafe_code, reason = "forks")]

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use pm_runtime::{
    Event, ExecError, QueryError, Retry, SpawnError, StreamError, TrySendError, WorkerState, exec,
    metrics, shell, shutdown_signal, worker_query,
};
use pm_tests::{EchoPool, Folder, Task, WorkPool, until_begun};
use smol::future::{block_on, poll_once};
use smol::stream::StreamExt;

#[worker_query(workers = 1)]
fn fail() -> Result<(), ()> {
    Err(())
}

/// Runs this in a fork; whether it was `true` there. It touches nothing that another thread may
/// have locked but the allocator, which glibc and musl make usable, and these pools; so it waits
/// with a `block_on` that has nothing in common with other threads.
fn in_a_fork(run: impl FnOnce() -> bool) -> bool {
    // SAFETY: the child has this thread only, keeps to the above, and ends without unwinding.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let held = run();
        // SAFETY: it ends the process.
        unsafe { libc::_exit(if held { 0 } else { 1 }) };
    }
    let mut status = 0;
    // SAFETY: the pointer is valid for writes.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    status == 0
}

#[pm_runtime::test]
fn it_can_do_nothing_to_the_workers_of_its_parent() {
    let pool = WorkPool::new();
    let pid = pool.query(Task::Pid).wait().unwrap();
    let folder = Folder::new("forked");
    let go_on = folder.file("go");
    let task = Task::Rendezvous { begun: folder.file("begun"), go_on: go_on.clone() };
    let mut begun = Some(Box::pin(pool.query(task)));
    assert!(block_on(poll_once(begun.as_mut().unwrap())).is_none());
    let mut pool = Some(pool);
    let all = in_a_fork(|| {
        let (Some(pool), Some(begun)) = (pool.take(), begun.take()) else { return false };
        let forked = |answer| matches!(answer, Err(QueryError::Forked));
        let refused = |result| matches!(result, Err(SpawnError::Boot(_)));
        pool.on_spawn(|_| std::process::abort());
        block_on(async {
            pool.unspawn().await;
            pool.destroy().await;
        });
        forked(block_on(begun))
            && forked(pool.query(Task::Return(1)).wait())
            && forked(pool.query_temporary(Task::Return(1)).wait())
            && refused(block_on(pool.spawn(2)))
            && refused(block_on(pool.spawn_one()).map(drop))
            && refused(block_on(pool.respawn()))
            && refused(block_on(pool.resize(0)))
            && forked(WorkPool::new().query(Task::Return(1)).wait())
    });
    assert!(all, "every use of a handle fails in the fork");
    std::fs::write(go_on, "").unwrap();
    assert_eq!(begun.map(smol::block_on), Some(Ok(0)));
    assert_eq!(pool.map(|pool| pool.query(Task::Pid).wait()), Some(Ok(pid)), "the same worker");
}

#[pm_runtime::test]
fn what_waits_for_something_when_its_process_forks_does_not_wait_in_the_fork() {
    let (pool, retrying) = (WorkPool::new(), FailPool::new());
    let folder = Folder::new("waits");
    let go_on = folder.file("go");
    let task = Task::Rendezvous { begun: folder.file("begun"), go_on: go_on.clone() };
    let mut call = Box::pin(pool.query(task));
    assert!(block_on(poll_once(&mut call)).is_none());
    block_on(until_begun(&pool, 1));
    let hours = Duration::from_secs(3600);
    let policy = Retry::times(1).backoff(hours, hours);
    let mut pausing = Some(Box::pin(retrying.query().retry(policy)));
    while retrying.health().account.completed < 1 {
        assert!(block_on(poll_once(pausing.as_mut().unwrap())).is_none());
    }
    let mut spawn = Some(Box::pin(pool.spawn(1)));
    let mut gone = Some(Box::pin(pool.unspawn()));
    let mut signal = Some(Box::pin(shutdown_signal()));
    assert!(block_on(poll_once(gone.as_mut().unwrap())).is_none());
    let _ = block_on(poll_once(spawn.as_mut().unwrap()));
    assert!(block_on(poll_once(signal.as_mut().unwrap())).is_none());
    let none_waits = in_a_fork(|| {
        let (Some(pausing), Some(spawn)) = (pausing.take(), spawn.take()) else { return false };
        let (Some(gone), Some(signal)) = (gone.take(), signal.take()) else { return false };
        block_on(gone);
        block_on(spawn).is_err()
            && block_on(signal).is_err()
            && block_on(pausing) == Err(QueryError::Forked)
    });
    assert!(none_waits);
    std::fs::write(go_on, "").unwrap();
    assert_eq!(block_on(call), Ok(0));
    block_on(gone.unwrap());
}

#[pm_runtime::test]
fn what_it_sees_of_a_pool_is_one_without_workers_whatever_was_locked() {
    let pool = WorkPool::new();
    pool.query(Task::Pid).wait().unwrap();
    let worker = pool.acquire().unwrap();
    let mut events = pool.events();
    let over = AtomicBool::new(false);
    std::thread::scope(|threads| {
        // So that some of the forks find each of the locks held.
        for _ in 0..2 {
            threads.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    pool.health();
                    drop(pool.events());
                }
            });
        }
        threads.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                drop(WorkPool::new());
            }
        });
        let held = (0..200).all(|_| {
            in_a_fork(|| {
                let health = pool.health();
                let nobody = pool.acquire().is_none() && pool.workers().is_empty();
                let gone = worker.state() == WorkerState::Gone
                    && worker.load() == 0
                    && worker.debug_text().is_none()
                    && worker.health().is_none();
                let end_of = |mut events: pm_runtime::Events| {
                    let next: Option<Event> = block_on(events.next());
                    next.is_none()
                };
                let ends = end_of(pool.events()) && end_of(events.clone());
                let results = block_on(pool.map([Task::Pid]).collect::<Vec<_>>());
                drop(WorkPool::shared());
                health.workers.is_empty()
                    && health.account.balances()
                    && nobody
                    && gone
                    && ends
                    && results == [Err(QueryError::Forked)]
                    && pm_runtime::pools().is_empty()
            })
        });
        over.store(true, Ordering::Relaxed);
        assert!(held);
    });
    assert!(block_on(poll_once(events.next())).is_none(), "nothing has happened");
    assert_eq!(pool.health().idle, 1);
}

#[pm_runtime::test]
fn a_command_is_neither_run_nor_killed_in_a_fork() {
    let folder = Folder::new("command");
    let go_on = folder.file("go");
    let script = "until [ -e $FILE ]; do :; done; echo hello";
    let mut command = Some(Box::pin(shell(script).env("FILE", &go_on)));
    assert!(block_on(poll_once(command.as_mut().unwrap())).is_none());
    let all = in_a_fork(|| {
        let Some(mut command) = command.take() else { return false };
        let forked = |result| matches!(result, Err(ExecError::Forked));
        let polled = forked(block_on(command.as_mut()));
        drop(command);
        polled && forked(exec(["true"]).wait()) && forked(block_on(shell("true")))
    });
    assert!(all, "every use of a command fails in the fork");
    std::fs::write(go_on, "").unwrap();
    assert_eq!(
        command.map(|command| block_on(command).unwrap().stdout().into_owned()),
        Some("hello\n".into())
    );
}

#[pm_runtime::test]
fn a_stream_says_nothing_in_a_fork() {
    let pool = EchoPool::new();
    let mut open = Some(block_on(pool.create_stream()).unwrap());
    let mut halves = Some(block_on(pool.create_stream()).unwrap().split());
    let all = in_a_fork(|| {
        let (Some(mut echo), Some((mut sender, mut receiver))) = (open.take(), halves.take())
        else {
            return false;
        };
        let forked = |result| matches!(result, Err(StreamError::Forked));
        let tried = |result| matches!(result, Err(TrySendError::Stream(StreamError::Forked)));
        let is_over = |next| matches!(next, Some(Err(StreamError::Forked)));
        forked(block_on(pool.create_stream()).map(drop))
            && forked(block_on(echo.send(1)))
            && tried(echo.try_send(1))
            && echo.is_closed()
            && forked(block_on(echo.finish()))
            && is_over(block_on(echo.next()))
            && forked(block_on(sender.finish()))
            && sender.is_closed()
            && is_over(block_on(receiver.next()))
    });
    assert!(all, "every use of a handle fails in the fork");
    let (mut sender, mut receiver) = halves.unwrap();
    block_on(async {
        sender.send(2).await.unwrap();
        assert_eq!(receiver.next().await, Some(Ok(2)));
        let mut echo = open.unwrap();
        echo.send(3).await.unwrap();
        assert_eq!(echo.next().await, Some(Ok(3)));
    });
}

#[pm_runtime::test]
fn what_publishes_metrics_holds_up_no_fork() {
    // It publishes all the time, so that some of the forks find each of its locks held.
    let mut publishing = Some(metrics::publish_every(Duration::ZERO).unwrap());
    for _ in 0..500 {
        let ended = in_a_fork(|| {
            metrics::publish();
            drop(publishing.take());
            true
        });
        assert!(ended);
    }
}
