//! `impl` blocks as services: a state per worker, and queries on it.

#[path = "services/changes.rs"]
mod changes;
#[path = "services/dropped.rs"]
mod dropped;
#[path = "services/faces.rs"]
mod faces;

use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;

use pm_runtime::{QueryError, worker_query};
use pm_tests::{Folder, kill, until};
use rustix::process::Signal;
use serde::{Deserialize, Serialize};

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
