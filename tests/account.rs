//! The table of the account, row by row: each outcome, with real workers, and its column.

use std::collections::HashMap;
use std::time::Duration;

use pm_runtime::fault::{Fault, Faults, When};
use pm_runtime::{Pool, PoolBuilder, QueryError, worker_query};
use pm_tests::{Task, WorkAsyncPool, WorkPool, until};
use serde::{Deserialize, Serialize};
use smol::future::poll_once;

/// What bincode cannot encode.
#[derive(Debug, Serialize, Deserialize)]
struct Flat {
    #[serde(flatten)]
    rest: HashMap<String, u32>,
}

/// What it encodes and cannot decode.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Untagged {
    Number(u32),
}

#[worker_query(workers = 1)]
fn takes_flat(_value: Flat) {}

#[worker_query(workers = 1)]
fn returns_flat() -> Flat {
    Flat { rest: HashMap::new() }
}

#[worker_query(workers = 1)]
fn takes_untagged(_value: Untagged) {}

#[worker_query(workers = 1)]
fn returns_untagged() -> Untagged {
    Untagged::Number(1)
}

#[worker_query(workers = 1, max_frame = "1KiB")]
fn echo(bytes: Vec<u8>, times: usize) -> Vec<u8> {
    bytes.repeat(times)
}

#[worker_query(workers = 1, cancel = "kill")]
fn spin() {
    loop {
        std::hint::spin_loop();
    }
}

/// The columns in which there is something; what was submitted is their sum.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Columns {
    completed: u64,
    failed: u64,
    cancelled: u64,
    rejected: u64,
    waiting: u64,
    running: u64,
}

const NONE: Columns =
    Columns { completed: 0, failed: 0, cancelled: 0, rejected: 0, waiting: 0, running: 0 };
const COMPLETED: Columns = Columns { completed: 1, ..NONE };
const FAILED: Columns = Columns { failed: 1, ..NONE };
const CANCELLED: Columns = Columns { cancelled: 1, ..NONE };
const REJECTED: Columns = Columns { rejected: 1, ..NONE };

/// The account of a pool, to the last query; and the latency of a run for each that ended.
#[track_caller]
fn check(pool: &Pool, expected: Columns) {
    let health = pool.health();
    let account = health.account;
    let columns = Columns {
        completed: account.completed,
        failed: account.failed,
        cancelled: account.cancelled,
        rejected: account.rejected,
        waiting: account.waiting,
        running: account.running,
    };
    assert_eq!(columns, expected);
    assert!(account.balances(), "{account:?}");
    let runs = health.latency.run.map_or(0, |run| run.count);
    assert_eq!(runs, expected.completed + expected.failed);
}

/// Whether it is this error.
macro_rules! assert_error {
    ($outcome:expr, $error:pat) => {
        match $outcome {
            Err($error) => {}
            other => panic!("{other:?} is not {}", stringify!($error)),
        }
    };
}

/// A pool that does not wait for what still runs at its end.
fn hasty() -> PoolBuilder<WorkPool> {
    WorkPool::builder().grace(Duration::ZERO)
}

/// Has the only worker of a pool run something that does not end.
fn occupy(pool: &WorkPool) -> smol::Task<Result<u64, QueryError>> {
    let running = smol::spawn(pool.query(Task::Spin));
    until(|| pool.health().account.running == 1);
    running
}

#[pm_runtime::test]
async fn answers_are_completed() {
    let pool = WorkPool::new();
    assert_eq!(pool.query(Task::Return(1)).await, Ok(1));
    check(&pool, COMPLETED);

    // Its caller cannot decode it, but the worker has done its part.
    let pool = ReturnsUntaggedPool::new();
    assert_error!(pool.query().await, QueryError::Decode(_));
    check(&pool, COMPLETED);
}

#[pm_runtime::test]
async fn what_began_and_ended_in_an_error_is_failed() {
    let moment = Duration::from_millis(10);
    let pool = WorkPool::new();
    assert_error!(pool.query(Task::Spin).timeout(moment).await, QueryError::TimedOut { .. });
    check(&pool, FAILED);

    let pool = WorkAsyncPool::new();
    let sleeps = pool.query(Task::Sleep(Duration::MAX)).timeout(moment);
    assert_error!(sleeps.await, QueryError::TimedOut { .. });
    check(&pool, FAILED);

    let pool = WorkPool::new();
    assert_error!(pool.query(Task::Abort).await, QueryError::Crashed(_));
    check(&pool, FAILED);

    let pool = WorkPool::new();
    assert_error!(pool.query(Task::Abort).temporary().await, QueryError::Crashed(_));
    check(&pool, FAILED);

    let pool = WorkPool::new();
    assert_error!(pool.query(Task::Panic("oh".into())).await, QueryError::Panicked(_));
    check(&pool, FAILED);

    // The second frame of a worker is its first answer.
    let faults = Faults::seeded(1).with(Fault::Garbage, When::at(1));
    let pool = WorkPool::builder().faults(faults).build();
    assert_error!(pool.query(Task::Return(1)).await, QueryError::Protocol(_));
    check(&pool, FAILED);

    let pool = hasty().build();
    let running = occupy(&pool);
    pool.unspawn().await;
    assert_error!(running.await, QueryError::Released);
    check(&pool, FAILED);

    let pool = ReturnsFlatPool::new();
    assert_error!(pool.query().await, QueryError::Encode(_));
    check(&pool, FAILED);

    let pool = EchoPool::new();
    assert_error!(pool.query(vec![0; 512], 3).await, QueryError::TooLarge { .. });
    check(&pool, FAILED);

    let pool = TakesUntaggedPool::new();
    assert_error!(pool.query(Untagged::Number(1)).await, QueryError::Decode(_));
    check(&pool, FAILED);
}

