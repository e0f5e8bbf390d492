//! The order of what observers hear.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use pm_runtime::{CrashCause, Event, QueryError, Transport, worker, worker_query};
use pm_tests::{Folder, Task, WorkPool, until_begun};
use smol::future::poll_once;
use smol::stream::StreamExt;

/// Sends so many messages, each longer than the one before.
#[worker_query(workers = 1)]
async fn count(messages: usize) {
    for length in 0..messages {
        worker::message("x".repeat(length)).expect("it is text");
    }
}

#[pm_runtime::test]
fn events_come_in_the_order_in_which_things_happened_whoever_learns_of_them() {
    let pool = CountPool::new();
    pool.query(0).wait().unwrap();
    let over = AtomicBool::new(false);
    std::thread::scope(|threads| {
        // They change the pool while the messages come, and do what these leave to be done.
        for _ in 0..3 {
            threads.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    let mut call = Box::pin(pool.query(0));
                    smol::block_on(poll_once(&mut call));
                }
            });
        }
        for _ in 0..50 {
            let events = pool.events();
            pool.query(200).wait().unwrap();
            let sizes = events.filter_map(|event| match event {
                Event::Message { size, .. } => Some(size),
                _ => None,
            });
            let sizes: Vec<usize> = smol::block_on(sizes.take(200).collect());
            assert!(sizes.is_sorted(), "{sizes:?}");
        }
        over.store(true, Ordering::Relaxed);
    });
}

/// Reports in between, in the name of no query.
#[worker_query(workers = 1)]
fn tell(times: usize) {
    for _ in 0..times {
        worker::report("a loss");
        worker::message("so it is").expect("it is text");
    }
}

#[pm_runtime::test]
async fn what_is_said_for_no_query_keeps_its_place_among_what_queries_say() {
    for transport in [Transport::Auto, Transport::Socket] {
        let pool = TellPool::builder().transport(transport).build();
        for times in [1, 2, 20] {
            for _ in 0..20 {
                let events = pool.events();
                pool.query(times).await.unwrap();
                let said = events.filter_map(|event| match event {
                    Event::Reported { .. } => Some(true),
                    Event::Message { .. } => Some(false),
                    _ => None,
                });
                let said: Vec<bool> = said.take(2 * times).collect().await;
                assert_eq!(said, [true, false].repeat(times), "{transport:?}");
            }
        }
    }
}

#[pm_runtime::test]
async fn what_a_timeout_costs_is_told_and_counted() {
    let folder = Folder::new("timeout");
    let (begun, go_on) = (folder.file("begun"), folder.file("go"));
    let pool = WorkPool::builder().concurrency(2).build();
    let mut events = pool.events();
    let neighbour = smol::spawn(pool.query(Task::Rendezvous { begun, go_on }));
    until_begun(&pool, 1).await;
    let after = Duration::from_millis(10);
    let late = pool.query(Task::Spin).timeout(after).await;
    assert!(matches!(late, Err(QueryError::TimedOut { worker: 1, .. })), "{late:?}");
    let Err(QueryError::Crashed(lost)) = neighbour.await else { panic!("it was lost, too") };
    assert_eq!(lost.cause, CrashCause::TimedOut(after));
    let mut told = Vec::new();
    while told.len() < 2 {
        match events.next().await.unwrap() {
            Event::TimedOut { worker: 1, .. } => told.push("timed out"),
            Event::Killed(report) => {
                assert_eq!((report, told.len()), (lost.clone(), 1));
                told.push("killed");
            }
            Event::Spawned { .. } | Event::Ready { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(lost.running.len(), 2);
    let health = pool.health();
    assert_eq!((health.timeouts, health.deaths, health.panics), (1, 0, 0));
    assert_eq!(health.account.failed, 2);
    assert!(matches!(pool.query(Task::OddPanic).await, Err(QueryError::Panicked(_))));
    assert_eq!(pool.health().panics, 1);
}
