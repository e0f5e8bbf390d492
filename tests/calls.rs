//! The ways to call, with real worker processes.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use pm_runtime::{Event, QueryError};
use pm_tests::{Folder, Task, WorkPool, is_alive, kill, until, until_begun, until_submitted};
use rustix::process::Signal;
use smol::future::poll_once;
use smol::stream::{Stream, StreamExt};

#[pm_runtime::test]
async fn a_temporary_worker_is_another_process_and_gone_afterwards() {
    let pool = WorkPool::new();
    let usual = pool.query(Task::Pid).await.unwrap();
    let own = pool.query(Task::Pid).temporary().await.unwrap();
    assert_ne!(own, usual);
    until(|| !is_alive(own as u32));
    assert_eq!(pool.query(Task::Pid).await, Ok(usual));
    let another = pool.query(Task::Pid).temporary().await.unwrap();
    assert!(another != own && another != usual);
}

#[pm_runtime::test]
async fn a_temporary_worker_shows_and_takes_nothing_else() {
    let folder = Folder::new("temporary");
    let (begun, go_on) = (folder.file("begun"), folder.file("go"));
    let pool = WorkPool::new();
    let task = Task::Rendezvous { begun, go_on: go_on.clone() };
    let own = smol::spawn(pool.query(task).temporary());
    until_begun(&pool, 1).await;
    let health = pool.health();
    assert_eq!((health.busy, health.workers.len()), (1, 1));
    assert!(health.workers[0].temporary);
    let worker = pool.workers().remove(0);
    assert_eq!(pool.query(Task::Pid).on(&worker).await, Err(QueryError::WorkerGone));
    assert_ne!(pool.query(Task::Pid).await, Ok(u64::from(worker.pid())));
    // One at a time, as the pool has one worker.
    let second = smol::spawn(pool.query(Task::Return(2)).temporary());
    assert_eq!(pool.query(Task::Return(3)).await, Ok(3));
    let temporary = pool.health().workers.iter().filter(|worker| worker.temporary).count();
    assert_eq!(temporary, 1);
    std::fs::write(go_on, "").unwrap();
    assert_eq!((own.await, second.await), (Ok(0), Ok(2)));
    assert!(pool.health().account.balances());
}

#[pm_runtime::test]
async fn crashes_of_temporary_workers_count_nowhere() {
    let pool = WorkPool::builder().max_crashes(0).build();
    for _ in 0..3 {
        let crash = pool.query(Task::Abort).temporary().await;
        assert!(matches!(crash, Err(QueryError::Crashed(_))), "{crash:?}");
    }
    assert_eq!(pool.health().crashes, 0);
    assert_eq!(pool.query(Task::Return(1)).await, Ok(1));
}

#[pm_runtime::test]
async fn temporary_workers_that_nobody_wants_any_more_are_gone() {
    let pool = WorkPool::builder().workers(2).build();
    let mut calls: Vec<_> =
        (0..50).map(|i| Box::pin(pool.query_temporary(Task::Return(i)))).collect();
    for call in &mut calls {
        assert!(poll_once(call).await.is_none());
    }
    drop(calls);
    assert_eq!(pool.query_temporary(Task::Return(7)).await, Ok(7));
    until(|| pool.workers().is_empty());
    let health = pool.health();
    assert_eq!((health.account.cancelled, health.account.completed), (50, 1));
    assert_eq!((health.crashes, health.detached, health.in_flight), (0, 0, 0));
}

#[pm_runtime::test]
async fn what_waits_for_a_worker_of_its_own_may_be_impatient() {
    let folder = Folder::new("impatient");
    let (begun, go_on) = (folder.file("begun"), folder.file("go"));
    let pool = WorkPool::builder().queue(0).build();
    let task = Task::Rendezvous { begun, go_on: go_on.clone() };
    let only = smol::spawn(pool.query_temporary(task).immediate());
    until_begun(&pool, 1).await;
    let another = || pool.query_temporary(Task::Return(1));
    assert_eq!(another().immediate().await, Err(QueryError::QueueFull));
    let late = another().queue_timeout(Duration::from_millis(1)).await;
    assert!(matches!(late, Err(QueryError::QueueTimedOut { .. })), "{late:?}");
    std::fs::write(go_on, "").unwrap();
    assert_eq!((only.await, another().await), (Ok(0), Ok(1)));
}

