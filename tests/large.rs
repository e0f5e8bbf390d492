//! Large arguments and answers.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures::future::{join_all, try_join};
use pm_runtime::{QueryError, Transport, worker_query};
use pm_tests::{kill, stop, until};
use rustix::process::Signal;

#[worker_query(workers = 1, max_frame = "80MiB")]
fn echo(bytes: Vec<u8>) -> Vec<u8> {
    bytes
}

#[worker_query(workers = 1, max_frame = "80MiB")]
async fn echo_async(bytes: Vec<u8>) -> Result<Vec<u8>, String> {
    smol::future::yield_now().await;
    Ok(bytes)
}

#[worker_query(workers = 1)]
fn ends(bytes: &[u8]) -> (usize, Option<u8>, Option<u8>) {
    (bytes.len(), bytes.first().copied(), bytes.last().copied())
}

/// Bytes that travel beside a message, others within it, and text that could.
#[worker_query(workers = 1)]
fn mixed(first: Vec<u8>, text: String, second: Vec<u8>) -> (String, Vec<u8>, (u8, Vec<u8>)) {
    (text, second, (7, first))
}

fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|i| (i % 251) as u8).collect()
}

/// Around the size from which on bytes travel beside their message, that of a stream, and others.
const LENGTHS: [usize; 11] = [
    65_516,
    65_523,
    65_524,
    65_535,
    65_536,
    65_537,
    65_543,
    (1 << 20) - 20,
    1 << 20,
    3_000_001,
    (4 << 20) + 5,
];

#[pm_runtime::test]
async fn bytes_come_back_whatever_their_number() {
    for transport in [Transport::Auto, Transport::Socket] {
        let pool = EchoPool::builder().transport(transport).build();
        let asynchronous = EchoAsyncPool::builder().transport(transport).build();
        let threads = EchoPool::builder().transport(transport).in_process().build();
        for length in LENGTHS {
            let sent = bytes(length);
            assert!(pool.query(sent.clone()).await.unwrap() == sent, "{length}");
            assert!(threads.query(sent.clone()).await.unwrap() == sent, "{length}");
            assert!(asynchronous.query(sent.clone()).await.unwrap().unwrap() == sent, "{length}");
        }
        let answers = join_all(LENGTHS.map(|length| asynchronous.query(bytes(length)))).await;
        for (length, answer) in LENGTHS.iter().zip(answers) {
            assert!(answer.unwrap().unwrap() == bytes(*length), "{length} beside others");
        }
    }
}

#[pm_runtime::test]
async fn several_large_values_find_their_places() {
    let pool = MixedPool::new();
    for (first, text, second) in
        [(70_000, 3, 80_001), (3, 70_000, 80_000), (80_003, 90_000, 3), (0, 0, 65_536)]
    {
        let text = "é".repeat(text);
        let answer = pool.query(bytes(first), text.clone(), bytes(second)).await;
        assert!(answer == Ok((text, bytes(second), (7, bytes(first)))), "{first} and {second}");
    }
}

#[pm_runtime::test]
async fn exactly_the_largest_bytes_pass_either_way() {
    // A length of eight bytes, and a variant of four.
    let limit = 1 << 20;
    let room = limit - 12;
    for transport in [Transport::Auto, Transport::Socket] {
        let pool = EchoPool::builder().transport(transport).max_frame(limit).build();
        assert!(pool.query(bytes(room)).await == Ok(bytes(room)));
        let error = pool.query(bytes(room + 1)).await.unwrap_err();
        assert_eq!(error, QueryError::TooLarge { size: limit + 1, limit });
        // The answer has four bytes more than the argument, those of a variant.
        let pool = EchoAsyncPool::builder().transport(transport).max_frame(limit).build();
        let error = pool.query(bytes(room)).await.unwrap_err();
        assert_eq!(error, QueryError::TooLarge { size: limit + 4, limit });
        assert!(pool.query(bytes(room - 4)).await.unwrap() == Ok(bytes(room - 4)));
    }
}

#[pm_runtime::test]
async fn what_was_lent_is_free_again_once_the_call_is_made() {
    let pool = EndsPool::new();
    let mut lent = bytes(1 << 20);
    let call = pool.query(&lent);
    lent.fill(9);
    let last = bytes(1 << 20).pop();
    assert_eq!(call.await, Ok((1 << 20, Some(0), last)));
}

#[pm_runtime::test]
fn others_of_the_executor_go_on_while_a_large_message_travels() {
    let (pool, turns) = (EchoPool::new(), AtomicUsize::new(0));
    let sent = vec![7; 32 << 20];
    let others = async {
        loop {
            turns.fetch_add(1, Ordering::Relaxed);
            smol::future::yield_now().await;
        }
    };
    let answer = smol::block_on(smol::future::or(
        async {
            // Not the start of the worker.
            pool.query(Vec::new()).await?;
            turns.store(0, Ordering::Relaxed);
            pool.query(sent).await
        },
        others,
    ));
    assert_eq!(answer.map(|answer| answer.len()), Ok(32 << 20));
    // In one turn at most what a stream holds goes each way.
    let turns = turns.into_inner();
    assert!(turns >= 16, "only {turns} turns");
}

#[pm_runtime::test]
async fn a_large_query_that_is_dropped_half_way_leaves_those_beside_it_alone() {
    let pool = EchoPool::new();
    pool.spawn(1).await.unwrap();
    let worker = pool.workers()[0].pid();
    for round in 0..10 {
        let mut dropped = Box::pin(pool.query(bytes(5_000_000 + round)));
        stop(worker);
        assert_eq!(smol::future::poll_once(&mut dropped).await.map(drop), None);
        kill(worker, Signal::CONT);
        let beside = try_join(pool.query(bytes(100_000)), pool.query(bytes(round)));
        drop(dropped);
        assert!(beside.await == Ok((bytes(100_000), bytes(round))));
    }
}

#[pm_runtime::test]
async fn the_memory_of_large_messages_is_given_back() {
    let pool = EchoPool::new();
    let length = 32 << 20;
    assert_eq!(pool.query(vec![7; length]).await.map(|answer| answer.len()), Ok(length));
    until(|| pool.health().workers[0].rss.is_some_and(|rss| rss < (length / 2) as u64));
}
