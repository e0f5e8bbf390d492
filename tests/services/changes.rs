//! What changes a state runs alone, and is whole, or costs its worker.

use std::cell::RefCell;
use std::time::Duration;

use pm_runtime::{Event, QueryError, worker_query};
use pm_tests::{Folder, until, until_begun, until_submitted};

use super::{CounterPool, exists};

/// Tells what overlapped, by files that others create and by a log.
#[derive(Default)]
struct Diary {
    log: RefCell<Vec<String>>,
}

#[worker_query(timeout = "none")]
impl Diary {
    /// Looks on from one event to another.
    async fn look(&self, name: &str, begun: &str, go_on: &str) {
        self.note(&format!("{name} begins"));
        wait(begun, go_on).await;
        self.note(&format!("{name} ends"));
    }

    async fn change(&mut self, begun: &str, go_on: &str) {
        self.note("change begins");
        wait(begun, go_on).await;
        self.note("change ends");
    }

    async fn change_and_die(&mut self, begun: &str, go_on: &str) {
        wait(begun, go_on).await;
        std::process::abort();
    }

    async fn change_and_panic(&mut self, begun: &str, go_on: &str) {
        self.note("half-way");
        wait(begun, go_on).await;
        panic!("half-way");
    }

    fn look_and_die(&self, begun: &str, go_on: &str) {
        std::fs::write(begun, "").expect("the folder is there");
        until(|| exists(go_on));
        std::process::abort();
    }

    fn block(&self, begun: &str, go_on: &str) {
        std::fs::write(begun, "").expect("the folder is there");
        until(|| exists(go_on));
    }

    async fn stay(&self) {
        smol::future::pending().await
    }

    async fn stay_and_change(&mut self) {
        smol::future::pending().await
    }

    fn read(&self) -> Vec<String> {
        self.log.borrow().clone()
    }

    fn pid(&self) -> u32 {
        std::process::id()
    }
}

impl Diary {
    fn note(&self, what: &str) {
        self.log.borrow_mut().push(what.into());
    }
}

/// Lets others have their turn until a file is there.
async fn wait(begun: &str, go_on: &str) {
    std::fs::write(begun, "").expect("the folder is there");
    while !exists(go_on) {
        smol::future::yield_now().await;
    }
}

fn create(file: &str) {
    std::fs::write(file, "").unwrap();
}

#[pm_runtime::test]
async fn what_only_looks_runs_beside_others() {
    let folder = Folder::new("beside");
    let (here, there) = (folder.file("here"), folder.file("there"));
    let pool = DiaryPool::new();
    // Each waits for the other to begin.
    let both =
        futures::future::join(pool.look("one", &here, &there), pool.look("other", &there, &here));
    assert_eq!(both.await, (Ok(()), Ok(())));
}

#[pm_runtime::test]
async fn what_changes_runs_alone_and_in_its_turn() {
    let folder = Folder::new("alone");
    let [look, change, go_on] = ["look", "change", "go on"].map(|name| folder.file(name));
    let pool = DiaryPool::new();
    let first = smol::spawn(pool.look("first", &look, &go_on));
    until_begun(&pool, 1).await;
    let second = smol::spawn(pool.change(&change, &go_on));
    until_submitted(&pool, 2).await;
    let third = smol::spawn(pool.look("third", &look, &go_on));
    until_submitted(&pool, 3).await;
    assert!(!exists(&change), "it waits for the first");
    create(&go_on);
    assert_eq!((first.await, second.await, third.await), (Ok(()), Ok(()), Ok(())));
    let log = pool.read().await.unwrap();
    let order = [
        "first begins",
        "first ends",
        "change begins",
        "change ends",
        "third begins",
        "third ends",
    ];
    assert_eq!(log, order);
}

#[pm_runtime::test]
async fn what_waits_for_its_turn_has_not_begun() {
    let folder = Folder::new("turn");
    let [begun, go_on] = ["begun", "go on"].map(|name| folder.file(name));
    for blocking in [false, true] {
        let pool = DiaryPool::new();
        let dies = match blocking {
            true => smol::spawn(pool.look_and_die(&begun, &go_on)),
            false => smol::spawn(pool.change_and_die(&begun, &go_on)),
        };
        until_begun(&pool, 1).await;
        let others: Vec<_> = (0..5).map(|_| smol::spawn(pool.read())).collect();
        until_submitted(&pool, 6).await;
        create(&go_on);
        assert!(matches!(dies.await, Err(QueryError::Crashed(_))));
        for other in others {
            assert_eq!(other.await, Ok(vec![]), "elsewhere, unnoticed");
        }
        std::fs::remove_file(&go_on).unwrap();
    }
}

