//! What is told of a pool's health, with real workers.

use std::time::{Duration, Instant};

use pm_runtime::{Event, Health, QueryError, worker_query};
use pm_tests::{Folder, Task, WorkPool, kill, until, until_begun};
use rustix::process::Signal;

#[derive(Default)]
struct Fragile;

#[worker_query(workers = 1)]
impl Fragile {
    fn spoil(&mut self) {
        panic!("it is spoiled");
    }
}

/// How many of each happened in the window.
fn counted(health: &Health, rate: f64) -> u64 {
    (rate * health.window.as_secs_f64().max(1.0)).round() as u64
}

#[pm_runtime::test]
async fn each_worker_tells_its_memory_and_its_time() {
    let pool = WorkPool::builder().grace(Duration::ZERO).build();
    let worker = pool.spawn_one().await.unwrap();
    let before = worker.health().unwrap();
    assert!(before.rss.is_some_and(|rss| rss > 64 << 10), "{before:?}");
    let running = smol::spawn(pool.query(Task::Spin));
    until_begun(&pool, 1).await;
    until(|| worker.health().is_some_and(|health| health.cpu > before.cpu));
    let after = pool.health().workers.remove(0);
    assert!(after.age > before.age && after.id == worker.id(), "{after:?}");
    assert_eq!((after.load, after.queries), (1, 0));
    drop(running);
}

#[pm_runtime::test]
async fn a_dead_worker_has_neither_memory_nor_time() {
    let pool = WorkPool::builder().max_crashes(None).build();
    for _ in 0..20 {
        let worker = pool.spawn_one().await.unwrap();
        kill(worker.pid(), Signal::KILL);
        // Until its death is noticed it is a worker without a process.
        while let Some(health) = worker.health() {
            assert_ne!(health.rss, Some(0), "that of a zombie");
        }
        pool.unspawn().await;
    }
}

#[pm_runtime::test]
async fn a_worker_in_process_has_no_memory_and_time_of_its_own() {
    let pool = WorkPool::in_process();
    assert_eq!(pool.query(Task::Return(1)).await, Ok(1));
    let worker = pool.health().workers.remove(0);
    assert_eq!((worker.pid, worker.rss, worker.cpu), (std::process::id(), None, None));
    assert_eq!(worker.queries, 1);
}

#[pm_runtime::test]
async fn waiting_and_running_are_told_apart() {
    let folder = Folder::new("latency");
    let (begun, go_on) = (folder.file("begun"), folder.file("go"));
    let pool = WorkPool::new();
    let start = Instant::now();
    let slow = smol::spawn(pool.query(Task::Rendezvous { begun, go_on: go_on.clone() }));
    until(|| pool.health().account.running == 1);
    let mut quick = Box::pin(pool.query(Task::Return(1)));
    assert!(smol::future::poll_once(&mut quick).await.is_none());
    let both = Instant::now();
    until(|| both.elapsed() > Duration::from_millis(20));
    let held = both.elapsed();
    std::fs::write(go_on, "").unwrap();
    assert_eq!((slow.await, quick.await), (Ok(0), Ok(1)));
    let all = start.elapsed();
    let latency = pool.health().latency;
    for latency in [latency.queue.unwrap(), latency.run.unwrap()] {
        assert_eq!(latency.count, 2);
        assert!(latency.max >= held && latency.max <= all, "{held:?}..{all:?}: {latency:?}");
        assert!(latency.mean >= held / 2 && latency.mean <= latency.max, "{latency:?}");
        assert!(latency.p50 <= latency.p90 && latency.p90 <= latency.p99, "{latency:?}");
        assert!(latency.p99 <= latency.max, "{latency:?}");
    }
}

#[pm_runtime::test]
async fn a_query_waits_until_it_begins_and_not_until_somebody_hears_of_it() {
    let folder = Folder::new("begins");
    let (begun, go_on) = (folder.file("begun"), folder.file("go"));
    let pool = WorkPool::new();
    let start = Instant::now();
    let task = Task::Rendezvous { begun: begun.clone(), go_on: go_on.clone() };
    let running = smol::spawn(pool.query(task));
    until(|| std::path::Path::new(&begun).exists());
    let waited = start.elapsed();
    until(|| start.elapsed() > waited + Duration::from_millis(20));
    std::fs::write(go_on, "").unwrap();
    assert_eq!(running.await, Ok(0));
    let latency = pool.health().latency;
    let (queue, run) = (latency.queue.unwrap().max, latency.run.unwrap().max);
    assert!(
        queue <= waited && run >= Duration::from_millis(20),
        "{queue:?} of {waited:?}, {run:?}"
    );
}

#[pm_runtime::test]
async fn rates_are_those_of_the_account() {
    let pool = WorkPool::new();
    let health = pool.health();
    assert!(health.window.is_zero() && health.rates == Default::default(), "{health:?}");
    assert_eq!((health.latency.queue, health.latency.run), (None, None));
    for i in 0..5 {
        assert_eq!(pool.query(Task::Return(i)).await, Ok(i));
    }
    assert!(pool.query(Task::Panic("oh".into())).await.is_err());
    let timeless = pool.query(Task::Return(1)).timeout(Duration::ZERO).await;
    assert!(matches!(timeless, Err(QueryError::TimedOut { .. })));
    let health = pool.health();
    let rates = health.rates;
    let counts = [rates.submitted, rates.completed, rates.failed, rates.cancelled, rates.rejected];
    assert_eq!(counts.map(|rate| counted(&health, rate)), [7, 5, 1, 0, 1]);
}

