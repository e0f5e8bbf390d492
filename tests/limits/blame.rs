//! Whose doing a death was, and what else its report says.

use std::process::Command;
use std::time::Duration;

use pm_runtime::fault::{Fault, Faults, When};
use pm_runtime::{
    Blame, BootError, Crash, CrashCause, CrashReport, Event, Limit, Outbox, OutboxClosed,
    QueryError, StreamError, StreamWorker, check_round_trip, worker, worker_query, worker_stream,
};
use pm_tests::{Folder, Task, WorkAsyncPool, WorkPool, kill, until_begun};
use rustix::process::Signal;
use smol::future::poll_once;

use super::{LIMIT, MET, TOO_MUCH, Use, crash, perform};

#[pm_runtime::test]
async fn a_query_that_ends_its_worker_is_to_blame() {
    let pool = WorkPool::builder().max_crashes(None).build();
    for task in [Task::Abort, Task::Exit(0), Task::Exit(3), Task::Signal(11), Task::Overflow] {
        let report = crash(pool.query(task.clone()).await.unwrap_err());
        assert_eq!(report.blame, Blame::Query, "{task:?}: {report}");
        assert!(report.blame.is_of_query() && report.limit().is_none());
    }
    assert_eq!(pool.health().crashes, 5);
}

#[pm_runtime::test]
async fn who_kills_a_worker_from_outside_is_to_blame() {
    let pool = WorkPool::new();
    for (others, signal) in [(0, Signal::KILL), (2, Signal::QUIT)] {
        let spins = smol::spawn(pool.query(Task::Spin));
        until_begun(&pool, others + 1).await;
        kill(pool.acquire().unwrap().pid(), signal);
        let report = crash(spins.await.unwrap_err());
        assert_eq!(report.blame, Blame::Outside, "{report}");
        assert!(report.to_string().contains(" from outside, running `work` ("), "{report}");
        assert_eq!(pool.query(Task::Return(1)).await, Ok(1));
    }
    assert_eq!(pool.health().crashes, 0);
}

#[pm_runtime::test]
async fn a_pool_that_kills_for_one_query_tells_that_to_the_others() {
    let pool = WorkAsyncPool::new();
    let mut neighbour = Box::pin(pool.query(Task::Sleep(Duration::from_secs(3600))));
    assert_eq!(poll_once(&mut neighbour).await, None);
    until_begun(&pool, 1).await;
    let spins = pool.query(Task::Spin).timeout(Duration::from_millis(50));
    assert!(matches!(spins.await, Err(QueryError::TimedOut { .. })));
    let report = crash(neighbour.await.unwrap_err());
    assert_eq!(report.blame, Blame::Pool, "{report}");
    assert!(!report.blame.counts() && pool.health().crashes == 0);
    let mut lost: Vec<_> = report.running.iter().map(|query| &*query.query).collect();
    lost.sort_unstable();
    assert_eq!(lost, ["work_async", "work_async"], "{report}");
}

#[pm_runtime::test]
async fn what_never_started_ran_nothing() {
    let faults = Faults::seeded(1).with(Fault::ExitAtBoot(9), When::at(1).in_worker(1));
    let pool = WorkPool::builder().faults(faults).build();
    let mut events = pool.events();
    assert_eq!(pool.query(Task::Return(1)).await, Ok(1));
    let report = next_crash(&mut events).await;
    assert_eq!(report.blame, Blame::Start, "{report}");
    assert!(matches!(report.cause, CrashCause::Boot(BootError::Exited { .. })), "{report}");
    assert!(report.blame.counts() && !report.blame.is_of_query());
    assert_eq!(pool.health().crashes, 1);
}

#[pm_runtime::test]
async fn what_breaks_the_protocol_is_to_blame() {
    let faults = Faults::seeded(1).with(Fault::Garbage, When::at(1));
    let pool = WorkPool::builder().faults(faults).build();
    match pool.query(Task::Return(1)).await {
        Err(QueryError::Protocol(report)) => assert_eq!(report.blame, Blame::Query, "{report}"),
        other => panic!("{other:?}"),
    }
}

