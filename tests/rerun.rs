//! Queries whose workers die under them: who runs again, and who is refused.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::join_all;
use pm_runtime::{CrashCause, Event, QueryError, Transport, worker, worker_query};
use pm_tests::{Over, kill, until_begun};
use rustix::process::Signal;
use smol::future::yield_now;

/// What a query is to come to.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
enum Fate {
    /// It lives from this attempt on, and says which one it is at.
    From(u32),
    Panic,
    Spin,
}

/// Meets its fate; what it carries only makes it long.
#[worker_query(workers = 1, max_crashes = None, quarantine = None)]
fn fragile(fate: Fate, _load: Vec<u8>) -> u32 {
    worker::message(format!("attempt {}", worker::attempt())).expect("it is text");
    match fate {
        Fate::From(attempt) if worker::attempt() < attempt => std::process::abort(),
        Fate::From(_) => worker::attempt(),
        Fate::Panic => panic!("of attempt {}", worker::attempt()),
        Fate::Spin => loop {
            std::hint::spin_loop();
        },
    }
}

/// Dies of poison. In the first worker that happens when as many have begun as may, of whom none
/// ends before.
#[worker_query(workers = 1, max_crashes = None, concurrency = 8)]
async fn taste(food: String) -> u32 {
    static BEGUN: AtomicU32 = AtomicU32::new(0);
    BEGUN.fetch_add(1, Ordering::Relaxed);
    let is_poison = food.contains("poison");
    if worker::id() == Some(1) {
        while !is_poison || BEGUN.load(Ordering::Relaxed) < 8 {
            yield_now().await;
        }
    }
    if is_poison {
        std::process::abort()
    }
    worker::attempt()
}

/// The same one after the other.
#[worker_query(workers = 2, max_crashes = None)]
fn gulp(food: &str) -> usize {
    if food.starts_with("poison") {
        std::process::abort()
    }
    food.len()
}

/// Has no arguments to be told by.
#[worker_query(workers = 1, max_crashes = None, quarantine = 1)]
fn die() {
    std::process::abort()
}

fn transport(over: Over) -> Transport {
    match over {
        Over::Memory => Transport::Auto,
        Over::Sockets | Over::Threads => Transport::Socket,
    }
}

#[pm_runtime::test]
async fn it_runs_again_as_often_as_it_may_and_knows_which_run_it_is() {
    for over in [Over::Memory, Over::Sockets] {
        let pool = FragilePool::builder().transport(transport(over)).retries(2).build();
        // Also what does not fit into a slot, or a stream.
        for load in [0, 10_000, 3 << 20] {
            assert_eq!(pool.query(Fate::From(3), vec![7; load]).await, Ok(3), "{over:?} {load}");
            match pool.query(Fate::From(4), vec![7; load]).await {
                Err(QueryError::Crashed(report)) => assert_eq!(report.running[0].attempt, 3),
                other => panic!("{other:?}"),
            }
            assert_eq!(pool.query(Fate::From(2), vec![]).retries(1).await, Ok(2));
        }
        let account = pool.health().account;
        assert!(account.balances());
        assert_eq!((account.submitted, account.completed, account.failed), (9, 6, 3));
    }
}

#[pm_runtime::test]
async fn it_runs_again_in_a_temporary_worker_and_by_its_key() {
    let pool = FragilePool::builder().retries(1).build();
    assert_eq!(pool.query(Fate::From(2), vec![]).temporary().await, Ok(2));
    assert_eq!(pool.query(Fate::From(2), vec![]).key("k").await, Ok(2));
    let worker = pool.spawn_one().await.unwrap();
    // Nobody else was to run it.
    let bound = pool.query(Fate::From(2), vec![]).on(&worker).await;
    assert!(matches!(bound, Err(QueryError::Crashed(_))), "{bound:?}");
}

#[pm_runtime::test]
async fn a_panic_and_a_timeout_are_answers() {
    let pool = FragilePool::builder().retries(9).build();
    match pool.query(Fate::Panic, vec![]).await {
        Err(QueryError::Panicked(report)) => assert_eq!(report.message(), "of attempt 1"),
        other => panic!("{other:?}"),
    }
    let late = pool.query(Fate::Spin, vec![]).timeout(Duration::from_millis(50)).await;
    assert!(matches!(late, Err(QueryError::TimedOut { .. })), "{late:?}");
    assert_eq!(pool.health().account.failed, 2);
}

