//! Nothing grows, and nobody starves.

use super::*;

#[pm_runtime::test]
async fn who_floods_does_not_starve_its_neighbours() {
    let pool = ActorPool::new();
    let (mut flood, mut outputs) = pool.create_stream().await.unwrap().split();
    let over = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let flooding = smol::spawn({
        let over = over.clone();
        async move {
            while !over.load(std::sync::atomic::Ordering::Relaxed) {
                flood.feed(Order::Say(vec![0; 1000])).await.unwrap();
            }
            flood.close().await.unwrap();
        }
    });
    let drained = smol::spawn(async move {
        let mut count = 0_u64;
        while let Some(output) = outputs.next().await {
            output.unwrap();
            count += 1;
        }
        count
    });
    let mut neighbour = pool.create_stream().await.unwrap();
    for number in 0..100 {
        neighbour.send(Order::Say(vec![number])).await.unwrap();
        assert_eq!(said(&mut neighbour).await, Said::Bytes(vec![number]));
    }
    over.store(true, std::sync::atomic::Ordering::Relaxed);
    flooding.await;
    assert!(drained.await > 100);
}

#[pm_runtime::test]
async fn a_worker_that_never_reads_stops_its_senders_and_costs_no_more_memory() {
    let pool = ActorPool::builder().window(1000).window_bytes(64 << 10).build();
    let mut streams = Vec::new();
    for _ in 0..4 {
        streams.push(pool.create_stream().await.unwrap());
    }
    let folder = Folder::new("never-reads");
    let hangs = folder.file("hangs");
    streams[0].send(Order::Hang(hangs.clone())).await.unwrap();
    until(|| std::path::Path::new(&hangs).exists());
    for actor in &mut streams {
        let mut sent = 0;
        while actor.try_send(Order::Say(vec![0; 1000])).is_ok() {
            sent += 1;
        }
        // The window, and one that found room in none.
        assert!((32..=65).contains(&sent), "{sent}");
        let mut waits = Box::pin(actor.send(Order::Say(vec![0; 1000])));
        assert!(poll_once(&mut waits).await.is_none());
    }
}

#[pm_runtime::test]
async fn a_thousand_streams_that_come_and_go_leave_nothing_behind() {
    let pool = ActorPool::builder().workers(2).build();
    pool.spawn(2).await.unwrap();
    for _ in 0..10 {
        let opened = join_all((0..100).map(|_| pool.create_stream())).await;
        let finished = opened.into_iter().enumerate().map(|(index, actor)| async move {
            let mut actor = actor.unwrap();
            actor.send(Order::Say(vec![index as u8])).await.unwrap();
            assert_eq!(said(&mut actor).await, Said::Bytes(vec![index as u8]));
            if index % 2 == 0 {
                actor.finish().await.unwrap();
                assert_eq!(said(&mut actor).await, Said::Ended);
                assert_eq!(actor.next().await, None);
            }
        });
        join_all(finished).await;
    }
    until(|| pool.health().workers.iter().all(|worker| worker.load == 0));
    let account = pool.health().account;
    assert_eq!((account.completed, account.cancelled, account.running), (500, 500, 0));
}
