//! What a worker does before it is ready.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use pm_runtime::{
    BootError, CrashCause, CrashReport, Exit, QueryError, SpawnError, worker, worker_query,
};

/// How often `init` ran in this process.
static RUNS: AtomicU32 = AtomicU32::new(0);

fn count() {
    RUNS.fetch_add(1, Ordering::SeqCst);
}

fn count_and_succeed() -> Result<(), std::num::ParseIntError> {
    count();
    Ok(())
}

async fn count_later() {
    smol::future::yield_now().await;
    count();
}

async fn count_and_succeed_later() -> Result<(), Box<dyn std::error::Error>> {
    count_later().await;
    Ok(())
}

fn runs() -> u32 {
    RUNS.load(Ordering::SeqCst)
}

#[worker_query(workers = 1, init = count)]
fn after_plain() -> u32 {
    runs()
}

#[worker_query(workers = 1, init = count_and_succeed, concurrency = 3)]
fn after_fallible() -> u32 {
    runs()
}

#[worker_query(workers = 1, init = count_later)]
fn after_async() -> u32 {
    runs()
}

#[worker_query(workers = 1, init = count_and_succeed_later)]
async fn after_async_fallible() -> u32 {
    runs()
}

#[worker_query(workers = 1, init = || RUNS.store(7, Ordering::SeqCst))]
async fn after_closure() -> u32 {
    runs()
}

#[worker_query(workers = 1, init = || "x".parse::<u32>().map(drop))]
fn after_failure() {}

#[worker_query(workers = 1, init = || -> Result<(), String> { panic!("no logger") })]
async fn after_panic() {}

#[worker_query(workers = 1, max_crashes = 0, init = quit)]
fn after_exit() {}

fn quit() {
    std::process::exit(3)
}

struct Fragile;

impl Default for Fragile {
    fn default() -> Self {
        std::process::abort()
    }
}

#[worker_query(workers = 1, max_crashes = 0)]
impl Fragile {
    fn touch(&self) {}
}

struct Engine(u32);

#[derive(Debug)]
struct NoFuel;

impl std::fmt::Display for NoFuel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the tank is empty\x1b[2J")
    }
}

impl Engine {
    fn start() -> Self {
        count();
        Engine(runs())
    }

    fn try_start() -> Result<Self, NoFuel> {
        Ok(Self::start())
    }

    async fn start_later() -> Engine {
        Self::start()
    }

    async fn try_start_later() -> Result<Engine, NoFuel> {
        Self::try_start()
    }

    async fn stall() -> Result<Engine, NoFuel> {
        smol::future::yield_now().await;
        Err(NoFuel)
    }

    fn explode() -> Self {
        panic!("boom")
    }

    async fn hesitate() -> Self {
        smol::future::pending().await
    }
}

#[worker_query(name = "Plain", init = Engine::start)]
impl Engine {
    fn plain(&mut self) -> u32 {
        self.0
    }
}

#[worker_query(name = "Fallible", init = Engine::try_start)]
impl Engine {
    fn fallible(&mut self) -> u32 {
        self.0
    }
}

#[worker_query(name = "Later", init = Self::start_later)]
impl Engine {
    fn later(&mut self) -> u32 {
        self.0
    }
}

#[worker_query(name = "FallibleLater", init = Self::try_start_later)]
impl Engine {
    async fn fallible_later(&mut self) -> u32 {
        self.0
    }
}

#[worker_query(name = "Stalled", init = Engine::stall)]
impl Engine {
    fn stalled(&mut self) {}
}

#[worker_query(name = "Exploded", init = Engine::explode)]
impl Engine {
    async fn exploded(&mut self) {}
}

#[worker_query(name = "Hesitant", init = Engine::hesitate)]
impl Engine {
    fn hesitant(&mut self) {}
}

/// There is one of it at most.
struct First;

#[worker_query(init = First::claim, workers = 2)]
impl First {
    fn claim() -> Result<Self, &'static str> {
        if worker::id() == Some(1) { Ok(First) } else { Err("there can be only one") }
    }

    fn number(&self) -> u64 {
        worker::id().unwrap_or_default()
    }
}

