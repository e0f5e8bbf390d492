//! Workers that are killed, or stopped, whatever their streams are at.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures::future::join;

use super::*;

/// What the stream of this name says: now and then it is more than fits into a piece.
fn saying(name: usize, number: u32) -> Vec<u8> {
    let length = if number % 40 == 39 { 40_000 } else { 8 + number as usize % 50 };
    let mut bytes = vec![name as u8; length];
    bytes[..4].copy_from_slice(&number.to_le_bytes());
    bytes
}

/// Sends without end, and gets what it has sent in order, until its worker is killed.
async fn echo(name: usize, actor: ActorStream, seen: Arc<AtomicUsize>) {
    let (mut sender, mut receiver) = actor.split();
    let sending = async {
        let mut number = 0;
        while sender.send(Order::Say(saying(name, number))).await.is_ok() {
            number += 1;
        }
    };
    let receiving = async {
        let mut number = 0;
        let error = loop {
            match receiver.next().await {
                Some(Ok(said)) => assert!(said == Said::Bytes(saying(name, number)), "{number}"),
                Some(Err(error)) => break error,
                None => panic!("stream {name} came to an end after {number} outputs"),
            }
            number += 1;
            seen.fetch_add(1, Ordering::Relaxed);
        };
        assert!(matches!(error, StreamError::Crashed(_)), "{error}");
        assert_eq!(receiver.next().await, None);
    };
    join(sending, receiving).await;
}

async fn are_killed(pool: ActorPool) {
    const ROUNDS: usize = 6;
    const STREAMS: usize = 100;
    for round in 0..ROUNDS {
        pool.spawn(2).await.unwrap();
        // One that comes to its end, so that the next workers need not wait.
        let mut brief = pool.create_stream().await.unwrap();
        brief.finish().await.unwrap();
        assert_eq!(said(&mut brief).await, Said::Ended);
        assert_eq!(brief.next().await, None);
        let seen = Arc::new(AtomicUsize::new(0));
        let streams = join_all((0..STREAMS).map(|_| pool.create_stream())).await;
        let echoes: Vec<_> = streams
            .into_iter()
            .enumerate()
            .map(|(name, actor)| smol::spawn(echo(name, actor.unwrap(), seen.clone())))
            .collect();
        until(|| seen.load(Ordering::Relaxed) >= round * 677);
        for worker in pool.workers() {
            kill(worker.pid());
        }
        join_all(echoes).await;
    }
    let account = pool.health().account;
    assert!(account.balances());
    let ended = (account.completed, account.failed, account.running);
    assert_eq!(ended, (ROUNDS as u64, (ROUNDS * STREAMS) as u64, 0));
    until(|| pool.health().workers.iter().all(|worker| worker.load == 0));
}

#[pm_runtime::test]
async fn whoever_is_killed_leaves_a_whole_beginning_of_what_it_said() {
    are_killed(ActorPool::builder().workers(2).max_crashes(None).build()).await;
}

#[pm_runtime::test]
async fn the_same_over_sockets() {
    let pool = ActorPool::builder().workers(2).max_crashes(None).transport(Transport::Socket);
    are_killed(pool.build()).await;
}

#[pm_runtime::test]
async fn a_stopped_worker_holds_up_nobody_else() {
    for transport in [Transport::Auto, Transport::Socket] {
        let pool = ActorPool::builder().workers(2).transport(transport).build();
        pool.spawn(2).await.unwrap();
        let workers = pool.workers();
        let mut stopped = pool.create_stream().on(&workers[0]).await.unwrap();
        let mut dropped = pool.create_stream().on(&workers[0]).await.unwrap();
        let mut other = pool.create_stream().on(&workers[1]).await.unwrap();
        signal(workers[0].pid(), rustix::process::Signal::STOP);
        for actor in [&mut stopped, &mut dropped] {
            while actor.try_send(Order::Say(vec![0; 10_000])).is_ok() {}
        }
        // In the middle of a long one, too.
        let mut long = Box::pin(stopped.send(Order::Say(vec![0; 1 << 20])));
        assert!(poll_once(&mut long).await.is_none());
        drop(dropped);
        for _ in 0..100 {
            other.send(Order::Say(vec![1])).await.unwrap();
            assert_eq!(said(&mut other).await, Said::Bytes(vec![1]));
        }
        kill(workers[0].pid());
        assert!(matches!(long.await, Err(StreamError::Crashed(_))));
        // It may have said something before it stopped.
        let error = loop {
            match stopped.next().await {
                Some(Ok(_)) => {}
                end => break end,
            }
        };
        assert!(matches!(error, Some(Err(StreamError::Crashed(_)))), "{error:?}");
        let account = pool.health().account;
        assert_eq!((account.failed, account.cancelled, account.running), (1, 1, 1));
        assert_eq!(pool.health().detached, 0);
    }
}

#[pm_runtime::test]
async fn halves_are_dropped_by_two_threads_at_once() {
    let pool = ActorPool::new();
    for round in 0..200 {
        let (mut sender, receiver) = pool.create_stream().await.unwrap().split();
        if round % 2 == 0 {
            sender.send(Order::Say(vec![0; 100_000])).await.unwrap();
        }
        std::thread::scope(|scope| {
            scope.spawn(|| drop(sender));
            scope.spawn(|| drop(receiver));
        });
    }
    until(|| pool.health().workers.iter().all(|worker| worker.load == 0));
    let health = pool.health();
    assert!(health.account.balances());
    assert_eq!((health.crashes, health.detached, health.account.running), (0, 0, 0));
}

#[pm_runtime::test]
async fn streams_are_dropped_while_their_pool_is_destroyed() {
    for _ in 0..20 {
        let pool = ActorPool::builder().grace(Duration::ZERO).build();
        let streams = join_all((0..8).map(|_| pool.create_stream())).await;
        let opening = smol::spawn(pool.create_stream());
        std::thread::scope(|scope| {
            scope.spawn(|| drop(streams));
            scope.spawn(|| smol::block_on(pool.destroy()));
        });
        if let Ok(mut actor) = opening.await {
            assert_eq!(actor.next().await, Some(Err(StreamError::Released)));
        }
        assert!(pool.health().account.balances());
    }
}