#[pm_runtime::test]
async fn each_run_is_heard() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let sink = heard.clone();
    let call = FragilePool::new().query(Fate::From(3), vec![]).retries(2);
    assert_eq!(call.on_message(move |text| sink.lock().unwrap().push(text)).await, Ok(3));
    assert_eq!(*heard.lock().unwrap(), ["attempt 1", "attempt 2", "attempt 3"]);
}

#[pm_runtime::test]
async fn who_drops_it_while_it_pauses_has_cancelled_it() {
    let pool = FragilePool::builder().retries(u32::MAX).build();
    let mut crashes = pool.events();
    let call = smol::spawn(pool.query(Fate::From(u32::MAX), vec![]));
    while !matches!(crashes.next().await, Some(Event::Crashed(_))) {}
    call.cancel().await;
    let account = pool.health().account;
    assert_eq!((account.cancelled, account.waiting, account.running), (1, 0, 0));
    assert!(account.balances());
    assert_eq!(pool.query(Fate::From(1), vec![]).await, Ok(1));
}

#[pm_runtime::test]
async fn a_kill_from_outside_is_made_good_and_held_against_nobody() {
    let pool = FragilePool::builder().quarantine(1).retries(50).build();
    let calls: Vec<_> = (0..4).map(|_| smol::spawn(pool.query(Fate::Spin, vec![]))).collect();
    for kills in 1..=5 {
        until_begun(&pool, 1).await;
        let worker = pool.acquire().expect("it runs");
        let pid = loop {
            // The next one is only about to start.
            match worker.pid() {
                0 => std::thread::yield_now(),
                pid => break pid,
            }
        };
        kill(pid, Signal::KILL);
        while pool.workers().iter().any(|other| other.id() == worker.id()) {
            smol::future::yield_now().await;
        }
        assert_eq!(pool.health().quarantined, 0, "after {kills}");
    }
    assert!(calls.iter().all(|call| !call.is_finished()));
}

#[pm_runtime::test]
async fn what_has_killed_enough_is_refused_whoever_sends_it() {
    for over in [Over::Memory, Over::Sockets] {
        let pool = GulpPool::builder().transport(transport(over)).workers(1).build();
        let mut events = pool.events();
        // Also what waits already when it is found out.
        let calls = join_all((0..40).map(|_| pool.query("poison"))).await;
        let crashed = calls.iter().filter(|call| matches!(call, Err(QueryError::Crashed(_))));
        assert_eq!(crashed.count(), 3, "{over:?}: {calls:?}");
        let refused = Err(QueryError::Quarantined { crashes: 3 });
        assert_eq!(calls.iter().filter(|call| **call == refused).count(), 37);
        assert_eq!(pool.query("poison").await, refused);
        assert_eq!(pool.query("poison").retries(3).await, refused);
        assert_eq!(pool.query("potion").await, Ok(6));
        let health = pool.health();
        assert_eq!((health.crashes, health.quarantined), (3, 1));
        assert!(health.account.balances());
        let found = loop {
            match events.next().await.expect("it is told") {
                Event::Quarantined { report, crashes } => break (report, crashes),
                _ => continue,
            }
        };
        assert_eq!((found.0.running[0].query.as_str(), found.1), ("gulp", 3));
        pool.forgive();
        assert_eq!(pool.health().quarantined, 0);
        assert!(matches!(pool.query("poison").await, Err(QueryError::Crashed(_))));
    }
}

#[pm_runtime::test]
async fn who_retries_learns_that_it_is_refused() {
    let pool = GulpPool::new();
    assert_eq!(pool.query("poison").retries(9).await, Err(QueryError::Quarantined { crashes: 3 }));
    assert_eq!(pool.health().crashes, 3);
    // Bytes tell it apart, and all of them.
    let long = |end: &str| format!("poison{}{end}", "x".repeat(300_000));
    for _ in 0..3 {
        assert!(matches!(pool.query(&long("a")).await, Err(QueryError::Crashed(_))));
    }
    assert!(matches!(pool.query(&long("a")).await, Err(QueryError::Quarantined { .. })));
    assert!(matches!(pool.query(&long("b")).await, Err(QueryError::Crashed(_))));
}

