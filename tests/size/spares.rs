//! Workers beyond the pool's size.

use super::*;

/// Waits until so many spares are ready.
async fn spares(pool: &Pool, wanted: usize) {
    let mut events = pool.events();
    while pool.health().spares != wanted {
        next(&mut events, |event| matches!(event, Event::Ready { .. }).then_some(())).await;
    }
}

async fn a_spare_takes_the_place_of_one_that_is_gone(over: Over) {
    let pool = pool!(ToilPool over over, spares = 1);
    let mut events = pool.events();
    pool.spawn(1).await.unwrap();
    spares(&pool, 1).await;
    let workers = pool.workers();
    assert_eq!((pool.health().idle, workers.len()), (1, 2));
    assert_eq!(workers[1].state(), WorkerState::Spare);
    let error = pool.query(Work::Pid).on(&workers[1]).await.unwrap_err();
    assert!(matches!(error, QueryError::WorkerGone), "{error}");
    assert_eq!(pool.acquire().unwrap().id(), workers[0].id());
    pool.unspawn_one(&workers[0]).await;
    // The pool is smaller by one then; the next query starts it again.
    pool.query(Work::Pid).await.unwrap();
    spares(&pool, 1).await;
    let old = pool.acquire().unwrap().id();
    pool.respawn().await.unwrap();
    assert_ne!(pool.acquire().unwrap().id(), old);
    drop(events.next().await);
    pool.destroy().await;
}

suite! {
    a_spare_takes_the_place_of_one_that_is_gone
}

#[pm_runtime::test]
async fn after_a_crash_nobody_waits_for_a_start() {
    let folder = Folder::new("spares");
    let bar = folder.file("bar");
    let builder = ToilPool::builder().spares(2).max_crashes(None);
    let pool = builder.env("BARRED", &bar).build();
    pool.spawn(1).await.unwrap();
    spares(&pool, 2).await;
    // From now on no worker starts, and two are left.
    fs::write(&bar, "").unwrap();
    let mut pids = BTreeSet::new();
    for _ in 0..2 {
        let worker = pool.acquire().unwrap();
        pids.insert(pool.query(Work::Pid).await.unwrap());
        kill(worker.pid(), Signal::KILL);
        until(|| worker.health().is_none());
    }
    pids.insert(pool.query(Work::Pid).await.unwrap());
    assert_eq!(pids.len(), 3);
    fs::remove_file(&bar).unwrap();
    assert!(pool.health().restarts >= 2);
    pool.destroy().await;
}

#[pm_runtime::test]
async fn an_old_worker_is_replaced_by_a_spare_and_another_is_started() {
    let pool = ToilPool::builder().spares(1).max_queries(1).build();
    pool.spawn(1).await.unwrap();
    let mut pids = BTreeSet::new();
    for _ in 0..5 {
        spares(&pool, 1).await;
        pids.insert(pool.query(Work::Pid).await.unwrap());
    }
    assert_eq!(pids.len(), 5, "a fresh one for each");
    pool.destroy().await;
}

#[pm_runtime::test]
async fn a_temporary_query_takes_a_spare() {
    let folder = Folder::new("temporary");
    let bar = folder.file("bar");
    let pool = ToilPool::builder().spares(1).max_crashes(None).env("BARRED", &bar).build();
    pool.spawn(1).await.unwrap();
    spares(&pool, 1).await;
    fs::write(&bar, "").unwrap();
    let spare = pool.workers()[1].pid();
    assert_eq!(pool.query(Work::Pid).temporary().await, Ok(spare));
    pool.destroy().await;
}

#[pm_runtime::test]
async fn a_stream_goes_on_in_a_spare() {
    let pool = EchoPool::builder().spares(1).build();
    let mut first = pool.create_stream().await.unwrap();
    spares(&pool, 1).await;
    first.send(()).await.unwrap();
    let pid = first.next().await.unwrap().unwrap();
    kill(pid, Signal::KILL);
    assert!(first.next().await.unwrap().is_err());
    let mut second = pool.create_stream().await.unwrap();
    second.send(()).await.unwrap();
    assert_ne!(second.next().await.unwrap().unwrap(), pid);
}

#[pm_runtime::test]
async fn the_function_of_a_raw_spare_begins_when_it_takes_a_place() {
    let folder = Folder::new("raw");
    let begun = |worker: u64| Path::new(&folder.file(&worker.to_string())).exists();
    let pool = MarkPool::builder().spares(1).env("MARKS", folder.file("")).build();
    let mut events = pool.events();
    pool.start().await.unwrap();
    spares(&pool, 1).await;
    let first = pool.acquire().unwrap();
    assert_eq!(first.id(), 1);
    let spare = pool.workers().pop().unwrap();
    assert_eq!(spare.state(), WorkerState::Spare);
    // What is sent to it early waits.
    spare.send("early").await.unwrap();
    assert_eq!(first.recv().await.unwrap().unwrap(), b"begun");
    kill(first.pid(), Signal::KILL);
    assert_eq!(spare.recv().await.unwrap().unwrap(), b"begun");
    assert_eq!(spare.recv().await.unwrap().unwrap(), b"early");
    assert!(begun(1) && begun(2));
    // The next one is set up, and is let go without ever having begun.
    spares(&pool, 1).await;
    let third = pool.workers().pop().unwrap();
    pool.unspawn().await;
    assert_eq!(third.recv().await.unwrap(), None);
    assert!(!begun(third.id()));
    let released = |event: &Event| {
        let is_third = event.worker() == Some(third.id());
        assert!(!is_third || !matches!(event, Event::Crashed(_)), "{event:?}");
        (is_third && matches!(event, Event::Released { .. })).then_some(())
    };
    next(&mut events, released).await;
    assert_eq!(pool.health().restarts, 1);
    pool.destroy().await;
}

#[pm_runtime::test]
async fn raw_threads_wait_for_their_places_too() {
    let pool = MarkPool::builder().spares(1).in_process().build();
    pool.start().await.unwrap();
    spares(&pool, 1).await;
    let (first, spare) = (pool.acquire().unwrap(), pool.workers().pop().unwrap());
    assert_eq!(first.recv().await.unwrap().unwrap(), b"begun");
    assert_eq!(poll_once(spare.recv()).await, None);
    first.send("fail").await.unwrap();
    assert_eq!(spare.recv().await.unwrap().unwrap(), b"begun");
    pool.destroy().await;
}

#[pm_runtime::test]
async fn a_spare_has_no_socket_of_its_own() {
    let port = ReusePort::bind("127.0.0.1:0").unwrap();
    let pool = MarkPool::builder().spares(1).reuse_port(port).build();
    let error = pool.start().await.unwrap_err();
    assert!(error.to_string().contains("spares"), "{error}");
}
