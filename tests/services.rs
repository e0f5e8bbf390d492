//! `impl` blocks as services: a state per worker, and queries on it.

#[path = "services/dropped.rs"]
mod dropped;
#[path = "services/faces.rs"]
mod faces;

use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use pm_runtime::{Event, QueryError, worker_query};
use pm_tests::{Folder, kill, until, until_begun};
use rustix::process::Signal;
use serde::{Deserialize, Serialize};
use smol::stream::StreamExt;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Species {
    pub name: String,
    pub level: u32,
}

/// What is known of species.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub struct Dex {
    known: Vec<Species>,
}

#[worker_query(init = Dex::load)]
impl Dex {
    /// A helper: it has no `self`.
    fn load() -> Self {
        Self { known: vec![Self::species("pikachu")] }
    }

    fn species(name: &str) -> Species {
        Species { name: name.into(), level: 25 }
    }

    pub fn lookup(&self, name: &str) -> Option<Species> {
        self.known.iter().find(|species| species.name == name).cloned()
    }

    pub async fn learn(&mut self, species: Species) -> usize {
        smol::future::yield_now().await;
        self.known.push(species);
        self.known.len()
    }

    /// `Self` is understood wherever it stands.
    pub(crate) async fn merge(&mut self, others: &[Self], one: Option<Self>) -> Result<Self, ()> {
        let all = others.iter().chain(&one);
        self.known.extend(all.flat_map(|other| other.known.clone()));
        Ok(self.clone())
    }

    fn pid(&self) -> u32 {
        std::process::id()
    }
}

/// A service without an await, whose state is `Default` and cannot leave its thread.
#[derive(Default)]
struct Counter {
    count: Rc<RefCell<u64>>,
}

#[worker_query]
impl Counter {
    fn add(&mut self, n: u64) -> u64 {
        *self.count.borrow_mut() += n;
        self.get()
    }

    fn get(&self) -> u64 {
        *self.count.borrow()
    }

    fn add_and_panic(&mut self, n: u64) {
        self.add(n);
        panic!("half-way");
    }

    fn panic(&self) {
        panic!("nothing was changed");
    }

    fn meet(&mut self, here: &str, there: &str) -> u64 {
        std::fs::write(here, "").expect("the folder is there");
        until(|| exists(there));
        self.add(1)
    }

    fn spin(&self) {
        loop {
            std::hint::spin_loop();
        }
    }

    fn pid(&self) -> u32 {
        std::process::id()
    }
}

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

fn exists(file: &str) -> bool {
    Path::new(file).exists()
}

#[pm_runtime::test]
async fn a_service_answers_from_its_state() {
    let pool = DexPool::new();
    assert_eq!(pool.lookup("pikachu").await, Ok(Some(Dex::species("pikachu"))));
    assert_eq!(pool.lookup("eevee").await, Ok(None));
    assert_eq!(pool.learn(Dex::species("eevee")).await, Ok(2));
    assert_eq!(pool.lookup("eevee").await, Ok(Some(Dex::species("eevee"))));
    let other = Dex { known: vec![Dex::species("mew")] };
    let merged =
        pool.merge(std::slice::from_ref(&other), Some(other.clone())).await.unwrap().unwrap();
    assert_eq!(merged.known.len(), 4);
    assert_ne!(pool.pid().await, Ok(std::process::id()));
    assert_eq!(pool.name(), "Dex");
    assert!(pool.health().account.balances());
}

#[pm_runtime::test]
async fn a_state_is_gone_with_its_worker() {
    let pool = CounterPool::new();
    assert_eq!(pool.add(3).await, Ok(3));
    assert_eq!(pool.add(4).await, Ok(7));
    let pid = pool.pid().await.unwrap();
    kill(pid, Signal::KILL);
    until(|| pool.health().workers.iter().all(|worker| worker.pid != pid));
    assert_eq!(pool.get().await, Ok(0));
    assert_eq!(pool.add(1).await, Ok(1));
    pool.respawn().await.unwrap();
    assert_eq!(pool.get().await, Ok(0));
}

#[pm_runtime::test]
async fn each_worker_has_a_state_of_its_own() {
    let pool = CounterPool::builder().workers(2).build();
    pool.spawn(2).await.unwrap();
    let folder = Folder::new("own");
    let (here, there) = (folder.file("here"), folder.file("there"));
    // Each waits for the other to begin, and both change what they were given.
    let both = futures::future::join(pool.meet(&here, &there), pool.meet(&there, &here));
    assert_eq!(both.await, (Ok(1), Ok(1)));
}

#[pm_runtime::test]
async fn a_service_that_changes_has_one_worker_unless_more_are_written_out() {
    let pool = CounterPool::new();
    futures::future::join_all((0..50).map(|_| pool.add(1))).await;
    assert_eq!(pool.get().await, Ok(50));
    assert_eq!(pool.workers().len(), 1);
    let pool = GreeterPool::new();
    pool.greet("you").await.unwrap();
    let cpus = std::thread::available_parallelism().unwrap().get();
    assert_eq!(pool.workers().len(), cpus);
}

#[derive(Default)]
struct Greeter;

#[worker_query]
impl Greeter {
    fn greet(&self, name: &str) -> String {
        format!("hello, {name}")
    }
}

