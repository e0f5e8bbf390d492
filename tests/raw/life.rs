//! Raw pools as their applications see them.

use super::*;

#[pm_runtime::test]
async fn start_starts_as_many_as_the_option_says() {
    let pool = ActorPool::new();
    assert_eq!(pool.workers().len(), 0);
    assert_eq!(pool.acquire().map(|worker| worker.id()), None);
    pool.start().await.unwrap();
    assert_eq!(pool.workers().len(), 2);
}

#[pm_runtime::test]
async fn the_load_is_what_the_application_adds() {
    let pool = ActorPool::new();
    pool.spawn(3).await.unwrap();
    let workers = pool.workers();
    assert!(workers.iter().all(|worker| worker.load() == 0));
    assert!(workers.iter().all(|worker| worker.state() == WorkerState::Idle));
    workers[0].add_load(2);
    workers[1].add_load(1);
    assert_eq!(workers[0].clone().load(), 2);
    assert_eq!(workers[0].state(), WorkerState::Busy);
    assert_eq!(pool.acquire().unwrap().id(), workers[2].id());
    workers[2].add_load(5);
    assert_eq!(pool.acquire().unwrap().id(), workers[1].id());
    workers[2].add_load(-9);
    assert_eq!(workers[2].load(), 0);
    let health = pool.health();
    assert_eq!((health.idle, health.busy, health.in_flight), (1, 2, 3));
    // The least loaded goes first.
    pool.resize(2).await.unwrap();
    let ids = |workers: Vec<Worker>| workers.iter().map(Worker::id).collect::<Vec<_>>();
    assert_eq!(ids(pool.workers()), ids(workers[..2].to_vec()));
    workers[2].add_load(1);
    assert_eq!((workers[2].load(), pool.health().in_flight), (0, 3));
}

#[pm_runtime::test]
async fn a_respawn_replaces_every_worker_and_keeps_the_size() {
    let pool = ActorPool::new();
    pool.spawn(3).await.unwrap();
    let old = pool.workers();
    pool.respawn().await.unwrap();
    let new = pool.workers();
    assert_eq!(new.iter().map(Worker::id).collect::<Vec<_>>(), [4, 5, 6]);
    for worker in &old {
        assert_eq!(reply(worker).await, None);
    }
    for worker in &new {
        assert_eq!(ask(worker, "id").await, worker.id().to_string());
    }
}

#[pm_runtime::test]
async fn callbacks_can_speak_with_the_worker() {
    let pool = ActorPool::new();
    let (sender, heard) = mpsc::channel();
    let spawned = sender.clone();
    pool.on_spawn(move |worker| {
        let id = smol::block_on(ask(&worker, "id"));
        spawned.send(format!("{} is up as {id}", worker.id())).unwrap();
    });
    pool.on_unspawn(move |worker| sender.send(format!("{} is gone", worker.id())).unwrap());
    pool.spawn(1).await.unwrap();
    assert_eq!(heard.recv().unwrap(), "1 is up as 1");
    pool.destroy().await;
    assert_eq!(heard.recv().unwrap(), "1 is gone");
}

#[pm_runtime::test]
async fn a_worker_of_queries_takes_no_messages() {
    let pool = pm_tests::WorkPool::new();
    let worker = pool.spawn_one().await.unwrap();
    assert_eq!(worker.send("x").await, Err(RawError::NotRaw));
    assert_eq!(worker.try_send("x"), Err(RawError::NotRaw));
    assert_eq!(worker.recv().await, Err(RawError::NotRaw));
}

#[pm_runtime::test]
async fn a_handle_of_a_worker_that_is_gone_says_so() {
    let pool = ActorPool::new();
    let worker = pool.spawn_one().await.unwrap();
    pool.destroy().await;
    assert_eq!(worker.try_send("x"), Err(RawError::WorkerGone));
    assert_eq!(worker.recv().await, Ok(None));
    assert!(matches!(pool.spawn_one().await, Err(SpawnError::Destroyed)));
}

/// Says what it finds around it.
#[worker_raw(workers = 1, env(SAFARI_MODE = "high_performance"), clear_env)]
async fn surrounded(link: RawLink) -> io::Result<()> {
    let mode = std::env::var("SAFARI_MODE").unwrap_or_default();
    link.send(&format!("{mode} {}", std::env::vars().count())).await?;
    link.released().await;
    Ok(())
}

#[pm_runtime::test]
async fn options_about_processes_hold() {
    let worker = SurroundedPool::new().spawn_one().await.unwrap();
    assert_eq!(reply(&worker).await.as_deref(), Some("high_performance 1"));
}

#[pm_runtime::test]
async fn a_hundred_thousand_messages_each_way() {
    let pool = ActorPool::new();
    let worker = pool.spawn_one().await.unwrap();
    worker.send("count 100000").await.unwrap();
    for i in 0..100_000 {
        assert_eq!(reply(&worker).await, Some(i.to_string()));
    }
}