#[pm_runtime::test]
async fn it_has_run_once_when_the_first_query_begins() {
    assert_eq!(AfterPlainPool::new().query().await, Ok(1));
    let pool = AfterFalliblePool::new();
    let runs = futures::future::join_all((0..9).map(|_| pool.query())).await;
    assert_eq!(runs, vec![Ok(1); 9]);
    assert_eq!(AfterAsyncPool::new().query().await, Ok(1));
    assert_eq!(AfterAsyncFalliblePool::new().query().await, Ok(1));
    assert_eq!(AfterClosurePool::new().query().await, Ok(7));
    assert_eq!(PlainPool::new().plain().await, Ok(1));
    assert_eq!(FalliblePool::new().fallible().await, Ok(1));
    assert_eq!(LaterPool::new().later().await, Ok(1));
    assert_eq!(FallibleLaterPool::new().fallible_later().await, Ok(1));
    assert_eq!(runs_here(), 0, "it runs in workers only");
}

fn runs_here() -> u32 {
    runs()
}

/// The reason that a permanent failure was given.
#[track_caller]
fn reason<T: std::fmt::Debug>(result: Result<T, QueryError>) -> Box<str> {
    match result {
        Err(error @ QueryError::Boot(_)) if error.is_retryable() => panic!("{error}"),
        Err(QueryError::Boot(BootError::Init { reason })) => reason,
        other => panic!("{other:?}"),
    }
}

#[pm_runtime::test]
async fn its_failure_is_a_typed_error_and_no_crash() {
    let pool = AfterFailurePool::new();
    // Again and again, as it may come.
    for _ in 0..10 {
        assert_eq!(&*reason(pool.query().await), "invalid digit found in string");
    }
    assert_eq!(pool.health().crashes, 0);
    let pool = StalledPool::new();
    assert_eq!(&*reason(pool.stalled().await), "the tank is empty\x1b[2J");
    let error = pool.stalled().await.unwrap_err().to_string();
    assert!(error.contains("`init` failed: the tank is empty") && !error.contains('\x1b'));
    let error = pool.spawn(1).await.unwrap_err();
    assert!(matches!(error, SpawnError::Boot(BootError::Init { .. })), "{error}");
}

#[pm_runtime::test]
async fn its_failure_elsewhere_leaves_the_living_alone() {
    let pool = FirstPool::new();
    assert_eq!(pool.number().await, Ok(1), "the second worker does not start");
    for result in [pool.respawn().await, pool.spawn_one().await.map(drop)] {
        let error = result.unwrap_err();
        assert!(matches!(error, SpawnError::Boot(BootError::Init { .. })), "{error}");
        assert_eq!(pool.number().await, Ok(1), "the old worker");
    }
    assert!(reason(pool.number().temporary().await).contains("only one"));
    // Until the budget is spent and beyond.
    while pool.health().crashes < 6 {
        assert_eq!(pool.number().await, Ok(1));
    }
    assert_eq!(pool.number().await, Ok(1));
}

#[pm_runtime::test]
async fn its_panic_is_a_failure_that_says_where() {
    let panicked = reason(AfterPanicPool::new().query().await);
    assert!(panicked.starts_with("it panicked: no logger at ") && panicked.contains("init.rs"));
    let panicked = reason(ExplodedPool::new().exploded().await);
    assert!(panicked.starts_with("it panicked: boom at "), "{panicked}");
}

/// What became of the last worker of a pool that has none left.
#[track_caller]
fn last(result: Result<(), QueryError>) -> CrashReport {
    match result {
        Err(QueryError::BudgetExhausted { last, .. }) => last,
        other => panic!("{other:?}"),
    }
}

#[pm_runtime::test]
async fn a_death_in_it_is_its_own_and_not_that_of_main() {
    let report = last(AfterExitPool::new().query().await);
    let exit = Exit::Code(3);
    assert_eq!(report.cause, CrashCause::Boot(BootError::ExitedInInit { exit }), "{report}");
    assert!(report.to_string().contains("exited with code 3 in its `init`"), "{report}");
    // The state that no `init` makes is made by its `Default`.
    let report = last(FragilePool::new().touch().await);
    assert!(report.to_string().contains("SIGABRT in its `init`, or in the `Default`"), "{report}");
}

#[pm_runtime::test]
async fn its_time_is_that_of_the_boot() {
    let pool =
        HesitantPool::builder().boot_timeout(Duration::from_millis(200)).max_crashes(0).build();
    let error = pool.hesitant().await.unwrap_err();
    let QueryError::BudgetExhausted { last, .. } = &error else { panic!("{error}") };
    assert!(last.to_string().contains("boot_timeout"), "{last}");
}

#[pm_runtime::test]
async fn it_runs_in_threads_of_this_process_too() {
    let pool = StalledPool::in_process();
    assert_eq!(&*reason(pool.stalled().await), "the tank is empty\x1b[2J");
    let pool = ExplodedPool::in_process();
    assert!(reason(pool.exploded().await).contains("boom"));
}
