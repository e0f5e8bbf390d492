//! Calls that are driven to their end.

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

use futures::future::{FutureExt, join_all, try_join_all};
use futures::stream::{FuturesUnordered, StreamExt};
use pm_runtime::{QueryError, worker_query};
use pm_tests::{Task, WorkPool, until};

use super::{Held, current_thread, multi_thread};

#[worker_query(workers = 2)]
fn double(number: u32) -> u32 {
    number * 2
}

#[worker_query(workers = 2)]
async fn triple(number: u32) -> u32 {
    smol::future::yield_now().await;
    number * 3
}

/// Waits for ever, beside others.
#[worker_query(workers = 1)]
async fn never() {
    std::future::pending().await
}

#[pm_runtime::test]
fn the_same_query_is_awaited_on_every_executor() {
    let (doubles, triples, threads) =
        (DoublePool::new(), TriplePool::new(), DoublePool::in_process());
    let ask = || async { (doubles.query(1).await, triples.query(1).await, threads.query(2).await) };
    let expected = (Ok(2), Ok(3), Ok(4));
    assert_eq!(smol::block_on(ask()), expected);
    assert_eq!(smol::future::block_on(ask()), expected);
    assert_eq!(smol::block_on(smol::LocalExecutor::new().run(ask())), expected);
    assert_eq!(multi_thread().block_on(ask()), expected);
    assert_eq!(current_thread().block_on(ask()), expected);
    assert_eq!(futures::executor::block_on(ask()), expected);
    assert_eq!(futures::executor::LocalPool::new().run_until(ask()), expected);
}

#[pm_runtime::test]
fn calls_are_tasks_on_their_own() {
    let pool = DoublePool::new();
    assert_eq!(smol::block_on(smol::spawn(pool.query(1))), Ok(2));
    for runtime in [multi_thread(), current_thread()] {
        let answer = runtime.block_on(async { tokio::spawn(pool.query(2)).await.unwrap() });
        assert_eq!(answer, Ok(4));
    }
}

#[pm_runtime::test]
fn executors_on_several_threads_share_a_pool() {
    const QUERIES: u32 = 200;
    let pool = TriplePool::new();
    let ask = |first: u32| {
        let pool = &pool;
        async move {
            let numbers = first..first + QUERIES;
            let calls = numbers.clone().map(|number| pool.query(number));
            let answers: Vec<_> = futures::stream::iter(calls).buffered(16).collect().await;
            let expected: Vec<_> = numbers.map(|number| Ok(number * 3)).collect();
            assert_eq!(answers, expected);
        }
    };
    let start = Barrier::new(5);
    thread::scope(|scope| {
        let run = |on: fn(std::pin::Pin<&mut dyn Future<Output = ()>>), first| {
            let (start, ask) = (&start, &ask);
            scope.spawn(move || {
                start.wait();
                on(std::pin::pin!(ask(first)));
            });
        };
        run(|asking| smol::block_on(asking), 0);
        run(|asking| multi_thread().block_on(asking), 1000);
        run(|asking| current_thread().block_on(asking), 2000);
        run(|asking| futures::executor::block_on(asking), 3000);
        run(|asking| smol::future::block_on(asking), 4000);
    });
    let account = pool.health().account;
    assert_eq!((account.submitted, account.completed), (1000, 1000));
    assert!(account.balances());
}

#[pm_runtime::test]
fn threads_without_async_wait_eight_at_once() {
    let pool = DoublePool::new();
    let start = Barrier::new(8);
    thread::scope(|scope| {
        for thread in 0..8 {
            let (pool, start) = (&pool, &start);
            scope.spawn(move || {
                start.wait();
                for number in thread * 100..thread * 100 + 50 {
                    assert_eq!(pool.query(number).wait(), Ok(number * 2));
                }
            });
        }
    });
    assert_eq!(pool.health().account.completed, 8 * 50);
}

#[pm_runtime::test]
async fn joined_calls_all_get_their_own_answer() {
    let (doubles, triples) = (DoublePool::new(), TriplePool::new());
    let (one, two, three) = futures::join!(doubles.query(1), triples.query(2), doubles.query(3));
    assert_eq!((one, two, three), (Ok(2), Ok(6), Ok(6)));
    assert_eq!(tokio::join!(doubles.query(4), triples.query(5)), (Ok(8), Ok(15)));
    let pair = futures::try_join!(doubles.query(6), triples.query(7));
    assert_eq!(pair, Ok((12, 21)));
    let answers = join_all((0..100).map(|number| triples.query(number))).await;
    assert_eq!(answers, (0..100).map(|number| Ok(number * 3)).collect::<Vec<_>>());
    let answers = try_join_all((0..100).map(|number| doubles.query(number))).await;
    assert_eq!(answers, Ok((0..100).map(|number| number * 2).collect()));
}

