//! Workers that have served for long enough.

use super::*;

#[pm_runtime::test]
async fn a_worker_is_replaced_after_so_many_queries_and_nobody_notices() {
    let pool = ToilPool::builder().workers(2).max_queries(5).build();
    let mut events = pool.events();
    let mut pids = BTreeSet::new();
    let mut replaced = BTreeSet::new();
    while replaced.len() < 4 {
        pids.insert(pool.query(Work::Pid).await.unwrap());
        while let Some(Some(event)) = poll_once(events.next()).await {
            if let Event::Recycled { worker, .. } = event {
                replaced.insert(worker);
            }
        }
    }
    assert!(pids.len() >= 4, "{pids:?}");
    let health = pool.health();
    assert_eq!((health.crashes, health.account.failed, health.account.rejected), (0, 0, 0));
    assert!(health.restarts >= 4, "{}", health.restarts);
    pool.destroy().await;
}

#[pm_runtime::test]
async fn what_runs_in_an_old_worker_ends_under_its_own_timeout() {
    let folder = Folder::new("recycled");
    let (begun, go_on) = (folder.file("begun"), folder.file("go_on"));
    // There is no grace that it could have.
    let pool = ToilPool::builder().concurrency(2).max_queries(1).grace(Duration::ZERO).build();
    let mut events = pool.events();
    let long = smol::spawn(pool.query(Work::Wait(begun, go_on.clone())));
    until_begun(&pool, 1).await;
    let old = pool.query(Work::Pid).await.unwrap();
    assert_eq!(recycled(&mut events).await, 1);
    assert_ne!(pool.query(Work::Pid).await.unwrap(), old);
    fs::write(go_on, "").unwrap();
    assert_eq!(long.await, Ok(old));
    released(&mut events, 1).await;
    pool.destroy().await;
}

#[pm_runtime::test]
async fn where_the_replacement_does_not_start_the_old_worker_stays() {
    let folder = Folder::new("barred");
    let bar = folder.file("bar");
    let builder = ToilPool::builder().max_queries(1).max_crashes(None);
    let pool = builder.env("BARRED", &bar).build();
    pool.spawn(1).await.unwrap();
    let mut events = pool.events();
    fs::write(&bar, "").unwrap();
    let old = pool.query(Work::Pid).await.unwrap();
    for _ in 0..3 {
        next(&mut events, |event| matches!(event, Event::Crashed(_)).then_some(())).await;
        assert_eq!(pool.query(Work::Pid).await.unwrap(), old);
    }
    fs::remove_file(bar).unwrap();
    assert_eq!(recycled(&mut events).await, 1);
    assert_ne!(pool.query(Work::Pid).await.unwrap(), old);
    pool.destroy().await;
}

#[pm_runtime::test]
async fn workers_that_were_started_together_grow_old_one_after_another() {
    let pool = ToilPool::builder().workers(3).max_age(Duration::from_secs(1)).build();
    let mut events = pool.events();
    pool.spawn(3).await.unwrap();
    // Each has its replacement before it goes: so many are always ready.
    let mut ready = 3;
    let mut replaced = BTreeSet::new();
    while replaced.len() < 4 {
        match events.next().await.unwrap() {
            Event::Ready { worker, .. } if worker > 3 => ready += 1,
            Event::Recycled { worker, .. } => {
                ready -= 1;
                assert!(ready >= 3, "{worker} went before its replacement was ready");
                replaced.insert(worker);
            }
            _ => {}
        }
    }
    assert_eq!(pool.health().crashes, 0);
    pool.destroy().await;
}

#[pm_runtime::test]
async fn a_worker_that_holds_too_much_is_replaced() {
    let pool = ToilPool::builder().max_memory(256 << 20).build();
    let mut events = pool.events();
    let old = pool.query(Work::Hold(1 << 20)).await.unwrap();
    assert!(rss(&pool) < 256 << 20);
    assert_eq!(pool.query(Work::Hold(300 << 20)).await.unwrap(), old);
    assert_eq!(recycled(&mut events).await, 1);
    assert_ne!(pool.query(Work::Pid).await.unwrap(), old);
    pool.destroy().await;
}

