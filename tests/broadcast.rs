//! What is said to every worker, and to those to come.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::join_all;
use pm_runtime::{BootError, CrashCause, Event, QueryError, SpawnError, worker, worker_query};
use pm_tests::{Over, pool, suite, until_begun};

suite! {
    every_worker_hears_it_and_so_do_those_to_come
    the_last_word_of_each_method_counts_in_the_order_of_saying
    a_temporary_worker_hears_it_too
    what_panics_in_one_is_told
    what_is_large_is_heard_whole
}

/// A service whose state is told to it.
#[derive(Default)]
struct Shop {
    discount: u32,
    told: Vec<String>,
}

#[worker_query(workers = 3, max_crashes = None)]
impl Shop {
    fn set_discount(&mut self, percent: u32) -> u64 {
        self.discount = percent;
        self.told.push(format!("discount {percent}"));
        worker::id().unwrap_or_default()
    }

    fn greet(&mut self, name: &str) {
        self.told.push(format!("hello {}", name.len()));
        match name {
            "panic" => panic!("of a greeting"),
            "abort" => std::process::abort(),
            // Only a worker that comes later dies of it.
            "abort later" if worker::id() > Some(3) => std::process::abort(),
            "panic later" if worker::id() > Some(3) => panic!("of a greeting"),
            _ => {}
        }
    }

    fn told(&self) -> (u64, u32, Vec<String>) {
        (worker::id().unwrap_or_default(), self.discount, self.told.clone())
    }
}

/// What each worker of the pool says that it was told.
async fn told(pool: &ShopPool) -> Vec<(u64, u32, Vec<String>)> {
    let workers = pool.workers();
    let told = join_all(workers.iter().map(|worker| pool.told().on(worker))).await;
    told.into_iter().map(Result::unwrap).collect()
}

async fn every_worker_hears_it_and_so_do_those_to_come(over: Over) {
    let pool = pool!(ShopPool over over);
    // Nobody is there, and nobody is started for it.
    assert_eq!(pool.set_discount(5).broadcast().await, Ok(vec![]));
    assert!(pool.workers().is_empty());
    pool.spawn(3).await.unwrap();
    assert!(told(&pool).await.iter().all(|(_, discount, _)| *discount == 5));

    assert_eq!(pool.set_discount(10).broadcast().await, Ok(vec![1, 2, 3]));
    pool.respawn().await.unwrap();
    pool.resize(4).await.unwrap();
    let told = told(&pool).await;
    let workers: BTreeSet<u64> = told.iter().map(|(worker, ..)| *worker).collect();
    assert!(workers.len() == 4 && workers.iter().all(|worker| *worker > 3), "{workers:?}");
    assert!(told.iter().all(|(_, _, told)| *told == ["discount 10"]), "{told:?}");
    assert!(pool.health().account.balances());
}

async fn the_last_word_of_each_method_counts_in_the_order_of_saying(over: Over) {
    let pool = pool!(ShopPool over over, workers = 1);
    pool.set_discount(5).broadcast().await.unwrap();
    pool.greet("a").broadcast().await.unwrap();
    pool.set_discount(7).broadcast().await.unwrap();
    pool.greet("bb").broadcast().await.unwrap();
    pool.set_discount(9).broadcast().await.unwrap();
    let (_, discount, told) = pool.told().await.unwrap();
    assert_eq!((discount, told), (9, vec!["hello 2".to_owned(), "discount 9".to_owned()]));
}

async fn a_temporary_worker_hears_it_too(over: Over) {
    let pool = pool!(ShopPool over over, workers = 1);
    pool.set_discount(5).broadcast().await.unwrap();
    assert_eq!(pool.told().temporary().await.unwrap().1, 5);
}

async fn what_panics_in_one_is_told(over: Over) {
    let pool = pool!(ShopPool over over, workers = 2);
    pool.spawn(2).await.unwrap();
    match pool.greet("panic").broadcast().await {
        Err(QueryError::Panicked(report)) => assert_eq!(report.message(), "of a greeting"),
        other => panic!("{other:?}"),
    }
    // Both were recycled, and two of those who came next have borne it no better.
    let (_, _, told) = pool.told().await.unwrap();
    assert_eq!(told, Vec::<String>::new());
}

async fn what_is_large_is_heard_whole(over: Over) {
    let pool = pool!(ShopPool over over, workers = 1);
    let long = "x".repeat(3 << 20);
    pool.greet(&long).broadcast().await.unwrap();
    for _ in 0..2 {
        assert_eq!(pool.told().await.unwrap().2, [format!("hello {}", long.len())]);
        pool.respawn().await.unwrap();
    }
}

/// Says how often it was asked.
#[worker_query(workers = 2)]
fn count(by: u32) -> u32 {
    static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    COUNT.fetch_add(by, std::sync::atomic::Ordering::Relaxed) + by
}

#[pm_runtime::test]
async fn a_function_may_be_said_to_all() {
    let pool = CountPool::new();
    pool.spawn(2).await.unwrap();
    assert_eq!(pool.broadcast(3).await, Ok(vec![3, 3]));
    assert_eq!(pool.broadcast(4).await, Ok(vec![7, 7]));
    // Of one method only the last word is said again.
    pool.respawn().await.unwrap();
    assert_eq!(pool.broadcast(0).await, Ok(vec![4, 4]));
}