#[pm_runtime::test]
async fn an_innocent_neighbour_is_cleared_by_a_run_alone() {
    for over in [Over::Memory, Over::Sockets] {
        let pool = TastePool::builder().transport(transport(over)).retries(20).build();
        let names = (0..30).map(|i| if i == 7 { "poison".into() } else { format!("{i}") });
        let tasted = join_all(names.map(|name| pool.query(name))).await;
        for (index, taste) in tasted.iter().enumerate() {
            match index {
                7 => assert_eq!(*taste, Err(QueryError::Quarantined { crashes: 3 }), "{over:?}"),
                _ => assert!(taste.is_ok(), "{over:?} {index}: {taste:?}"),
            }
        }
        let health = pool.health();
        assert_eq!(health.quarantined, 1);
        // Once beside others, and then alone.
        assert_eq!(health.crashes, 4);
    }
}

#[pm_runtime::test]
async fn what_has_no_arguments_is_never_refused() {
    let pool = DiePool::new();
    for _ in 0..4 {
        match pool.query().await {
            Err(QueryError::Crashed(report)) => assert_eq!(report.cause, CrashCause::Died),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(pool.health().quarantined, 0);
}

/// Takes so many steps, and asks for the time that each takes.
#[worker_query(workers = 1, timeout = "1s")]
fn step(steps: u32, extends: bool) -> bool {
    let mut grows = true;
    for _ in 0..steps {
        let before = worker::deadline();
        if extends {
            grows &= worker::extend_deadline(Duration::from_secs(3600)) > before;
            grows &= worker::deadline() > before;
        }
        std::thread::sleep(Duration::from_millis(300));
    }
    grows
}

/// The same with awaits.
#[worker_query(workers = 1, timeout = "1s")]
async fn stroll(steps: u32) -> bool {
    let mut grows = true;
    for _ in 0..steps {
        let before = worker::deadline();
        worker::extend_deadline(Duration::from_secs(3600));
        smol::Timer::after(Duration::from_millis(300)).await;
        grows &= worker::deadline() > before;
    }
    grows
}

/// Asks for all the time that there is.
#[worker_query(workers = 1, timeout = "1s")]
fn stay() -> bool {
    let last = worker::extend_deadline(Duration::MAX);
    std::thread::sleep(Duration::from_millis(1200));
    last.is_none() && worker::deadline().is_none()
}

#[pm_runtime::test]
async fn who_asks_for_all_time_has_no_deadline_any_more() {
    assert_eq!(StayPool::new().query().await, Ok(true));
}

#[pm_runtime::test]
async fn who_asks_for_more_time_has_it() {
    for over in [Over::Memory, Over::Sockets] {
        let pool = StepPool::builder().transport(transport(over)).build();
        assert_eq!(pool.query(6, true).await, Ok(true), "{over:?}");
        let late = pool.query(u32::MAX, false).await;
        assert!(matches!(late, Err(QueryError::TimedOut { .. })), "{over:?}: {late:?}");
        let pool = StrollPool::builder().transport(transport(over)).build();
        assert_eq!(pool.query(6).await, Ok(true), "{over:?}");
    }
    assert_eq!(StepPool::builder().in_process().build().query(6, true).await, Ok(true));
    assert_eq!(worker::extend_deadline(Duration::from_secs(1)), None);
}

/// Says what it is at in its first run, and hangs in the next one.
#[worker_query(workers = 1, retries = 1, timeout = "1s")]
fn hang_later() {
    if worker::attempt() == 1 {
        worker::debug("it dies");
        std::process::abort()
    }
    loop {
        std::hint::spin_loop();
    }
}

#[pm_runtime::test]
async fn what_an_earlier_run_was_at_is_not_told_of_a_later_one() {
    match HangLaterPool::new().query().await {
        Err(QueryError::TimedOut { debug, .. }) => assert_eq!(debug, None),
        other => panic!("{other:?}"),
    }
}
