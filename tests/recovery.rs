//! What dies, and what becomes of its queries.

use std::time::Duration;

use futures::future::join_all;
use pm_runtime::fault::{Fault, Faults, When};
use pm_runtime::{CrashCause, Event, Exit, QueryError, Transport};
use pm_tests::{Task, WorkAsyncPool, WorkPool, is_alive, kill, until_begun};
use rustix::process::Signal;

fn crash(error: &QueryError) -> &pm_runtime::CrashReport {
    match error {
        QueryError::Crashed(report) => report,
        other => panic!("no crash: {other}"),
    }
}

#[pm_runtime::test]
async fn every_kind_of_death_is_told_and_made_good() {
    let pool = WorkPool::builder().max_crashes(None).build();
    let deaths = [
        (Task::Abort, Exit::Signal(6)),
        (Task::Exit(0), Exit::Code(0)),
        (Task::Exit(3), Exit::Code(3)),
        (Task::Signal(9), Exit::Signal(9)),
        (Task::Signal(11), Exit::Signal(11)),
    ];
    for (task, exit) in deaths {
        let error = pool.query(task.clone()).await.expect_err("it dies");
        let report = crash(&error);
        assert_eq!(report.exit, exit, "{task:?}");
        assert_eq!(report.cause, CrashCause::Died);
        assert_eq!(report.running.len(), 1);
        assert!(report.pid.is_some() && report.cpu.is_some());
        assert!(error.is_retryable());
        assert_eq!(pool.query(Task::Return(5)).await, Ok(5), "after {task:?}");
    }
    // Where Rust's own handler was set up it says what happened, and aborts.
    let error = pool.query(Task::Overflow).await.expect_err("it overflows");
    let exit = crash(&error).exit;
    assert!(matches!(exit, Exit::Signal(6 | 11)), "{exit}");
    assert_eq!(pool.query(Task::Return(5)).await, Ok(5));
    let health = pool.health();
    assert!(health.account.balances());
    assert_eq!((health.account.completed, health.account.failed), (6, 6));
}

