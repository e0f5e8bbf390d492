//! Pools that find their size.

use super::*;

/// The next size that a pool finds, and the one before.
async fn scaled(events: &mut Events) -> (usize, usize) {
    next(events, |event| match event {
        Event::Scaled { from, to, .. } => Some((*from, *to)),
        _ => None,
    })
    .await
}

async fn a_pool_grows_while_queries_wait_and_shrinks_while_workers_idle(over: Over) {
    let folder = Folder::new("scaled");
    let go_on = folder.file("go_on");
    let idle = Duration::from_millis(50);
    let pool = pool!(ToilPool over over, workers = 1..=3, idle_timeout = idle);
    let mut events = pool.events();
    let wait = |n: u32| pool.query(Work::Wait(folder.file(&n.to_string()), go_on.clone()));
    let waiting: Vec<_> = (0..3).map(|n| smol::spawn(wait(n))).collect();
    // None ends before all have begun.
    until_begun(&pool, 3).await;
    assert_eq!(scaled(&mut events).await, (1, 2));
    assert_eq!(scaled(&mut events).await, (2, 3));
    fs::write(&go_on, "").unwrap();
    for query in waiting {
        query.await.unwrap();
    }
    assert_eq!(scaled(&mut events).await, (3, 2));
    assert_eq!(scaled(&mut events).await, (2, 1));
    pool.query(Work::Pid).await.unwrap();
    let health = pool.health();
    assert_eq!((health.idle, health.starting, health.crashes, health.restarts), (1, 0, 0, 0));
    pool.destroy().await;
}

suite! {
    a_pool_grows_while_queries_wait_and_shrinks_while_workers_idle
}

#[pm_runtime::test]
async fn it_grows_no_further_than_it_may() {
    let folder = Folder::new("bounded");
    let go_on = folder.file("go_on");
    let pool = ToilPool::builder().workers(1..=2).build();
    let mut events = pool.events();
    let wait = |n: u32| pool.query(Work::Wait(folder.file(&n.to_string()), go_on.clone()));
    let waiting: Vec<_> = (0..6).map(|n| smol::spawn(wait(n))).collect();
    until_begun(&pool, 2).await;
    fs::write(&go_on, "").unwrap();
    for query in waiting {
        query.await.unwrap();
    }
    pool.destroy().await;
    let mut sizes = Vec::new();
    while let Some(event) = events.next().await {
        if let Event::Scaled { from, to, .. } = event {
            sizes.push((from, to));
        }
    }
    assert_eq!(sizes, [(1, 2)]);
}

#[pm_runtime::test]
async fn what_is_asked_for_by_hand_is_done_and_then_it_goes_on_by_itself() {
    let pool = ToilPool::builder().workers(1..=2).idle_timeout(Duration::from_millis(100)).build();
    let mut events = pool.events();
    pool.spawn(4).await.unwrap();
    let mut to = 4;
    while to > 1 {
        let (from, less) = scaled(&mut events).await;
        assert_eq!((from, less), (to, to - 1));
        to = less;
    }
    let patient = ToilPool::builder().workers(1..=4).idle_timeout(None).build();
    patient.resize(3).await.unwrap();
    assert_eq!(patient.health().idle, 3);
    patient.respawn().await.unwrap();
    assert_eq!(patient.health().idle, 3, "it keeps the size that it finds");
    patient.unspawn().await;
    patient.start().await.unwrap();
    assert_eq!(patient.health().idle, 1, "the least");
}

#[pm_runtime::test]
async fn streams_that_wait_to_be_opened_get_another_worker() {
    let pool = EchoPool::builder().workers(1..=2).concurrency(1).build();
    let mut first = pool.create_stream().await.unwrap();
    let mut second = pool.create_stream().await.unwrap();
    let mut pids = BTreeSet::new();
    for stream in [&mut first, &mut second] {
        stream.send(()).await.unwrap();
        pids.insert(stream.next().await.unwrap().unwrap());
    }
    assert_eq!(pids.len(), 2);
}

#[pm_runtime::test]
async fn ranges_that_make_no_sense_are_mistakes() {
    let (least, most) = (3, 2);
    let nonsense = [
        (ToilPool::builder().workers(0..=2), "workers"),
        (ToilPool::builder().workers(least..=most), "workers"),
        (ToilPool::builder().idle_timeout(Duration::ZERO), "idle_timeout"),
    ];
    for (builder, option) in nonsense {
        let error = builder.build().spawn(1).await.unwrap_err();
        assert!(error.to_string().contains(option), "{error}");
    }
    let error = HoardPool::builder().workers(1..=2).build().start().await.unwrap_err();
    assert!(error.to_string().contains("raw"), "{error}");
    HoardPool::builder().workers(2..=2).build().start().await.unwrap();
}
