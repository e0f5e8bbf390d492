//! What holds whatever way queries travel: through shared memory, over sockets, or to threads.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::{join, join_all};
use pm_runtime::{QueryError, worker, worker_query};
use pm_tests::{Folder, Over, Task, WorkAsyncPool, WorkPool, pool, suite, until, until_begun};
use smol::future::poll_once;

suite! {
    what_is_sent_comes_back_whatever_its_size
    each_of_many_in_flight_has_its_own_answer
    queries_begin_in_order
    errors_and_panics_are_told_apart
    what_is_too_large_is_refused_and_nothing_else
    what_is_dropped_leaves_those_beside_it_alone
    what_runs_too_long_is_told_from_what_is_behind_it
    what_has_not_begun_moves_to_a_free_worker
    workers_are_released_and_replaced
    messages_come_in_order_and_before_the_answer
}

#[worker_query(workers = 2)]
fn echo(text: String) -> String {
    text
}

#[worker_query(workers = 2)]
async fn echo_async(text: String) -> String {
    smol::future::yield_now().await;
    text
}

#[worker_query(workers = 1)]
fn count() -> u64 {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    COUNT.fetch_add(1, Ordering::Relaxed)
}

#[worker_query(workers = 1)]
fn halve(n: u32) -> Result<u32, String> {
    assert!(n < 100, "too much");
    if n.is_multiple_of(2) { Ok(n / 2) } else { Err(format!("{n} is odd")) }
}

#[worker_query(workers = 1)]
fn speak(n: u32) -> u32 {
    worker::debug(format!("about to say {n}"));
    for i in 0..n {
        worker::message(i.to_string()).expect("a worker speaks");
    }
    n
}

fn text(length: usize) -> String {
    (0..length).map(|i| char::from(b'a' + (i % 23) as u8)).collect()
}

async fn what_is_sent_comes_back_whatever_its_size(over: Over) {
    const RING: usize = 1 << 20;
    // What fits into a slot, and into a ring, with what is put before it.
    let around = |edge: usize| edge - 12..edge + 3;
    let lengths: Vec<usize> = [0, 1, 1000, 2 * RING, 5 * RING + 1]
        .into_iter()
        .chain(around(80))
        .chain(around(RING).step_by(4))
        .collect();
    let blocking = pool!(EchoPool over over);
    let threads = pool!(EchoPool over over, concurrency = 3);
    let asynchronous = pool!(EchoAsyncPool over over);
    let queries = lengths.iter().map(|&length| async move { (length, text(length)) });
    for (length, sent) in join_all(queries).await {
        let (one, other) = join(blocking.query(sent.clone()), threads.query(sent.clone())).await;
        assert!(one.unwrap() == sent && other.unwrap() == sent, "{length}");
    }
    let answers = lengths.iter().map(|&length| asynchronous.query(text(length)));
    for (length, answer) in lengths.iter().zip(join_all(answers).await) {
        assert!(answer.unwrap() == text(*length), "{length}, beside others");
    }
}

async fn each_of_many_in_flight_has_its_own_answer(over: Over) {
    let blocking = pool!(EchoPool over over);
    let asynchronous = pool!(EchoAsyncPool over over);
    let (one, other) = join(
        join_all((0..500).map(|n| blocking.query(n.to_string()))),
        join_all((0..500).map(|n| asynchronous.query(n.to_string()))),
    )
    .await;
    for (n, (one, other)) in one.into_iter().zip(other).enumerate() {
        assert_eq!((one, other), (Ok(n.to_string()), Ok(n.to_string())));
    }
    let account = blocking.health().account;
    assert!(account.balances() && account.completed == 500, "{account:?}");
}

async fn queries_begin_in_order(over: Over) {
    let pool = pool!(CountPool over over);
    let counts = join_all((0..200).map(|_| pool.query())).await;
    assert_eq!(counts, (0..200).map(Ok).collect::<Vec<_>>());
}

async fn errors_and_panics_are_told_apart(over: Over) {
    let pool = pool!(HalvePool over over);
    let (error, panic) = join(pool.query(3), pool.query(100)).await;
    assert_eq!(error, Ok(Err("3 is odd".into())));
    match panic {
        Err(QueryError::Panicked(report)) => assert!(report.to_string().contains("too much")),
        other => panic!("{other:?}"),
    }
    assert_eq!(pool.query(8).await, Ok(Ok(4)));
}