#[pm_runtime::test]
async fn a_panic_is_no_crash() {
    let pool = WorkPool::new();
    let pid = pool.query(Task::Pid).await.unwrap();
    match pool.query(Task::Panic("out of cheese".into())).await {
        Err(QueryError::Panicked(report)) => {
            assert_eq!(report.message(), "out of cheese");
            assert!(report.location().is_some_and(|location| location.contains("lib.rs")));
        }
        other => panic!("{other:?}"),
    }
    match pool.query(Task::OddPanic).await {
        Err(QueryError::Panicked(report)) => {
            assert_eq!(report.message(), "a panic whose payload is no text");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(pool.query(Task::Pid).await, Ok(pid), "the same worker");
    let asynchronous = WorkAsyncPool::new();
    let error = asynchronous.query(Task::Panic("again".into())).await.unwrap_err();
    assert!(matches!(error, QueryError::Panicked(_)), "{error}");
    assert_eq!(asynchronous.query(Task::Return(1)).await, Ok(1));
}

#[pm_runtime::test]
async fn a_panic_that_ends_the_process_is_a_crash_that_tells_of_it() {
    let pool = WorkPool::new();
    let error = pool.query(Task::DoublePanic).await.unwrap_err();
    let report = crash(&error);
    assert_eq!(report.exit, Exit::Signal(6));
    let panic = report.panic.as_deref().expect("it was told");
    // The cause comes first, and what Rust makes of it behind it.
    assert!(panic.starts_with("the first panic; then: panic in a destructor"), "{panic}");
    assert!(error.to_string().contains(panic), "{error}");
}

#[pm_runtime::test]
async fn a_panic_that_was_caught_is_no_part_of_a_later_crash() {
    for transport in [Transport::Auto, Transport::Socket] {
        let pool = WorkPool::builder().transport(transport).build();
        for _ in 0..20 {
            let error = pool.query(Task::Panic("harmless".into())).await.unwrap_err();
            assert!(matches!(error, QueryError::Panicked(_)), "{error}");
        }
        let error = pool.query(Task::Abort).await.unwrap_err();
        assert_eq!(crash(&error).panic, None, "{error}");
        assert!(error.to_string().contains("`core_dumps`"), "{error}");
    }
}

#[pm_runtime::test]
async fn a_crash_fails_only_what_had_begun() {
    let pool = WorkPool::new();
    // Ten are handed to the one worker, and it begins the first.
    let first = smol::spawn(pool.query(Task::Spin));
    until_begun(&pool, 1).await;
    let others: Vec<_> = (0..9).map(|i| smol::spawn(pool.query(Task::Return(i)))).collect();
    while pool.health().in_flight < 10 {
        smol::future::yield_now().await;
    }
    let worker = pool.acquire().expect("there is one");
    assert_eq!(worker.load(), 10);
    kill(worker.pid(), Signal::KILL);
    let error = first.await.unwrap_err();
    assert_eq!((crash(&error).running.len(), crash(&error).handed_back), (1, 9), "{error}");
    for (i, other) in others.into_iter().enumerate() {
        assert_eq!(other.await, Ok(i as u64));
    }
    let account = pool.health().account;
    assert_eq!((account.completed, account.failed), (9, 1));
}

#[pm_runtime::test]
async fn what_a_busy_worker_has_not_begun_runs_on_an_idle_one() {
    let pool = WorkPool::builder().workers(2).build();
    pool.spawn(2).await.unwrap();
    let spinning = smol::spawn(pool.query(Task::Spin));
    let sleeping = smol::spawn(pool.query(Task::Sleep(Duration::from_millis(50))));
    until_begun(&pool, 2).await;
    // They are handed to both workers; one of those will never be free.
    let calls: Vec<_> = (0..8).map(|i| pool.query(Task::Return(i))).collect();
    let answers = join_all(calls).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    sleeping.await.unwrap();
    drop(spinning);
}

#[pm_runtime::test]
async fn reports_of_the_same_arguments_have_the_same_hash() {
    let hash = async |pool: WorkPool, task: Task| {
        let error = pool.query(task).await.expect_err("it dies");
        let report = crash(&error);
        assert_eq!(report.running.len(), 1, "{report}");
        let hash = report.running[0].hash;
        assert!(report.to_string().contains(&format!("hash {hash:016x})")), "{report}");
        assert_eq!(report.running[0].query, "work");
        hash
    };
    let one = hash(WorkPool::new(), Task::Exit(1)).await;
    assert_eq!(one, hash(WorkPool::new(), Task::Exit(1)).await);
    assert_ne!(one, hash(WorkPool::new(), Task::Exit(2)).await);
}

#[pm_runtime::test]
async fn a_timeout_costs_the_worker_and_nobody_else() {
    let pool = WorkPool::new();
    let pid = pool.query(Task::Pid).await.unwrap() as u32;
    let spinning = smol::spawn(pool.query(Task::Spin).timeout(Duration::from_millis(100)));
    until_begun(&pool, 2).await;
    let behind: Vec<_> = (0..5).map(|i| smol::spawn(pool.query(Task::Return(i)))).collect();
    match spinning.await.unwrap_err() {
        QueryError::TimedOut { after, worker: 1, .. } => {
            assert_eq!(after, Duration::from_millis(100));
        }
        other => panic!("{other}"),
    }
    for (i, call) in behind.into_iter().enumerate() {
        assert_eq!(call.await, Ok(i as u64));
    }
    assert!(!is_alive(pid));
    assert_eq!(pool.health().crashes, 0, "a timeout is no crash");
}

#[pm_runtime::test]
async fn an_async_query_that_times_out_is_dropped_and_its_worker_serves_on() {
    let pool = WorkAsyncPool::new();
    let pid = pool.query(Task::Pid).await.unwrap();
    let long = pool.query(Task::Sleep(Duration::from_secs(3600)));
    let error = long.timeout(Duration::from_millis(50)).await.unwrap_err();
    assert!(matches!(error, QueryError::TimedOut { .. }), "{error}");
    assert_eq!(pool.query(Task::Pid).await, Ok(pid));
}

#[pm_runtime::test]
async fn an_async_query_that_cannot_be_dropped_costs_its_worker() {
    let pool = WorkAsyncPool::new();
    let pid = pool.query(Task::Pid).await.unwrap();
    let neighbour = smol::spawn(pool.query(Task::Sleep(Duration::from_secs(3600))));
    until_begun(&pool, 2).await;
    let error = pool.query(Task::Spin).timeout(Duration::from_millis(50)).await.unwrap_err();
    assert!(matches!(error, QueryError::TimedOut { .. }), "{error}");
    let error = neighbour.await.unwrap_err();
    assert!(error.is_retryable());
    assert!(matches!(crash(&error).cause, CrashCause::TimedOut(_)), "{error}");
    assert_ne!(pool.query(Task::Pid).await.unwrap(), pid);
}

#[pm_runtime::test]
async fn what_waits_behind_an_async_query_that_blocks_has_not_begun() {
    let pool = WorkAsyncPool::new();
    pool.spawn(1).await.unwrap();
    // They arrive together; the first one never lets the executor go.
    let spins = pool.query(Task::Spin).timeout(Duration::from_millis(100));
    let (blocks, behind) = futures::join!(spins, pool.query(Task::Return(7)));
    assert!(matches!(blocks, Err(QueryError::TimedOut { .. })), "{blocks:?}");
    assert_eq!(behind, Ok(7), "in another worker");
}

#[pm_runtime::test]
async fn a_stopped_worker_is_killed_and_its_queries_run_elsewhere() {
    let faults = Faults::seeded(1).with(Fault::StopBefore, When::at(2));
    let pool = WorkPool::builder()
        .boot_timeout(Duration::from_millis(500))
        .max_crashes(None)
        .faults(faults)
        .build();
    let pid = pool.query(Task::Pid).await.unwrap();
    // The worker stops before it begins this one, and every replacement at its second.
    let other = pool.query(Task::Pid).await.unwrap();
    assert_ne!(other, pid);
    assert!(!is_alive(pid as u32));
}

#[pm_runtime::test]
async fn a_worker_that_is_stopped_while_it_runs_meets_its_timeout() {
    let pool = WorkPool::new();
    let call = smol::spawn(pool.query(Task::Spin).timeout(Duration::from_millis(200)));
    until_begun(&pool, 1).await;
    kill(pool.acquire().unwrap().pid(), Signal::STOP);
    assert!(matches!(call.await, Err(QueryError::TimedOut { .. })));
    assert_eq!(pool.query(Task::Return(1)).await, Ok(1));
}

#[pm_runtime::test]
async fn killed_before_during_and_after() {
    for (fault, fails) in
        [(Fault::KillBefore, false), (Fault::KillDuring, true), (Fault::KillAfter, false)]
    {
        let pool = WorkPool::builder()
            .max_crashes(None)
            .faults(Faults::seeded(1).with(fault, When::at(2)))
            .build();
        assert_eq!(pool.query(Task::Return(1)).await, Ok(1));
        // The second query of the first worker; a replacement takes it as its first.
        let second = pool.query(Task::Return(2)).await;
        assert_eq!(second.is_err(), fails, "{fault:?}: {second:?}");
        if fault == Fault::KillAfter {
            assert_eq!(second, Ok(2), "an answer that is there wins");
        }
        assert_eq!(pool.query(Task::Return(3)).await, Ok(3), "{fault:?}");
    }
}

#[pm_runtime::test]
async fn a_worker_that_breaks_the_protocol_is_killed() {
    for fault in [Fault::Garbage, Fault::Duplicate] {
        let pool = WorkPool::builder().faults(Faults::seeded(1).with(fault, When::at(1))).build();
        let mut events = pool.events();
        let answer = pool.query(Task::Return(1)).await;
        match fault {
            Fault::Garbage => {
                assert!(matches!(answer, Err(QueryError::Protocol(_))), "{answer:?}");
            }
            // The first of the two answers counts.
            _ => assert_eq!(answer, Ok(1)),
        }
        let report = loop {
            if let Some(Event::Crashed(report)) = events.next().await {
                break report;
            }
        };
        assert!(matches!(report.cause, CrashCause::Protocol(_)), "{report}");
    }
}

#[pm_runtime::test]
async fn a_link_that_ends_without_a_death_is_a_breach() {
    for fault in [Fault::DropLink, Fault::Truncate] {
        let pool = WorkPool::builder().faults(Faults::seeded(1).with(fault, When::at(2))).build();
        assert_eq!(pool.query(Task::Return(1)).await, Ok(1));
        let answer = pool.query(Task::Return(2)).await;
        assert!(matches!(answer, Err(QueryError::Protocol(_))), "{answer:?}");
        assert_eq!(pool.query(Task::Return(3)).await, Ok(3));
        assert_eq!(pool.health().crashes, 1);
    }
}

#[pm_runtime::test]
async fn a_query_that_hangs_meets_its_timeout() {
    let faults = Faults::seeded(1).with(Fault::Hang, When::at(2));
    let pool = WorkPool::builder().faults(faults).build();
    assert_eq!(pool.query(Task::Return(1)).await, Ok(1));
    let hangs = pool.query(Task::Return(2)).timeout(Duration::from_millis(100));
    let error = hangs.await.unwrap_err();
    assert!(matches!(error, QueryError::TimedOut { worker: 1, .. }), "{error}");
    assert_eq!(pool.query(Task::Return(3)).await, Ok(3));
}

#[pm_runtime::test]
async fn corrupted_frames_resolve_every_call() {
    let faults = Faults::seeded(3).with(Fault::Corrupt, When::chance(0.05));
    let pool = WorkPool::builder().workers(2).max_crashes(None).faults(faults).build();
    let answers = join_all((0..300).map(|i| pool.query(Task::Return(i)))).await;
    let answered = answers.iter().flatten().count();
    let broken = answers.iter().filter(|answer| matches!(answer, Err(QueryError::Protocol(_))));
    assert!(answered > 0 && broken.count() > 0, "{answers:?}");
    let account = pool.health().account;
    assert!(account.balances() && account.waiting + account.running == 0, "{account:?}");
}

#[pm_runtime::test]
async fn when_the_budget_is_spent_and_nobody_is_left_calls_fail_at_once() {
    let pool = WorkPool::builder().max_crashes(1).build();
    let mut events = pool.events();
    for _ in 0..2 {
        assert!(matches!(pool.query(Task::Abort).await, Err(QueryError::Crashed(_))));
    }
    let error = pool.query(Task::Return(1)).await.unwrap_err();
    match &error {
        QueryError::BudgetExhausted { crashes: 2, last, .. } => {
            assert_eq!(last.exit, Exit::Signal(6));
        }
        other => panic!("{other}"),
    }
    assert!(error.is_retryable());
    let mut exhausted = 0;
    while let Some(event) = events.next().await {
        if matches!(event, Event::BudgetExhausted { .. }) {
            exhausted += 1;
            break;
        }
    }
    assert_eq!(exhausted, 1);
}

#[pm_runtime::test]
async fn a_budget_of_several_workers_leaves_the_living_alone() {
    let pool = WorkPool::builder().workers(2).max_crashes(0).build();
    pool.spawn(2).await.unwrap();
    assert!(pool.query(Task::Abort).await.is_err());
    // The dead one is not replaced; the other serves on.
    for i in 0..10 {
        assert_eq!(pool.query(Task::Return(i)).await, Ok(i));
    }
    assert_eq!(pool.workers().len(), 1);
}

#[pm_runtime::test]
async fn random_deaths_lose_nothing_that_had_not_begun() {
    let faults = Faults::seeded(7)
        .with(Fault::KillBefore, When::chance(0.05))
        .with(Fault::KillAfter, When::chance(0.05));
    let pool = WorkPool::builder().workers(2).max_crashes(None).faults(faults).build();
    let calls = (0..200).map(|i| {
        let call = pool.query(Task::Return(i));
        async move { (i, call.await) }
    });
    let mut answered = 0;
    for (i, answer) in join_all(calls).await {
        match answer {
            Ok(answer) => {
                assert_eq!(answer, i);
                answered += 1;
            }
            // Begun by a worker that was killed as it had more in hand.
            Err(error) => assert!(matches!(error, QueryError::Crashed(_)), "{error}"),
        }
    }
    assert!(answered > 0);
    assert!(pool.health().account.balances());
}