#[pm_runtime::test]
async fn of_temporary_on_and_key_the_last_one_counts() {
    let pool = WorkPool::builder().workers(2).build();
    let worker = pool.spawn_one().await.unwrap();
    let here = Ok(u64::from(worker.pid()));
    let own = pool.query(Task::Pid).on(&worker).key("a").temporary().await;
    assert!(own.is_ok() && own != here, "{own:?}");
    assert_eq!(pool.query(Task::Pid).temporary().key("a").on(&worker).await, here);
    pool.unspawn_one(&worker).await;
    assert!(pool.query(Task::Pid).on(&worker).temporary().key("a").await.is_ok());
}

#[pm_runtime::test]
async fn a_pinned_query_waits_for_its_worker_to_be_ready() {
    let pool = WorkPool::builder().workers(2).build();
    let mut spawn = Box::pin(pool.spawn(2));
    assert!(poll_once(&mut spawn).await.is_none());
    for worker in pool.workers() {
        let pid = pool.query(Task::Pid).on(&worker).await;
        assert_eq!(pid, Ok(u64::from(worker.pid())));
    }
}

#[pm_runtime::test]
async fn a_pinned_query_runs_in_its_worker() {
    let pool = WorkPool::builder().workers(2).build();
    pool.spawn(2).await.unwrap();
    for worker in pool.workers() {
        for _ in 0..3 {
            assert_eq!(pool.query(Task::Pid).on(&worker).await, Ok(u64::from(worker.pid())));
        }
    }
    let stranger = WorkPool::new().spawn_one().await.unwrap();
    assert_eq!(pool.query(Task::Pid).on(&stranger).await, Err(QueryError::WorkerGone));
}

#[pm_runtime::test]
async fn a_pinned_query_that_waits_fails_with_its_worker() {
    let pool = WorkPool::builder().workers(2).build();
    pool.spawn(2).await.unwrap();
    let worker = pool.acquire().unwrap();
    let running = smol::spawn(pool.query(Task::Spin).on(&worker));
    until_begun(&pool, 1).await;
    let waiting: Vec<_> =
        (0..40).map(|i| smol::spawn(pool.query(Task::Return(i)).on(&worker))).collect();
    while pool.health().account.waiting < 40 {
        smol::future::yield_now().await;
    }
    kill(worker.pid(), Signal::KILL);
    assert!(matches!(running.await, Err(QueryError::Crashed(_))));
    for waiting in waiting {
        assert_eq!(waiting.await, Err(QueryError::WorkerGone));
    }
    assert_eq!(pool.query(Task::Return(1)).on(&worker).await, Err(QueryError::WorkerGone));
    let account = pool.health().account;
    assert!(account.balances() && account.rejected == 41, "{account:?}");
}

#[pm_runtime::test]
async fn a_released_worker_takes_no_pinned_query() {
    let pool = WorkPool::new();
    let worker = pool.spawn_one().await.unwrap();
    pool.unspawn_one(&worker).await;
    assert_eq!(pool.query(Task::Pid).on(&worker).await, Err(QueryError::WorkerGone));
}

#[pm_runtime::test]
async fn a_key_stays_with_its_worker_until_that_dies() {
    let pool = WorkPool::builder().workers(2).build();
    pool.spawn(2).await.unwrap();
    let home = pool.query(Task::Pid).key("a").await.unwrap();
    // The other worker is idle all the while.
    let calls: Vec<_> = (0..8).map(|_| smol::spawn(pool.query(Task::Pid).key("a"))).collect();
    for call in calls {
        assert_eq!(call.await, Ok(home));
    }
    let mut events = pool.events();
    kill(home as u32, Signal::KILL);
    while !matches!(events.next().await, Some(Event::Crashed(_))) {}
    let new_home = pool.query(Task::Pid).key("a").await.unwrap();
    assert_ne!(new_home, home);
    for _ in 0..4 {
        assert_eq!(pool.query(Task::Pid).key("a").await, Ok(new_home));
    }
}