#[pm_runtime::test]
async fn an_in_process_service_keeps_its_state_on_its_thread() {
    let pool = CounterPool::in_process();
    assert_eq!(pool.add(2).await, Ok(2));
    assert_eq!(pool.pid().await, Ok(std::process::id()));
    assert!(matches!(pool.add_and_panic(5).await, Err(QueryError::Panicked(_))));
    assert_eq!(pool.get().await, Ok(0), "another thread");
    let pool = DexPool::in_process();
    assert_eq!(pool.learn(Dex::species("eevee")).await, Ok(2));
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
    while pool.health().account.submitted < 2 {
        smol::future::yield_now().await;
    }
    let third = smol::spawn(pool.look("third", &look, &go_on));
    while pool.health().account.submitted < 3 {
        smol::future::yield_now().await;
    }
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
        while pool.health().account.submitted < 6 {
            smol::future::yield_now().await;
        }
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
    while pool.health().account.submitted < 22 {
        smol::future::yield_now().await;
    }
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
    while pool.health().account.submitted < 6 {
        smol::future::yield_now().await;
    }
    create(&go_on);
    assert!(matches!(panics.await, Err(QueryError::Panicked(_))));
    for reader in readers {
        assert_eq!(reader.await, Ok(vec![]));
    }
}

/// Methods with names that pools have, too.
#[derive(Default)]
struct Ward;

#[worker_query(workers = 1)]
impl Ward {
    fn health(&self) -> String {
        String::from("well")
    }

    fn query(&self, request: u8, frame: u8, state: u8, answer: u8) -> u32 {
        u32::from(request) + u32::from(frame) + u32::from(state) + u32::from(answer)
    }

    fn r#type(&self) -> u8 {
        7
    }
}

#[pm_runtime::test]
async fn a_method_wins_over_that_of_the_pool() {
    let pool = WardPool::new();
    assert_eq!(pool.health().await.as_deref(), Ok("well"));
    assert_eq!(pool.query(1, 2, 3, 4).await, Ok(10));
    assert_eq!(pool.r#type().await, Ok(7));
    assert_eq!((*pool).health().account.completed, 3);
}

/// Where nothing can be relied on.
#[no_implicit_prelude]
mod bare {
    #![forbid(unsafe_code)]
    #![deny(missing_docs, private_interfaces)]

    #[derive(::std::fmt::Debug, ::serde::Serialize, ::serde::Deserialize)]
    struct Secret(u8);

    struct Safe(::std::rc::Rc<::std::cell::Cell<u8>>);

    #[::pm_runtime::worker_query(init = Safe::open, name = "Vault")]
    impl Safe {
        async fn open() -> ::std::result::Result<Self, ::std::string::String> {
            ::std::result::Result::Ok(Safe(::std::default::Default::default()))
        }

        async fn put(&mut self, secret: &Secret) -> Secret {
            self.0.set(secret.0);
            self.take()
        }

        fn take(&self) -> Secret {
            Secret(self.0.get())
        }
    }

    pub(super) async fn round_trip(value: u8) -> u8 {
        let pool = VaultPool::new();
        let put = pool.put(&Secret(value)).await;
        ::std::assert!(put.is_ok());
        match pool.take().await {
            ::std::result::Result::Ok(secret) => secret.0,
            ::std::result::Result::Err(error) => ::std::panic!("{error}"),
        }
    }
}

#[pm_runtime::test]
async fn a_service_of_private_types_relies_on_no_prelude() {
    assert_eq!(bare::round_trip(9).await, 9);
}

#[pm_runtime::test]
async fn a_service_in_a_function_body_is_one_like_any() {
    struct Local(u32);

    #[worker_query(init = || Local(3))]
    impl Local {
        fn get(&self) -> u32 {
            self.0
        }
    }

    assert_eq!(LocalPool::new().get().await, Ok(3));
}

#[pm_runtime::test]
async fn a_state_is_reached_by_name_and_by_key_and_a_temporary_one_is_fresh() {
    let pool = CounterPool::builder().workers(2).build();
    let worker = pool.spawn_one().await.unwrap();
    assert_eq!(pool.add(5).on(&worker).await, Ok(5));
    assert_eq!(pool.pid().on(&worker).await, Ok(worker.pid()));
    assert_eq!(pool.add(2).on(&worker).await, Ok(7));
    assert_eq!(pool.add(1).temporary().await, Ok(1));
    let crash = pool.add_and_panic(1).temporary().await;
    assert!(matches!(crash, Err(QueryError::Panicked(_))), "{crash:?}");
    assert_eq!(pool.get().on(&worker).await, Ok(7), "no other one's state was spoiled");
    let before = pool.add(1).key("safari zone").await.unwrap();
    assert_eq!(pool.add(1).key("safari zone").await, Ok(before + 1));
    pool.add_and_panic(1).on(&worker).await.unwrap_err();
    assert_eq!(pool.get().on(&worker).await, Err(QueryError::WorkerGone));
    pool.destroy().await;
}

#[derive(Default)]
struct Mine;

#[worker_query]
impl Mine {
    fn is_quiet(&self) -> bool {
        true
    }

    async fn explode(&mut self, _fuse: u32) {
        std::process::abort()
    }
}

#[pm_runtime::test]
async fn the_report_of_a_crash_names_the_method() {
    let pool = MinePool::new();
    assert_eq!(pool.is_quiet().await, Ok(true));
    let Err(QueryError::Crashed(report)) = pool.explode(3).await else { panic!("it aborts") };
    let queries: Vec<_> = report.running.iter().map(|running| &*running.query).collect();
    assert_eq!(queries, ["Mine::explode"]);
    assert!(report.to_string().contains("SIGABRT, running `Mine::explode` ("), "{report}");
}