#[pm_runtime::test]
async fn what_its_caller_dropped_is_cancelled_at_once() {
    let pool = hasty().build();
    drop(occupy(&pool).cancel().await);
    // It runs on, detached.
    assert_eq!(pool.health().detached, 1);
    check(&pool, CANCELLED);

    let pool = SpinPool::new();
    let spinning = smol::spawn(pool.query());
    until(|| pool.health().account.running == 1);
    drop(spinning.cancel().await);
    // It is no crash of its worker, which is killed for it.
    until(|| pool.health().restarts == 1);
    check(&pool, CANCELLED);

    let pool = WorkAsyncPool::new();
    let sleeping = smol::spawn(pool.query(Task::Sleep(Duration::MAX)));
    until(|| pool.health().account.running == 1);
    drop(sleeping.cancel().await);
    check(&pool, CANCELLED);
    until(|| pool.health().in_flight == 0);
    check(&pool, CANCELLED);

    let pool = hasty().build();
    let _running = occupy(&pool);
    // Some of them wait in the queue, others in the worker.
    let mut waiting: Vec<_> = (0..40).map(|i| Box::pin(pool.query(Task::Return(i)))).collect();
    for call in &mut waiting {
        assert!(poll_once(call).await.is_none());
    }
    drop(waiting);
    check(&pool, Columns { cancelled: 40, running: 1, ..NONE });
    until(|| pool.health().in_flight == 1);
    check(&pool, Columns { cancelled: 40, running: 1, ..NONE });
}

#[pm_runtime::test]
async fn what_never_began_is_rejected() {
    let pool = hasty().queue(0).build();
    let _running = occupy(&pool);
    let mut waiting = Vec::new();
    let full = loop {
        let mut call = Box::pin(pool.try_query(Task::Return(1)));
        match poll_once(&mut call).await {
            None => waiting.push(call),
            Some(outcome) => break outcome,
        }
    };
    assert_error!(full, QueryError::QueueFull);
    let waits = waiting.len() as u64;
    check(&pool, Columns { waiting: waits, running: 1, ..REJECTED });

    let pool = hasty().build();
    let _running = occupy(&pool);
    let impatient = pool.query(Task::Return(1)).queue_timeout(Duration::from_millis(1));
    assert_error!(impatient.await, QueryError::QueueTimedOut { .. });
    check(&pool, Columns { running: 1, ..REJECTED });

    let pool = WorkPool::new();
    let worker = pool.spawn_one().await.unwrap();
    pool.unspawn_one(&worker).await;
    assert_error!(pool.query(Task::Return(1)).on(&worker).await, QueryError::WorkerGone);
    check(&pool, REJECTED);

    let pool = WorkPool::builder().max_crashes(0).build();
    assert_error!(pool.query(Task::Abort).await, QueryError::Crashed(_));
    assert_error!(pool.query(Task::Return(1)).await, QueryError::BudgetExhausted { .. });
    check(&pool, Columns { failed: 1, ..REJECTED });

    let pool = WorkPool::builder().program("/no/such/program").build();
    assert_error!(pool.query(Task::Return(1)).await, QueryError::Boot(_));
    assert_error!(pool.query(Task::Return(1)).temporary().await, QueryError::Boot(_));
    check(&pool, Columns { rejected: 2, ..NONE });

    let pool = WorkPool::new();
    pool.destroy().await;
    assert_error!(pool.query(Task::Return(1)).await, QueryError::Destroyed);
    check(&pool, REJECTED);

    let pool = TakesFlatPool::new();
    let flat = Flat { rest: HashMap::new() };
    assert_error!(pool.query(flat).await, QueryError::Encode(_));
    check(&pool, REJECTED);

    let pool = EchoPool::new();
    assert_error!(pool.query(vec![0; 2048], 1).await, QueryError::TooLarge { .. });
    check(&pool, REJECTED);

    // It has no time to run in, and is not sent to any worker.
    let pool = WorkPool::new();
    let timeless = pool.query(Task::Return(1)).timeout(Duration::ZERO);
    assert_error!(timeless.await, QueryError::TimedOut { .. });
    check(&pool, REJECTED);
}

#[pm_runtime::test]
async fn what_waits_for_its_turn_is_waiting_and_what_a_worker_began_is_running() {
    let pool = hasty().build();
    let running = occupy(&pool);
    check(&pool, Columns { running: 1, ..NONE });

    // More than a worker is handed ahead.
    let mut waiting: Vec<_> = (0..40).map(|i| Box::pin(pool.query(Task::Return(i)))).collect();
    for call in &mut waiting {
        assert!(poll_once(call).await.is_none());
    }
    let health = pool.health();
    assert!(health.queued > 0 && health.in_flight > 1, "{health:?}");
    check(&pool, Columns { waiting: 40, running: 1, ..NONE });
    drop(running);
}

#[pm_runtime::test]
async fn what_is_never_polled_or_polled_again_is_in_no_column() {
    let pool = WorkPool::new();
    drop(pool.query(Task::Return(1)));
    check(&pool, NONE);

    let mut call = pool.query(Task::Return(1));
    assert_eq!((&mut call).await, Ok(1));
    assert_error!((&mut call).await, QueryError::Cancelled);
    check(&pool, COMPLETED);
}