#[pm_runtime::test]
async fn a_key_moves_on_when_its_worker_has_too_much() {
    let folder = Folder::new("overloaded");
    let (begun, go_on) = (folder.file("begun"), folder.file("go"));
    let pool = WorkPool::builder().workers(2).build();
    pool.spawn(2).await.unwrap();
    let home = pool.query(Task::Pid).key("a").await.unwrap();
    let worker = |pid| pool.workers().into_iter().find(|worker| u64::from(worker.pid()) == pid);
    let worker = worker(home).unwrap();
    let task = Task::Rendezvous { begun, go_on: go_on.clone() };
    let running = smol::spawn(pool.query(task).on(&worker));
    until_begun(&pool, 2).await;
    let mut stay = Vec::new();
    let new_home = loop {
        let before = worker.load();
        let mut call = Box::pin(pool.query(Task::Pid).key("a"));
        let answer = poll_once(&mut call).await;
        if worker.load() == before {
            break match answer {
                Some(answer) => answer.unwrap(),
                None => call.await.unwrap(),
            };
        }
        stay.push(call);
    };
    assert!(new_home != home && !stay.is_empty(), "{} stay", stay.len());
    assert_eq!(pool.query(Task::Pid).key("a").await, Ok(new_home));
    std::fs::write(go_on, "").unwrap();
    assert_eq!(running.await, Ok(0));
    for call in stay {
        assert_eq!(call.await, Ok(home), "once handed over it stays");
    }
}

#[pm_runtime::test]
async fn try_query_fails_where_query_would_wait() {
    let folder = Folder::new("try");
    let (begun, go_on) = (folder.file("begun"), folder.file("go"));
    let pool = WorkPool::builder().queue(1).build();
    assert_eq!(pool.try_query(Task::Return(1)).await, Ok(1));
    let running = smol::spawn(pool.query(Task::Rendezvous { begun, go_on: go_on.clone() }));
    until_begun(&pool, 2).await;
    let mut waiting = Vec::new();
    while pool.health().queued == 0 {
        waiting.push(smol::spawn(pool.query(Task::Return(2))));
        until_submitted(&pool, 2 + waiting.len() as u64).await;
    }
    assert_eq!(pool.try_query(Task::Return(3)).await, Err(QueryError::QueueFull));
    std::fs::write(go_on, "").unwrap();
    assert_eq!(running.await, Ok(0));
    for call in waiting {
        assert_eq!(call.await, Ok(2));
    }
}

#[pm_runtime::test]
async fn query_temporary_is_temporary() {
    let pool = WorkPool::new();
    let usual = pool.query(Task::Pid).await.unwrap();
    assert_ne!(pool.query_temporary(Task::Pid).await, Ok(usual));
    assert_eq!(pool.query(Task::Pid).await, Ok(usual));
}

/// What shares the pool of the process runs in one test.
#[pm_runtime::test]
async fn everybody_shares_one_pool_until_its_end() {
    let first = WorkPool::shared();
    let pid = first.query(Task::Pid).await.unwrap();
    drop(first);
    let (second, third) = (WorkPool::shared(), WorkPool::shared());
    assert_eq!(second.query(Task::Pid).await, Ok(pid), "nobody's last handle ends it");
    assert_ne!(WorkPool::new().query(Task::Pid).await, Ok(pid));
    second.destroy().await;
    assert_eq!(third.query(Task::Pid).await, Err(QueryError::Destroyed));
    let fresh = WorkPool::shared();
    assert_ne!(fresh.query(Task::Pid).await.unwrap(), pid);
    fresh.destroy().await;
}