async fn what_is_too_large_is_refused_and_nothing_else(over: Over) {
    let pool = pool!(EchoPool over over, max_frame = 1000);
    let (fits, exceeds) = join(pool.query(text(900)), pool.query(text(1001))).await;
    assert_eq!(fits, Ok(text(900)));
    assert!(matches!(exceeds, Err(QueryError::TooLarge { limit: 1000, .. })), "{exceeds:?}");
}

async fn what_is_dropped_leaves_those_beside_it_alone(over: Over) {
    let pool = pool!(EchoAsyncPool over over, workers = 1);
    for round in 0..200_usize {
        let lengths = [10, 100, 5000, 100_000].map(|length| length + round);
        let mut kept = Vec::new();
        for (index, length) in lengths.into_iter().enumerate() {
            let mut call = Box::pin(pool.query(text(length)));
            match poll_once(&mut call).await {
                Some(answer) => assert!(answer.unwrap() == text(length)),
                None if index == round % 4 => drop(call),
                None => kept.push((length, call)),
            }
        }
        for (length, call) in kept {
            assert!(call.await.unwrap() == text(length));
        }
    }
    // One that runs, too, and its worker goes on.
    let pool = pool!(WorkAsyncPool over over);
    let mut sleeps = Box::pin(pool.query(Task::Sleep(Duration::from_secs(3600))));
    assert!(poll_once(&mut sleeps).await.is_none());
    until_begun(&pool, 1).await;
    drop(sleeps);
    assert_eq!(pool.query(Task::Return(1)).await, Ok(1));
    until(|| pool.health().detached == 0);
}

async fn what_runs_too_long_is_told_from_what_is_behind_it(over: Over) {
    let pool = pool!(WorkPool over over);
    assert_eq!(pool.query(Task::Return(1)).await, Ok(1));
    let slow = pool.query(Task::Sleep(Duration::from_secs(3600)));
    let slow = slow.timeout(Duration::from_millis(200));
    let behind = join_all((2..6).map(|n| pool.query(Task::Return(n))));
    let (slow, behind) = join(slow, behind).await;
    assert!(matches!(slow, Err(QueryError::TimedOut { worker: 1, .. })), "{slow:?}");
    assert_eq!(behind, (2..6).map(Ok).collect::<Vec<_>>());
}

async fn what_has_not_begun_moves_to_a_free_worker(over: Over) {
    let folder = Folder::new("conformance");
    let (begun, go_on) = (folder.file("begun"), folder.file("go"));
    let pool = pool!(WorkPool over over, timeout = None);
    let stays = Task::Rendezvous { begun: begun.clone(), go_on: go_on.clone() };
    let mut stays = Box::pin(pool.query(stays));
    let mut moves = Box::pin(pool.query(Task::Return(2)));
    assert!(poll_once(&mut stays).await.is_none() && poll_once(&mut moves).await.is_none());
    until(|| std::path::Path::new(&begun).exists());
    pool.spawn(2).await.unwrap();
    assert_eq!(moves.await, Ok(2));
    std::fs::write(go_on, "").unwrap();
    assert_eq!(stays.await, Ok(0));
}

async fn workers_are_released_and_replaced(over: Over) {
    let pool = pool!(EchoPool over over);
    for _ in 0..3 {
        let calls = join_all((0..20).map(|n| pool.query(n.to_string())));
        let (answers, respawned) = join(calls, pool.respawn()).await;
        respawned.unwrap();
        assert!(answers.iter().all(Result::is_ok), "{answers:?}");
        let before: Vec<u64> = pool.workers().iter().map(|worker| worker.id()).collect();
        pool.unspawn().await;
        assert_eq!(pool.query("again".into()).await, Ok("again".into()));
        assert!(pool.workers().iter().all(|worker| !before.contains(&worker.id())));
    }
    pool.destroy().await;
    assert_eq!(pool.query("late".into()).await, Err(QueryError::Destroyed));
}

async fn messages_come_in_order_and_before_the_answer(over: Over) {
    let pool = pool!(SpeakPool over over);
    for n in [1, 50, 3] {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let hear = heard.clone();
        let call = pool.query(n).on_message(move |message: String| {
            hear.lock().unwrap().push(message);
        });
        assert_eq!(call.await, Ok(n));
        let said: Vec<String> = (0..n).map(|i| i.to_string()).collect();
        assert_eq!(*heard.lock().unwrap(), said, "{over:?}");
    }
}