async fn next_crash(events: &mut pm_runtime::Events) -> CrashReport {
    loop {
        if let Some(Event::Crashed(report)) = events.next().await {
            return report;
        }
    }
}

/// The system is played by a file, which a worker writes before it kills itself.
#[test]
fn a_worker_that_the_system_has_killed_for_memory_is_told_apart() {
    let folder = Folder::new("oom");
    let file = folder.file("memory.events");
    std::fs::write(&file, "low 0\noom 0\noom_kill 3\n").unwrap();
    let program = Command::new(env!("CARGO_BIN_EXE_oom"))
        .arg(&file)
        .env("PM_RUNTIME_MEMORY_EVENTS", &file)
        .output()
        .unwrap();
    let said = String::from_utf8(program.stdout).unwrap();
    assert_eq!(said, "Memory true\nOutside false\nMemory true\nStart false\n2 crashes\n");
    assert!(program.status.success());
}

#[worker_stream(workers = 1)]
#[derive(Default)]
struct Idle;

impl StreamWorker for Idle {
    type Input = bool;
    type Output = ();
    type Error = OutboxClosed;

    async fn write(&mut self, aborts: bool, _: &Outbox<()>) -> Result<(), OutboxClosed> {
        if aborts { std::process::abort() } else { Ok(()) }
    }
}

#[pm_runtime::test]
async fn streams_that_were_open_are_among_what_was_lost() {
    let pool = IdlePool::new();
    let mut streams = [pool.create_stream().await.unwrap(), pool.create_stream().await.unwrap()];
    // Where its worker has died by then, it shows next.
    let _ = streams[0].send(true).await;
    for mut stream in streams {
        match stream.next().await {
            Some(Err(StreamError::Crashed(report))) => {
                assert_eq!((report.streams(), report.running.len()), (2, 2), "{report}");
                assert!(report.running.iter().all(|one| one.open && one.query == "Idle"));
            }
            other => panic!("{other:?}"),
        }
    }
}

#[worker_query(workers = 1, memory_limit = "128MiB", stdio = "capture", env(RUST_BACKTRACE = "0"))]
async fn tell_all(what: Use) {
    worker::debug("half way");
    if let Use::AtOnce(_) = what {
        let _ = std::panic::catch_unwind(|| panic!("out of\ncheese"));
    }
    perform(&what);
    std::future::pending::<()>().await;
}

#[pm_runtime::test]
async fn a_full_report_survives_the_way_to_a_machine() {
    let pool = TellAllPool::new();
    let mut beside = Box::pin(pool.query(Use::Hold(LIMIT / 2)));
    assert_eq!(poll_once(&mut beside).await, None);
    until_begun(&pool, 1).await;
    let report = crash(pool.query(Use::AtOnce(TOO_MUCH)).await.unwrap_err());
    assert_eq!((report.blame, report.limit()), (MET, Some(Limit::Memory(LIMIT as u64))));
    assert_eq!(report.running.len(), 2, "{report}");
    assert!(report.pid.is_some() && report.cpu.is_some(), "{report}");
    assert_eq!(report.debug.as_deref(), Some("half way"));
    assert!(report.panic.as_ref().is_some_and(|panic| panic.contains("cheese")), "{report}");
    let stderr = report.stderr_tail.as_ref().expect("it is captured");
    assert!(stderr.contains("memory allocation of"), "{report}");
    let text = format!("{report:#}");
    assert!(
        text.contains(" met its `memory_limit` of 128 MiB, and was killed by SIGABRT"),
        "{text}"
    );
    assert!(text.matches("\n  running: `tell_all` (").count() == 2, "{text}");
    assert!(text.contains("out of\\ncheese") && text.contains("\n  stderr: "), "{text}");

    let json = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<CrashReport>(&json).unwrap(), report);
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(value["blame"]["Limit"]["Memory"], LIMIT, "{value}");
    assert_eq!(value["exit"]["Signal"], 6);
    check_round_trip(&report).unwrap();
    check_round_trip::<Crash>(&report).unwrap();
    assert_eq!(serde_json::to_value(pool.health().last_crash).unwrap(), value);
}