#[pm_runtime::test]
async fn restarts_are_those_that_nobody_asked_for() {
    let pool = WorkPool::builder().max_crashes(None).build();
    let mut events = pool.events();
    pool.spawn(1).await.unwrap();
    pool.respawn().await.unwrap();
    pool.unspawn().await;
    assert_eq!(pool.query(Task::Return(1)).await, Ok(1));
    assert_eq!(pool.health().restarts, 0);
    assert!(pool.query(Task::Abort).temporary().await.is_err());
    assert_eq!(pool.health().restarts, 0);
    assert!(pool.query(Task::Abort).await.is_err());
    until(|| pool.health().restarts == 1);
    let timed_out = pool.query(Task::Spin).timeout(Duration::from_millis(10)).await;
    assert!(matches!(timed_out, Err(QueryError::TimedOut { .. })));
    until(|| pool.health().restarts == 2);
    // Three that somebody asked for, a temporary one, and the two restarts.
    let mut spawned = 0;
    while spawned < 6 {
        spawned += usize::from(matches!(events.next().await, Some(Event::Spawned { .. })));
    }

    let fragile = FragilePool::new();
    assert!(fragile.spoil().await.is_err());
    until(|| fragile.health().restarts == 1);
}

#[pm_runtime::test]
fn all_that_is_told_is_of_one_moment() {
    let pool = WorkPool::builder().workers(2).max_crashes(None).build();
    let asks = |i: u64| match i % 50 {
        7 => drop(pool.query(Task::Abort).wait()),
        13 => drop(pool.query(Task::Panic("oh".into())).wait()),
        _ => drop(pool.query(Task::Return(i)).wait()),
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| (0..100).for_each(asks))).collect();
        while threads.iter().any(|thread| !thread.is_finished()) {
            let health = pool.health();
            let account = health.account;
            assert!(account.balances(), "{health:?}");
            let workers = health.starting + health.idle + health.busy + health.releasing;
            assert_eq!(workers, health.workers.len(), "{health:?}");
            let load: usize = health.workers.iter().map(|worker| worker.load).sum();
            assert_eq!(load, health.in_flight, "{health:?}");
            let in_all = health.queued as u64 + load as u64;
            assert_eq!(in_all, account.waiting + account.running, "{health:?}");
            let runs = health.latency.run.map_or(0, |run| run.count);
            let submitted = counted(&health, health.rates.submitted);
            // Until the first of them are forgotten.
            if health.window < Duration::from_secs(60) {
                assert_eq!(runs, account.completed + account.failed, "{health:?}");
                assert_eq!(submitted, account.submitted, "{health:?}");
            }
        }
    });
}

#[pm_runtime::test]
async fn health_is_the_same_after_a_way_through_json() {
    let pool = WorkPool::builder().max_crashes(None).build();
    assert!(pool.query(Task::Panic("oh".into())).await.is_err());
    assert!(pool.query(Task::Abort).await.is_err());
    assert_eq!(pool.query(Task::Return(1)).await, Ok(1));
    let health = pool.health();
    assert!(health.last_crash.is_some() && health.latency.run.is_some(), "{health:?}");
    let json = serde_json::to_string(&health).unwrap();
    assert_eq!(serde_json::from_str::<Health>(&json).unwrap(), health);
}

#[pm_runtime::test]
async fn it_is_told_what_runs_and_for_how_long() {
    let folder = Folder::new("running");
    let (begun, go_on) = (folder.file("begun"), folder.file("go"));
    let pool = WorkPool::new();
    let slow = smol::spawn(pool.query(Task::Rendezvous { begun, go_on: go_on.clone() }));
    let running = || pool.health().workers.first().and_then(|worker| worker.running.clone());
    until(|| running().is_some());
    let first = running().unwrap();
    assert_eq!((&*first.query, first.open, &first.debug), ("work", false, &None));
    until(|| running().is_some_and(|running| running.age > first.age));
    assert!(format!("{:#}", pool.health()).contains("running for "), "{:#}", pool.health());
    std::fs::write(go_on, "").unwrap();
    assert_eq!(slow.await, Ok(0));
    assert_eq!(running(), None);
}

#[pm_runtime::test]
async fn a_spent_budget_is_told_until_it_is_forgiven() {
    let pool = WorkPool::builder().max_crashes(0).build();
    assert!(!pool.health().exhausted);
    let died = pool.query(Task::Abort).await;
    assert!(matches!(died, Err(QueryError::Crashed(_))), "{died:?}");
    until(|| pool.health().exhausted);
    assert!(pool.health().to_string().contains("the crash budget is spent"));
    pool.forgive();
    assert_eq!(pool.query(Task::Return(1)).await, Ok(1));
    assert!(!pool.health().exhausted);
}