#[pm_runtime::test]
async fn a_map_keeps_the_order_and_unordered_does_not() {
    let folder = Folder::new("map");
    let (begun, go_on) = (folder.file("begun"), folder.file("go"));
    let pool = WorkPool::builder().workers(2).build();
    let tasks = |first: Task| std::iter::once(first).chain((1..20).map(Task::Return));
    let slow = || Task::Rendezvous { begun: begun.clone(), go_on: go_on.clone() };
    let mut answers = pool.map(tasks(slow())).unordered();
    let mut early = Vec::new();
    while early.len() < 19 {
        early.push(answers.next().await.unwrap().unwrap());
    }
    early.sort_unstable();
    assert_eq!(early, (1..20).collect::<Vec<u64>>(), "all but the first, which is not over");
    std::fs::write(&go_on, "").unwrap();
    assert_eq!(answers.next().await, Some(Ok(0)));
    assert_eq!(answers.next().await, None);
    let ordered: Vec<u64> = pool.map(tasks(slow())).map(Result::unwrap).collect().await;
    assert_eq!(ordered, (0..20).collect::<Vec<u64>>());
}

#[pm_runtime::test]
async fn a_map_takes_few_of_endless_inputs_and_tells_errors_in_their_place() {
    let pool = WorkPool::builder().workers(2).max_crashes(None).build();
    let taken = std::cell::Cell::new(0);
    let inputs = (0..).inspect(|_| taken.set(taken.get() + 1)).map(|i| match i {
        3 => Task::Abort,
        i => Task::Return(i),
    });
    let mut answers = pool.map(inputs);
    for i in 0..100 {
        match answers.next().await.unwrap() {
            Err(error) => assert!(i == 3 && matches!(error, QueryError::Crashed(_)), "{error}"),
            Ok(answer) => assert_eq!(answer, i),
        }
        assert!(taken.get() <= i + 1 + 2 * 4, "{} taken after {i}", taken.get());
    }
    drop(answers);
    pool.destroy().await;
    let account = pool.health().account;
    assert!(account.balances() && account.running + account.waiting == 0, "{account:?}");
}

#[pm_runtime::test]
async fn results_of_a_map_stand_beside_their_inputs_whatever_their_order() {
    for ordered in [true, false] {
        let pool = WorkPool::builder().workers(2).max_crashes(None).build();
        let inputs = (0..20).map(|i| if i % 7 == 3 { Task::Abort } else { Task::Return(i) });
        let answers = pool.map(inputs);
        let answers = if ordered { answers } else { answers.unordered() };
        let mut answers = answers.with_inputs();
        let mut numbers = Vec::new();
        while let Some((task, answer)) = answers.next().await {
            match (task, answer) {
                (Task::Return(i), Ok(answer)) => {
                    assert_eq!(answer, i);
                    numbers.push(i);
                }
                (Task::Abort, Err(QueryError::Crashed(_))) => {}
                // What ran beside it is lost with it, and has its own error.
                (task, answer) => panic!("{task:?}: {answer:?}"),
            }
        }
        assert!(!ordered || numbers.is_sorted(), "{numbers:?}");
        assert_eq!(numbers.len(), 17);
    }
}

#[pm_runtime::test]
async fn a_map_keeps_every_worker_busy() {
    for ordered in [true, false] {
        let folder = Folder::new("busy");
        let (one, other) = (folder.file("one"), folder.file("other"));
        let pool = WorkPool::builder().workers(2).build();
        // Each waits for the other to begin.
        let answers = pool.map([
            Task::Rendezvous { begun: one.clone(), go_on: other.clone() },
            Task::Rendezvous { begun: other, go_on: one },
        ]);
        let answers = if ordered { answers } else { answers.unordered() };
        assert_eq!(answers.collect::<Vec<_>>().await, [Ok(0), Ok(0)]);
    }
}

