//! Faults that applications inject: each does what its docs say, where they say it.

use std::time::{Duration, Instant};

use pm_runtime::fault::{Fault, Faults, When};
use pm_runtime::{Exit, QueryError, RawError, SpawnError, StreamError, Transport};
use pm_tests::{EchoPool, RawEchoPool, Task, WorkPool};

fn pool(faults: Faults) -> WorkPool {
    WorkPool::builder().workers(1).max_crashes(None).faults(faults).build()
}

#[pm_runtime::test]
async fn a_crash_is_the_workers_own_and_counts_and_a_kill_does_not() {
    for (fault, exit, crashes) in
        [(Fault::Crash, Exit::Signal(6), 1), (Fault::KillDuring, Exit::Signal(9), 0)]
    {
        let pool = pool(Faults::new().with(fault, When::at(2).in_worker(1)));
        assert_eq!(pool.query(Task::Return(1)).await, Ok(1));
        match pool.query(Task::Return(2)).await {
            Err(QueryError::Crashed(report)) => assert_eq!(report.exit, exit),
            other => panic!("{fault:?}: {other:?}"),
        }
        assert_eq!(pool.query(Task::Return(3)).await, Ok(3));
        let budget = WorkPool::builder().workers(1).max_crashes(0);
        let pool = budget.faults(Faults::new().with(fault, When::at(1).in_worker(1))).build();
        assert!(pool.query(Task::Return(1)).await.is_err());
        let spent = matches!(
            pool.query(Task::Return(2)).await,
            Err(QueryError::BudgetExhausted { crashes: 1, .. })
        );
        assert_eq!(spent, crashes == 1, "{fault:?}");
    }
}

#[pm_runtime::test]
async fn a_fault_strikes_in_the_workers_that_it_is_for() {
    let pool = pool(Faults::new().with(Fault::KillDuring, When::at(1).in_workers(2..4)));
    let mut outcomes = Vec::new();
    for _ in 0..4 {
        outcomes.push(pool.query(Task::Return(1)).await.is_ok());
        pool.respawn().await.unwrap();
    }
    // One that died was replaced, before all were.
    assert_eq!(outcomes[..2], [true, false]);
    assert_eq!(outcomes.iter().filter(|answered| !**answered).count(), 1, "{outcomes:?}");
}

#[pm_runtime::test]
async fn one_worker_and_one_query_at_a_time_repeat_a_run() {
    async fn run(seed: u64) -> Vec<bool> {
        let faults = Faults::seeded(seed)
            .with(Fault::KillDuring, When::chance(0.2))
            .with(Fault::Garbage, When::chance(0.1));
        let pool = pool(faults);
        let mut outcomes = Vec::new();
        for number in 0..40 {
            outcomes.push(pool.query(Task::Return(number)).await.is_ok());
        }
        outcomes
    }
    let first = run(1).await;
    assert!(first.contains(&true) && first.contains(&false), "{first:?}");
    assert_eq!(run(1).await, first);
    assert_ne!(run(2).await, first);
}

#[pm_runtime::test]
async fn a_slow_boot_is_waited_for() {
    let late = Duration::from_millis(200);
    let pool = pool(Faults::new().with(Fault::SlowBoot(late), When::always()));
    let before = Instant::now();
    assert_eq!(pool.query(Task::Return(1)).await, Ok(1));
    assert!(before.elapsed() >= late);
}

/// If one of them struck, this process would be gone, or would stand still.
#[pm_runtime::test]
async fn threads_have_no_faults_that_would_hit_the_application() {
    let hour = Duration::from_secs(3600);
    let faults = [
        Fault::KillBefore,
        Fault::KillDuring,
        Fault::KillAfter,
        Fault::Crash,
        Fault::StopBefore,
        Fault::SlowBoot(hour),
        Fault::ExitAtBoot(1),
    ];
    let faults =
        faults.into_iter().fold(Faults::new(), |all, fault| all.with(fault, When::always()));
    let faults = faults.with(Fault::Garbage, When::at(1));
    let pool = WorkPool::builder().workers(1).in_process().faults(faults).build();
    let spoiled = pool.query(Task::Return(1)).await;
    assert!(matches!(spoiled, Err(QueryError::Protocol(_))), "{spoiled:?}");
    let faults = Faults::new().with(Fault::Hang, When::at(2));
    let pool = WorkPool::builder().workers(1).in_process().faults(faults).build();
    assert_eq!(pool.query(Task::Return(1)).await, Ok(1));
    let hangs = pool.query(Task::Return(2)).timeout(Duration::from_millis(100)).await;
    assert!(matches!(hangs, Err(QueryError::TimedOut { .. })), "{hangs:?}");
    assert_eq!(pool.query(Task::Return(3)).await, Ok(3));
}

#[pm_runtime::test]
async fn a_stream_has_its_opening_for_a_query() {
    let faults = Faults::new().with(Fault::Crash, When::at(1).in_worker(1));
    let pool = EchoPool::builder().faults(faults).build();
    let opening = pool.create_stream().await;
    assert!(matches!(opening, Err(StreamError::Crashed(_))), "{opening:?}");
    let mut echo = pool.create_stream().await.unwrap();
    echo.send(7).await.unwrap();
    assert_eq!(echo.next().await, Some(Ok(7)));
}

#[pm_runtime::test]
async fn what_is_said_over_a_stream_by_socket_can_be_spoiled() {
    // That it is open, and the first output.
    let faults = Faults::new().with(Fault::Garbage, When::at(2).in_worker(1));
    let pool = EchoPool::builder().transport(Transport::Socket).faults(faults).build();
    let mut echo = pool.create_stream().await.unwrap();
    // It may have been heard by then.
    let _ = echo.send(7).await;
    let said = echo.next().await;
    assert!(matches!(said, Some(Err(StreamError::Protocol(_)))), "{said:?}");
}

#[pm_runtime::test]
async fn a_raw_worker_can_fail_to_boot_and_say_what_makes_no_sense_by_socket() {
    let faults = Faults::new().with(Fault::ExitAtBoot(3), When::always());
    let pool = RawEchoPool::builder().max_crashes(0).faults(faults).build();
    let spawned = pool.spawn(1).await;
    assert!(matches!(spawned, Err(SpawnError::BudgetExhausted { .. })), "{spawned:?}");
    let faults = Faults::new().with(Fault::Garbage, When::at(1).in_worker(1));
    let pool = RawEchoPool::builder().transport(Transport::Socket).faults(faults).build();
    pool.spawn(1).await.unwrap();
    let worker = pool.acquire().unwrap();
    worker.send("hello").await.unwrap();
    let said = worker.recv().await;
    assert!(matches!(said, Err(RawError::Protocol(_))), "{said:?}");
}