#[pm_runtime::test]
async fn what_would_wait_behind_a_change_runs_in_another_worker() {
    let folder = Folder::new("behind");
    let [begun, go_on] = ["begun", "go on"].map(|name| folder.file(name));
    let pool = DiaryPool::builder().workers(2).build();
    pool.spawn(2).await.unwrap();
    let change = smol::spawn(pool.change(&begun, &go_on));
    until_begun(&pool, 1).await;
    let logs = futures::future::join_all((0..20).map(|_| pool.read())).await;
    assert_eq!(logs, vec![Ok(vec![]); 20], "none waits for the change");
    create(&go_on);
    assert_eq!(change.await, Ok(()));
}

#[pm_runtime::test]
async fn what_would_wait_behind_one_that_blocks_runs_in_another_worker() {
    let folder = Folder::new("blocked");
    let [one, other, go_on, end] = ["one", "other", "go on", "end"].map(|name| folder.file(name));
    let pool = DiaryPool::builder().workers(2).build();
    pool.spawn(2).await.unwrap();
    let blocks = smol::spawn(pool.block(&one, &end));
    until(|| exists(&one));
    let ends = smol::spawn(pool.block(&other, &go_on));
    until(|| exists(&other));
    // Each of the two is handed some of these.
    let logs: Vec<_> = (0..20).map(|_| smol::spawn(pool.read())).collect();
    until_submitted(&pool, 22).await;
    create(&go_on);
    assert_eq!(ends.await, Ok(()));
    assert_eq!(futures::future::join_all(logs).await, vec![Ok(vec![]); 20]);
    assert!(!exists(&end), "one blocks all the while");
    create(&end);
    assert_eq!(blocks.await, Ok(()));
}

#[pm_runtime::test]
async fn a_change_that_nobody_waits_for_is_made_all_the_same() {
    let folder = Folder::new("cancel");
    let [begun, go_on] = ["begun", "go on"].map(|name| folder.file(name));
    let pool = DiaryPool::new();
    let mut change = Box::pin(pool.change(&begun, &go_on));
    assert!(smol::future::poll_once(&mut change).await.is_none());
    until(|| exists(&begun));
    drop(change);
    let reader = smol::spawn(pool.read());
    create(&go_on);
    assert_eq!(reader.await.unwrap(), ["change begins", "change ends"]);
    let health = pool.health();
    assert_eq!((health.account.cancelled, health.crashes), (1, 0));
}

#[pm_runtime::test]
async fn a_change_that_overruns_costs_its_worker_and_a_look_does_not() {
    let pool = DiaryPool::new();
    let limit = Duration::from_millis(100);
    let pid = pool.pid().await.unwrap();
    let looked = pool.stay().timeout(limit).await;
    assert!(matches!(looked, Err(QueryError::TimedOut { .. })), "{looked:?}");
    assert_eq!(pool.pid().await, Ok(pid), "it was dropped there");
    let changed = pool.stay_and_change().timeout(limit).await;
    assert!(matches!(changed, Err(QueryError::TimedOut { .. })), "{changed:?}");
    assert_ne!(pool.pid().await, Ok(pid), "nobody knows how far it had come");
    let pool = CounterPool::new();
    let spun = pool.spin().timeout(limit).await;
    assert!(matches!(spun, Err(QueryError::TimedOut { .. })), "{spun:?}");
    assert_eq!(pool.get().await, Ok(0));
}

#[pm_runtime::test]
async fn a_panic_in_a_change_costs_the_state_and_counts_for_nothing() {
    let pool = CounterPool::builder().max_crashes(0).build();
    assert_eq!(pool.add(1).await, Ok(1));
    let pid = pool.pid().await.unwrap();
    assert!(matches!(pool.panic().await, Err(QueryError::Panicked(_))));
    assert_eq!((pool.get().await, pool.pid().await), (Ok(1), Ok(pid)), "the same worker");
    let mut events = pool.events();
    for _ in 0..3 {
        let panicked = pool.add_and_panic(5).await;
        assert!(matches!(panicked, Err(QueryError::Panicked(_))), "{panicked:?}");
        assert_eq!(pool.get().await, Ok(0));
    }
    assert_eq!(pool.health().crashes, 0);
    let mut recycled = Vec::new();
    while let Some(event) = events.next().await {
        match event {
            Event::Recycled { worker, .. } => recycled.push(worker),
            Event::Crashed(report) => panic!("{report}"),
            _ => {}
        }
        if recycled.len() == 3 {
            break;
        }
    }
    assert_eq!(recycled, [1, 2, 3]);
}

#[pm_runtime::test]
async fn what_came_behind_a_panic_in_a_change_sees_a_new_state() {
    let folder = Folder::new("panic");
    let [begun, go_on] = ["begun", "go on"].map(|name| folder.file(name));
    let pool = DiaryPool::new();
    let panics = smol::spawn(pool.change_and_panic(&begun, &go_on));
    until_begun(&pool, 1).await;
    let readers: Vec<_> = (0..5).map(|_| smol::spawn(pool.read())).collect();
    until_submitted(&pool, 6).await;
    create(&go_on);
    assert!(matches!(panics.await, Err(QueryError::Panicked(_))));
    for reader in readers {
        assert_eq!(reader.await, Ok(vec![]));
    }
}