#[pm_runtime::test]
async fn what_fails_at_once_in_a_map_keeps_no_answer_back() {
    for ordered in [true, false] {
        let folder = Folder::new("at-once");
        let (begun, go_on) = (folder.file("begun"), folder.file("go"));
        let pool = WorkPool::new();
        let first = Task::Rendezvous { begun, go_on: go_on.clone() };
        let answers = pool.map(std::iter::once(first).chain((1..).map(Task::Return)));
        let mut answers = if ordered { answers } else { answers.unordered() };
        assert!(poll_once(answers.next()).await.is_none());
        let taken = pool.health().account.submitted;
        std::fs::write(go_on, "").unwrap();
        pool.destroy().await;
        // There is no end to what is refused from now on.
        for i in 0..taken {
            assert_eq!(answers.next().await, Some(Ok(i)));
        }
        assert_eq!(answers.next().await, Some(Err(QueryError::Destroyed)));
    }
}

#[pm_runtime::worker_query(workers = 2)]
fn repeat(text: &str, times: usize, options: &Option<char>) -> String {
    text.repeat(times) + &options.map(String::from).unwrap_or_default()
}

#[pm_runtime::worker_query(workers = 2)]
fn nothing() -> u8 {
    7
}

#[pm_runtime::worker_query(workers = 2)]
fn shout(text: &str) -> String {
    text.to_uppercase()
}

#[pm_runtime::worker_query(workers = 2)]
fn name(path: &Path) -> Option<String> {
    Some(path.file_name()?.to_str()?.to_owned())
}

#[pm_runtime::worker_query(workers = 2)]
fn sum(bytes: &[u8], weights: &[f32], names: &[&str]) -> f32 {
    bytes.iter().map(|byte| f32::from(*byte)).chain(weights.iter().copied()).sum::<f32>()
        + names.concat().len() as f32
}

#[pm_runtime::test]
async fn what_a_function_borrows_may_be_owned_by_the_inputs_of_a_map() {
    async fn all<T>(map: impl Stream<Item = Result<T, QueryError>>) -> Vec<T> {
        map.map(Result::unwrap).collect().await
    }
    let shouts = ShoutPool::new();
    let texts = vec![String::from("a"), String::from("b")];
    assert_eq!(all(shouts.map(&texts)).await, ["A", "B"]);
    assert_eq!(all(shouts.map(["a", "b"])).await, ["A", "B"]);
    assert_eq!(all(shouts.map("a b".split(' ').map(Cow::from))).await, ["A", "B"]);
    let mut beside = shouts.map(texts).with_inputs();
    assert_eq!(beside.next().await, Some((String::from("a"), Ok(String::from("A")))));

    let names = NamePool::new();
    let paths = vec![PathBuf::from("/a/b"), PathBuf::from("/")];
    assert_eq!(all(names.map(paths.iter().map(|path| &**path))).await, [Some("b".into()), None]);
    assert_eq!(all(names.map(paths)).await, [Some("b".into()), None]);

    let sums = SumPool::new();
    let inputs = [(vec![1, 2], [0.5; 2], ["ab"]), (vec![], [1.0, 2.0], ["c"])];
    assert_eq!(all(sums.map(inputs.clone())).await, [6.0, 4.0]);
    let lent = inputs.iter().map(|(bytes, weights, names)| (bytes, &weights[..], names));
    assert_eq!(all(sums.map(lent)).await, [6.0, 4.0]);
}

#[pm_runtime::test]
async fn inputs_of_a_map_mirror_the_signature() {
    let pool = RepeatPool::new();
    let texts = [String::from("a"), String::from("b")];
    let inputs = texts.iter().map(|text| (text.as_str(), 2, &Some('!')));
    let answers: Vec<String> = pool.map(inputs).map(Result::unwrap).collect().await;
    assert_eq!(answers, ["aa!", "bb!"]);
    let owned = texts.iter().map(|text| (text.clone(), 1, None));
    let answers: Vec<String> = pool.map(owned).map(Result::unwrap).collect().await;
    assert_eq!(answers, ["a", "b"]);
    let answers: Vec<u8> = NothingPool::new().map([(), ()]).map(Result::unwrap).collect().await;
    assert_eq!(answers, [7, 7]);
}