#[pm_runtime::test]
async fn a_select_takes_the_first_and_cancels_the_other() {
    let (pool, never) = (DoublePool::new(), NeverPool::new());
    let answer = futures::select! {
        answer = pool.query(1) => answer,
        _ = never.query() => unreachable!("it never ends"),
    };
    assert_eq!(answer, Ok(2));
    let answer = tokio::select! {
        answer = pool.query(2) => answer,
        _ = never.query() => unreachable!("it never ends"),
    };
    assert_eq!(answer, Ok(4));
    let either = futures::future::select(pool.query(3), never.query()).await;
    let futures::future::Either::Left((answer, pending)) = either else {
        unreachable!("it never ends");
    };
    assert_eq!(answer, Ok(6));
    drop(pending);
    let account = never.health().account;
    assert_eq!(account.submitted, account.cancelled);
}

#[pm_runtime::test]
async fn unordered_calls_come_as_they_finish() {
    let pool = TriplePool::new();
    let mut calls: FuturesUnordered<_> = (0..200).map(|number| pool.query(number)).collect();
    let mut answers = Vec::new();
    while let Some(answer) = calls.next().await {
        answers.push(answer.unwrap());
    }
    answers.sort_unstable();
    assert_eq!(answers, (0..200).map(|number| number * 3).collect::<Vec<_>>());
}

#[pm_runtime::test]
async fn an_unordered_call_does_not_wait_for_one_that_was_there_before() {
    let (pool, held) = (WorkPool::new(), WorkPool::new());
    let hold = Held::new(&held, "unordered");
    let mut calls: FuturesUnordered<_> =
        [held.query(Task::Return(1)), pool.query(Task::Return(2))].into_iter().collect();
    assert_eq!(calls.next().await, Some(Ok(2)));
    hold.let_go().await;
    assert_eq!(calls.next().await, Some(Ok(1)));
    assert_eq!(calls.next().await, None);
}

/// Counts how often it was woken.
#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Wakes {
    fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

fn poll<T>(call: &mut pm_runtime::Call<T>, task: &Arc<Wakes>) -> Poll<Result<T, QueryError>> {
    call.poll_unpin(&mut Context::from_waker(&Waker::from(task.clone())))
}

#[pm_runtime::test]
async fn a_call_wakes_the_task_that_polled_it_last() {
    let pool = WorkPool::new();
    let held = Held::new(&pool, "wakes");
    let (before, after) = (Arc::default(), Arc::default());
    let mut call = pool.query(Task::Return(7));
    assert_eq!(poll(&mut call, &before), Poll::Pending);
    assert_eq!(poll(&mut call, &before), Poll::Pending);
    assert_eq!(poll(&mut call, &after), Poll::Pending);
    // Whoever is to look for answers wakes itself as well, at once.
    let (mut seen, others) = (0, before.count());
    held.let_go().await;
    let answer = loop {
        until(|| after.count() > seen);
        seen = after.count();
        if let Poll::Ready(answer) = poll(&mut call, &after) {
            break answer;
        }
    };
    assert_eq!((answer, before.count()), (Ok(7), others));
}

#[pm_runtime::test]
fn a_call_moves_from_executor_to_executor() {
    let pool = WorkPool::new();
    let held = Held::new(&pool, "moves");
    let mut call = pool.query(Task::Return(8));
    assert!(smol::block_on(smol::future::poll_once(&mut call)).is_none());
    assert!(multi_thread().block_on(async { futures::poll!(&mut call) }).is_pending());
    let mut call = thread::spawn(move || {
        assert!(futures::executor::block_on(async { futures::poll!(&mut call) }).is_pending());
        call
    })
    .join()
    .unwrap();
    assert!(current_thread().block_on(async { futures::poll!(&mut call) }).is_pending());
    let there = thread::spawn(move || call.wait());
    held.go_on();
    assert_eq!(there.join().unwrap(), Ok(8));
    assert_eq!(smol::block_on(held.call), Ok(0));
    let account = pool.health().account;
    assert_eq!((account.submitted, account.completed), (2, 2));
}