#[pm_runtime::test]
async fn what_two_workers_die_of_is_forgotten_and_reported() {
    for (word, exit) in [("abort later", true), ("panic later", false)] {
        let pool = ShopPool::new();
        let mut events = pool.events();
        pool.spawn(3).await.unwrap();
        pool.set_discount(20).broadcast().await.unwrap();
        pool.greet(word).broadcast().await.unwrap();
        // The old ones stay where a new one does not start.
        for _ in 0..2 {
            match pool.respawn_to(1).await {
                Err(SpawnError::Boot(BootError::Replay { exit: how })) => {
                    assert_eq!(how.is_some(), exit, "{word}");
                }
                other => panic!("{word}: {other:?}"),
            }
        }
        pool.respawn().await.unwrap();
        assert!(told(&pool).await.iter().all(|(_, _, told)| *told == ["discount 20"]), "{word}");
        let (mut deaths, mut reported) = (0, None);
        while reported.is_none() {
            match events.next().await.expect("it is told") {
                Event::Crashed(report) => {
                    let replay = matches!(report.cause, CrashCause::Boot(BootError::Replay { .. }));
                    assert!(replay, "{report}");
                    deaths += 1;
                }
                Event::Reported { text, .. } => reported = Some(text),
                _ => {}
            }
        }
        assert_eq!(deaths, 2);
        assert!(reported.is_some_and(|text| text.contains("forgotten")));
    }
}

/// Hears slowly.
#[worker_query(workers = 1, boot_timeout = "2s", max_crashes = None)]
fn hear(slowly: bool) {
    if slowly && worker::id() > Some(1) {
        std::thread::sleep(Duration::from_secs(3600));
    }
}

#[pm_runtime::test]
async fn what_is_never_heard_to_its_end_is_forgotten_too() {
    let pool = HearPool::new();
    pool.spawn(1).await.unwrap();
    pool.broadcast(true).await.unwrap();
    // The first one stays where none starts beside it.
    for _ in 0..2 {
        assert!(matches!(pool.respawn().await, Err(SpawnError::Boot(BootError::TimedOut { .. }))));
    }
    assert_eq!(pool.respawn().await, Ok(()));
    assert_eq!(pool.health().crashes, 2);
}

#[pm_runtime::test]
async fn it_fails_where_nobody_could_hear_it() {
    let pool = CountPool::builder().max_frame(4).build();
    assert!(matches!(pool.broadcast(1).await, Err(QueryError::TooLarge { .. })));
    let pool = CountPool::new();
    pool.destroy().await;
    assert_eq!(pool.broadcast(1).await, Err(QueryError::Destroyed));
}

#[pm_runtime::test]
async fn a_spare_has_heard_it_when_it_is_needed() {
    let pool = ShopPool::builder().workers(1).spares(1).build();
    let mut events = pool.events();
    pool.spawn(1).await.unwrap();
    // Both are ready.
    for _ in 0..2 {
        while !matches!(events.next().await, Some(Event::Ready { .. })) {}
    }
    pool.set_discount(30).broadcast().await.unwrap();
    for _ in 0..3 {
        assert_eq!(pool.told().await.unwrap().1, 30);
        let worker = pool.acquire().unwrap();
        pm_tests::kill(worker.pid(), rustix::process::Signal::KILL);
        while pool.workers().iter().any(|other| other.id() == worker.id()) {
            smol::future::yield_now().await;
        }
    }
    assert_eq!(pool.told().await.unwrap().1, 30);
}

#[pm_runtime::test]
async fn those_who_speak_at_once_leave_all_of_one_mind() {
    let pool = ShopPool::builder().workers(2).build();
    pool.spawn(2).await.unwrap();
    for round in 0..500 {
        let barrier = std::sync::Barrier::new(2);
        std::thread::scope(|scope| {
            for percent in [2 * round, 2 * round + 1] {
                let (pool, barrier) = (&pool, &barrier);
                scope.spawn(move || {
                    let said = pool.set_discount(percent).broadcast();
                    barrier.wait();
                    smol::block_on(said).unwrap();
                });
            }
        });
        let discounts: BTreeSet<u32> = told(&pool).await.iter().map(|told| told.1).collect();
        assert_eq!(discounts.len(), 1, "round {round}");
        if round % 50 == 0 {
            pool.respawn().await.unwrap();
            assert_eq!(pool.told().await.unwrap().1, *discounts.first().unwrap(), "round {round}");
        }
    }
}

/// Is busy until there is such a file.
#[worker_query(workers = 1, queue_timeout = "1ms")]
fn await_file(path: &str) -> bool {
    while !std::fs::exists(path).unwrap_or(true) {
        std::thread::yield_now();
    }
    true
}

#[pm_runtime::test]
async fn it_waits_for_a_worker_as_long_as_it_may() {
    let path = std::env::temp_dir().join(format!("pm-broadcast-{}", std::process::id()));
    let path = path.to_str().unwrap();
    let pool = AwaitFilePool::new();
    let busy = smol::spawn(pool.query(path).queue_timeout(None));
    until_begun(&pool, 1).await;
    let mut said = pool.query("/").queue_timeout(None).broadcast();
    assert_eq!(smol::future::poll_once(&mut said).await, None);
    let waits = pool.query("/").await;
    assert!(matches!(waits, Err(QueryError::QueueTimedOut { .. })), "{waits:?}");
    std::fs::write(path, "").unwrap();
    assert_eq!((busy.await, said.await), (Ok(true), Ok(vec![true])));
    std::fs::remove_file(path).unwrap();
}