#[pm_runtime::test]
async fn streams_count_when_they_are_opened_and_end_where_they_are() {
    let pool = EchoPool::builder().max_queries(2).grace(Duration::ZERO).build();
    let mut events = pool.events();
    let mut first = pool.create_stream().await.unwrap();
    let mut second = pool.create_stream().await.unwrap();
    assert_eq!(recycled(&mut events).await, 1);
    let mut third = pool.create_stream().await.unwrap();
    let mut pids = Vec::new();
    for stream in [&mut first, &mut second, &mut third] {
        stream.send(()).await.unwrap();
        pids.push(stream.next().await.unwrap().unwrap());
    }
    assert_eq!(pids[0], pids[1]);
    assert_ne!(pids[1], pids[2]);
    for stream in [&mut first, &mut second, &mut third] {
        stream.finish().await.unwrap();
        assert_eq!(stream.next().await, None);
    }
    released(&mut events, 1).await;
    pool.destroy().await;
}

#[pm_runtime::test]
async fn a_raw_worker_that_holds_too_much_is_released_when_another_is_ready() {
    let pool = HoardPool::builder().max_memory(256 << 20).build();
    pool.start().await.unwrap();
    let mut events = pool.events();
    let old = pool.acquire().unwrap();
    old.send("300000000").await.unwrap();
    let pid = old.recv().await.unwrap().unwrap();
    assert_eq!(recycled(&mut events).await, 1);
    // It is told so, and has ended well.
    assert_eq!(old.recv().await.unwrap(), None);
    let new = pool.acquire().unwrap();
    new.send("1").await.unwrap();
    assert_ne!(new.recv().await.unwrap().unwrap(), pid);
    assert_eq!(pool.health().crashes, 0);
    pool.destroy().await;
}

#[pm_runtime::test]
async fn a_raw_worker_grows_old() {
    let pool = HoardPool::builder().max_age(Duration::from_millis(500)).build();
    let mut events = pool.events();
    pool.start().await.unwrap();
    for worker in 1..4 {
        assert_eq!(recycled(&mut events).await, worker);
    }
    assert!(pool.acquire().is_some());
    pool.destroy().await;
}

#[pm_runtime::test]
async fn threads_of_this_process_have_no_memory_of_their_own() {
    let pool = ToilPool::builder().max_memory(1 << 20).max_queries(3).in_process().build();
    let mut events = pool.events();
    for _ in 0..3 {
        assert_eq!(pool.query(Work::Pid).await, Ok(std::process::id()));
    }
    assert_eq!(recycled(&mut events).await, 1);
    assert_eq!(pool.query(Work::Pid).await, Ok(std::process::id()));
    pool.destroy().await;
}

#[pm_runtime::test]
async fn what_makes_no_sense_is_a_mistake() {
    let nonsense = [
        ToilPool::builder().max_queries(0),
        ToilPool::builder().max_age(Duration::ZERO),
        ToilPool::builder().max_memory(0),
    ];
    for builder in nonsense {
        let error = builder.build().spawn(1).await.unwrap_err();
        assert!(error.to_string().contains("max_"), "{error}");
    }
}

#[pm_runtime::test]
async fn nobody_who_connects_is_refused_while_workers_grow_old() {
    let port = ReusePort::bind("127.0.0.1:0").unwrap();
    let address = port.local_addr();
    let pool = GreetPool::builder().max_age(Duration::from_millis(300)).reuse_port(port).build();
    pool.start().await.unwrap();
    let mut events = pool.events();
    let mut replaced = 0;
    while replaced < 6 {
        let mut greeting = String::new();
        let mut connection = TcpStream::connect(address).await.unwrap();
        connection.read_to_string(&mut greeting).await.unwrap();
        assert_eq!(greeting, "welcome");
        while let Some(Some(event)) = poll_once(events.next()).await {
            replaced += u32::from(matches!(event, Event::Recycled { .. }));
        }
    }
    pool.destroy().await;
}
