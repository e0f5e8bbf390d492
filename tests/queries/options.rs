//! Options, wherever they are given.

use std::path::PathBuf;
use std::time::Duration;

use pm_runtime::{BootError, QueryError, worker_query};

const WORKERS: usize = 3;
const SECOND: Duration = Duration::from_secs(1);
const UNLIMITED: Option<Duration> = None;

mod limits {
    pub const CONCURRENCY: usize = 2;
    pub const QUEUE: usize = 10;
    pub const BYTES: usize = 1 << 20;
    pub const CRASHES: u32 = 7;
    pub const PROGRAM: &str = "/no/such/program";
}

#[worker_query]
fn by_default() {}

#[worker_query(
    workers = 3,
    timeout = "30s",
    queue_timeout = "1.5s",
    boot_timeout = "1min",
    grace = "0s",
    concurrency = 2,
    queue = 10,
    queue_bytes = "1MiB",
    max_crashes = 7,
    crash_window = "1h 30min",
    max_frame = 1024,
    program = "/no/such/program"
)]
fn by_literals() {}

#[worker_query(
    workers = WORKERS,
    timeout = Duration::from_secs(30),
    queue_timeout = SECOND + SECOND / 2,
    boot_timeout = SECOND * 60,
    grace = Duration::ZERO,
    concurrency = limits::CONCURRENCY,
    queue = self::limits::QUEUE,
    queue_bytes = limits::BYTES,
    max_crashes = limits::CRASHES,
    crash_window = Some(SECOND * 90 * 60),
    max_frame = 1 << 10,
    program = limits::PROGRAM,
)]
fn by_constants() {}

/// Not in the order of the table.
#[worker_query(
    crash_window = None,
    grace = "none",
    boot_timeout = UNLIMITED,
    max_crashes = "none",
    queue_timeout = UNLIMITED,
    timeout = "none"
)]
async fn without_limits() {}

#[test]
fn an_option_means_the_same_as_literal_as_constant_and_on_the_builder() {
    let by_hand = ByDefaultPool::builder()
        .workers(3)
        .timeout(Duration::from_secs(30))
        .queue_timeout(Duration::from_millis(1500))
        .boot_timeout(Duration::from_secs(60))
        .grace(Duration::ZERO)
        .concurrency(2)
        .queue(10)
        .queue_bytes(1 << 20)
        .max_crashes(7)
        .crash_window(Duration::from_secs(90 * 60))
        .max_frame(1024)
        .program(PathBuf::from("/no/such/program"));
    let by_hand = format!("{by_hand:?}");
    assert_eq!(format!("{:?}", ByLiteralsPool::builder()), by_hand);
    assert_eq!(format!("{:?}", ByConstantsPool::builder()), by_hand);
    assert_ne!(format!("{:?}", ByDefaultPool::builder()), by_hand);
}

#[test]
fn no_limit_means_the_same_everywhere() {
    let by_hand = ByDefaultPool::builder()
        .timeout(None)
        .queue_timeout(None)
        .boot_timeout(None)
        .grace(None)
        .max_crashes(None)
        .crash_window(None);
    assert_eq!(format!("{:?}", WithoutLimitsPool::builder()), format!("{by_hand:?}"));
}

/// Waits until it is dropped.
#[worker_query(workers = 1, timeout = "10ms")]
async fn limited() {
    std::future::pending().await
}

#[worker_query(workers = 1, max_frame = "100B")]
fn length(text: &str) -> usize {
    text.len()
}

#[pm_runtime::test]
async fn an_option_of_the_attribute_holds_and_the_builder_overrides_it() {
    let error = LimitedPool::new().query().await.unwrap_err();
    let after = Duration::from_millis(10);
    assert_eq!(error, QueryError::TimedOut { after, worker: 1, debug: None });
    let after = Duration::from_millis(20);
    let pool = LimitedPool::builder().timeout(after).build();
    let error = pool.query().await.unwrap_err();
    assert_eq!(error, QueryError::TimedOut { after, worker: 1, debug: None });
    let text = "x".repeat(100);
    let error = LengthPool::new().query(&text).await.unwrap_err();
    assert!(matches!(error, QueryError::TooLarge { limit: 100, .. }), "{error}");
    let pool = LengthPool::builder().max_frame(200).build();
    assert_eq!(pool.query(&text).await, Ok(100));
}

#[pm_runtime::test]
async fn a_call_overrides_the_pool() {
    let pool = LimitedPool::builder().timeout(None).build();
    let after = Duration::from_millis(15);
    let error = pool.query().timeout(after).await.unwrap_err();
    assert_eq!(error, QueryError::TimedOut { after, worker: 1, debug: None });
}

#[pm_runtime::test]
async fn as_many_workers_as_the_attribute_says() {
    let pool = ByConstantsPool::builder().max_frame(1 << 20);
    let error = pool.clone().build().query().await.unwrap_err();
    assert!(matches!(error, QueryError::Boot(BootError::Program { .. })), "{error}");
    let pool = pool.program(std::env::current_exe().unwrap()).build();
    pool.query().await.unwrap();
    pool.spawn(WORKERS).await.unwrap();
    assert_eq!(pool.workers().len(), WORKERS);
}
