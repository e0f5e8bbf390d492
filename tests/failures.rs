//! The table of failures in the docs, `pm-runtime/src/error/failures.md`: what it names exists; and its
//! rows that are shown nowhere else.

use std::path::Path;

use pm_runtime::{Exit, QueryError};
use pm_tests::{Task, WorkPool, kill, until_begun};
use rustix::process::Signal;

#[test]
fn every_test_that_the_table_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let table = std::fs::read_to_string(root.join("pm-runtime/src/error/failures.md")).unwrap();
    let rows = table.lines().filter(|line| line.starts_with("| ")).skip(1);
    let mut missing = Vec::new();
    let mut named = 0;
    for row in rows {
        let tests: Vec<&str> = row
            .split('`')
            .filter(|code| code.starts_with("tests/") && code.contains("::"))
            .collect();
        if tests.is_empty() {
            missing.push(format!("a test in {row}"));
        }
        for test in tests {
            named += 1;
            let (path, name) = test.split_once("::").unwrap();
            let text = std::fs::read_to_string(root.join(path)).unwrap_or_default();
            if !text.contains(&format!("fn {name}(")) {
                missing.push(test.to_owned());
            }
        }
    }
    assert!(missing.is_empty() && named > 30, "{named} named, missing: {missing:#?}");
}

#[pm_runtime::test]
async fn a_kill_from_outside_fails_what_ran_and_counts_for_nothing() {
    let pool = WorkPool::builder().max_crashes(0).build();
    for round in 1..=3 {
        let runs = smol::spawn(pool.query(Task::Spin));
        until_begun(&pool, 2 * round - 1).await;
        kill(pool.acquire().unwrap().pid(), Signal::KILL);
        match runs.await {
            Err(QueryError::Crashed(report)) => assert_eq!(report.exit, Exit::Signal(9)),
            other => panic!("{other:?}"),
        }
        assert_eq!(pool.query(Task::Return(round)).await, Ok(round));
    }
    assert_eq!(pool.health().crashes, 0);
}

#[pm_runtime::test]
async fn a_ready_worker_goes_on_when_it_is_terminated() {
    let pool = WorkPool::new();
    let pid = pool.query(Task::Pid).await.unwrap();
    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        kill(pid as u32, signal);
        assert_eq!(pool.query(Task::Pid).await, Ok(pid), "{signal:?}");
    }
    assert_eq!(pool.health().restarts, 0);
}
