//! Handles that are dropped at every point.

use super::*;

/// Whether its worker still serves, and has nothing left of other streams.
async fn is_well(pool: &ActorPool) {
    let mut actor = pool.create_stream().await.unwrap();
    actor.send(Order::Say(vec![9])).await.unwrap();
    assert_eq!(said(&mut actor).await, Said::Bytes(vec![9]));
    drop(actor);
    until(|| pool.health().workers.iter().all(|worker| worker.load == 0));
    let health = pool.health();
    assert_eq!((health.crashes, health.account.running, health.detached), (0, 0, 0));
    assert!(health.account.balances());
}

#[pm_runtime::test]
async fn an_opening_is_dropped_at_every_point() {
    let pool = ActorPool::new();
    for polls in 0..20 {
        let mut opening = Box::pin(pool.open(first(Order::Count(2))));
        for _ in 0..polls {
            if poll_once(&mut opening).await.is_some() {
                break;
            }
            smol::future::yield_now().await;
        }
        drop(opening);
    }
    is_well(&pool).await;
}

#[pm_runtime::test]
async fn a_handle_is_dropped_at_every_point() {
    let pool = ActorPool::builder().window(8).build();
    for point in 0..7 {
        let mut actor = pool.open(first(Order::Count(2))).await.unwrap();
        match point {
            0 => {}
            1 => actor.send(Order::Count(100)).await.unwrap(),
            // Held up, and half sent.
            2 => while actor.try_send(Order::Say(vec![0; 60_000])).is_ok() {},
            3 => {
                let mut waits = Box::pin(actor.send(Order::Say(vec![0; 1 << 20])));
                poll_once(&mut waits).await;
            }
            4 => {
                said(&mut actor).await;
            }
            5 => actor.finish().await.unwrap(),
            _ => {
                let mut next = Box::pin(actor.next());
                poll_once(&mut next).await;
            }
        }
        drop(actor);
    }
    is_well(&pool).await;
}

#[pm_runtime::test]
async fn halves_are_dropped_one_by_one() {
    let pool = ActorPool::builder().window(8).build();
    // Without its sender a stream comes to its end.
    let (sender, mut receiver) = pool.create_stream().await.unwrap().split();
    drop(sender);
    assert_eq!(receiver.next().await, Some(Ok(Said::Ended)));
    assert_eq!(receiver.next().await, None);
    drop(receiver);
    // Without its receiver it goes on, and what it says is thrown away.
    let folder = Folder::new("halves");
    let mark = folder.file("alive");
    let opening = Actor { mark: Some(mark.clone()), ..Default::default() };
    let (mut sender, receiver) = pool.open(opening).await.unwrap().split();
    drop(receiver);
    for _ in 0..10 {
        sender.send(Order::Count(100)).await.unwrap();
    }
    assert!(std::path::Path::new(&mark).exists());
    drop(sender);
    until(|| !std::path::Path::new(&mark).exists());
    is_well(&pool).await;
}
