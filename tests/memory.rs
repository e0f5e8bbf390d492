//! Queries through the memory that a pool shares with its workers, beside those over sockets.

use std::time::Duration;

use futures::future::{Either, join_all};
use pm_runtime::{QueryError, Transport, worker_query};
use pm_tests::{Task, WorkPool, until_begun};
use rustix::process::{Pid, Signal, kill_process};
use smol::future::poll_once;

#[worker_query(workers = 2)]
fn echo(bytes: &[u8]) -> Vec<u8> {
    bytes.to_vec()
}

#[worker_query(workers = 2)]
async fn echo_async(bytes: &[u8]) -> Vec<u8> {
    smol::future::yield_now().await;
    bytes.to_vec()
}

fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|i| (i % 251) as u8).collect()
}

/// Around the sizes at which something changes: what fits into a slot, and into a stream.
const LENGTHS: [usize; 14] =
    [0, 1, 60, 78, 79, 80, 81, 88, 1000, 50_000, (1 << 20) - 8, 1 << 20, (1 << 20) + 1, 1_200_000];

#[pm_runtime::test]
async fn what_is_sent_comes_back_whatever_its_size() {
    for transport in [Transport::Auto, Transport::Socket] {
        let pools = [
            EchoPool::builder().transport(transport).build(),
            EchoPool::builder().transport(transport).in_process().build(),
            EchoPool::builder().transport(transport).concurrency(3).build(),
        ];
        for pool in pools {
            let answers = LENGTHS.map(|length| pool.query(&bytes(length)));
            for (length, answer) in LENGTHS.iter().zip(join_all(answers).await) {
                assert!(answer.unwrap() == bytes(*length), "{length} over {transport:?}");
            }
        }
        let pool = EchoAsyncPool::builder().transport(transport).build();
        let answers = LENGTHS.map(|length| pool.query(&bytes(length)));
        for (length, answer) in LENGTHS.iter().zip(join_all(answers).await) {
            assert!(answer.unwrap() == bytes(*length), "{length} over {transport:?}, async");
        }
    }
}

#[pm_runtime::test]
async fn calls_that_are_dropped_leave_those_beside_them_alone() {
    let pool = EchoPool::new();
    for round in 0..80_usize {
        let lengths = [10, 100, 1000, 300_000].map(|length| length + round);
        let calls = lengths.map(|length| (length, Box::pin(pool.query(&bytes(length)))));
        let mut kept = Vec::new();
        for (index, (length, mut call)) in calls.into_iter().enumerate() {
            match poll_once(&mut call).await {
                Some(answer) => assert!(answer.unwrap() == bytes(length)),
                None if index == round % 4 => drop(call),
                None => kept.push((length, call)),
            }
        }
        for (length, call) in kept {
            assert!(call.await.unwrap() == bytes(length));
        }
    }
    let account = pool.health().account;
    assert!(account.balances() && account.waiting + account.running == 0, "{account:?}");
}

#[pm_runtime::test]
async fn the_places_of_cancelled_queries_are_used_again() {
    let pool = EchoAsyncPool::builder().workers(1).timeout(None).build();
    for round in 0..2000 {
        let mut call = Box::pin(pool.query(&[]));
        if let Some(answer) = poll_once(&mut call).await {
            answer.unwrap();
        }
        drop(call);
        if round % 100 == 99 {
            assert_eq!(pool.query(&[7]).await, Ok(vec![7]));
        }
    }
}

#[pm_runtime::test]
async fn a_worker_that_is_killed_in_the_middle_gives_whole_answers_or_none() {
    let sent = bytes((1 << 20) + 100_000);
    let (mut whole, mut none) = (0, 0);
    let mut moment = Duration::from_micros(1);
    while whole == 0 || none < 12 {
        let pool = EchoPool::builder().workers(1).build();
        pool.spawn(1).await.unwrap();
        let pid = Pid::from_raw(pool.workers()[0].pid() as i32).unwrap();
        let mut call = Box::pin(pool.query(&sent));
        let early = poll_once(&mut call).await;
        let (done, is_done) = std::sync::mpsc::channel::<()>();
        let killer = std::thread::spawn(move || {
            // It ends early where there is nobody left to kill.
            if let Err(std::sync::mpsc::RecvTimeoutError::Timeout) = is_done.recv_timeout(moment) {
                kill_process(pid, Signal::KILL).unwrap();
            }
        });
        let answer = match early {
            Some(answer) => answer,
            None => call.await,
        };
        match answer {
            Ok(answer) => {
                assert!(answer == sent, "half an answer");
                whole += 1;
                moment = Duration::from_micros(1);
            }
            Err(QueryError::Crashed(_)) => {
                none += 1;
                // Every time a little later, until it comes too late.
                moment = moment * 2 + Duration::from_micros(20);
            }
            Err(other) => panic!("{other}"),
        }
        // It may have ended already.
        let _ = done.send(());
        killer.join().unwrap();
    }
}

#[pm_runtime::test]
async fn a_worker_that_is_stopped_while_it_runs_gives_back_what_it_has_not_begun() {
    let pool = WorkPool::builder().workers(1).timeout(None).build();
    let mut endless = Box::pin(pool.query(Task::Spin));
    assert!(poll_once(&mut endless).await.is_none());
    until_begun(&pool, 1).await;
    let worker = pool.workers()[0].clone();
    let stopped = Pid::from_raw(worker.pid() as i32).unwrap();
    kill_process(stopped, Signal::STOP).unwrap();
    let mut behind = Box::pin(pool.query(Task::Return(2)));
    assert!(poll_once(&mut behind).await.is_none());
    // Another worker comes, and has nothing to do.
    pool.spawn(2).await.unwrap();
    assert_eq!(behind.await, Ok(2));
    kill_process(stopped, Signal::KILL).unwrap();
    assert!(matches!(endless.await, Err(QueryError::Crashed(_))));
}

#[pm_runtime::test]
async fn a_query_that_overruns_is_told_from_those_behind_it() {
    let pool = WorkPool::new();
    assert_eq!(pool.query(Task::Return(1)).await, Ok(1));
    let slow = pool.query(Task::Spin).timeout(Duration::from_millis(200));
    let behind = (2..6).map(|n| pool.query(Task::Return(n)));
    let (slow, behind) = futures::future::join(slow, join_all(behind)).await;
    assert!(matches!(slow, Err(QueryError::TimedOut { worker: 1, .. })), "{slow:?}");
    assert_eq!(behind, (2..6).map(Ok).collect::<Vec<_>>());
}

#[pm_runtime::test]
async fn a_pool_whose_answers_never_pause_keeps_nobody_from_being_timed_out() {
    let busy = EchoPool::builder().workers(1).build();
    let pool = WorkPool::builder().workers(1).timeout(Duration::from_millis(50)).build();
    pool.spawn(1).await.unwrap();
    let mut answers = futures::StreamExt::buffer_unordered(
        futures::stream::iter(std::iter::repeat_with(|| busy.query(&[7]))),
        16,
    );
    let keep_busy = async { while futures::StreamExt::next(&mut answers).await.is_some() {} };
    let overrun = std::pin::pin!(pool.query(Task::Spin));
    match futures::future::select(overrun, std::pin::pin!(keep_busy)).await {
        Either::Left((overrun, _)) => {
            assert!(matches!(overrun, Err(QueryError::TimedOut { .. })), "{overrun:?}");
        }
        Either::Right(_) => panic!("there is always another answer"),
    }
}
