//! A subscriber that does not come back holds up nobody's answers.
#![allow(missing_docs, reason = "this is a test")]

#[path = "tracing/blocking.rs"]
mod blocking;

use std::time::Duration;

use blocking::Blocking;
use pm_runtime::worker_query;
use tracing::{info, subscriber};

#[worker_query(workers = 1)]
fn say(what: &str, times: usize) -> usize {
    for _ in 0..times {
        info!("{what}");
    }
    times
}

#[pm_runtime::test]
async fn answers_come_and_what_is_lost_is_counted() {
    let (blocking, go, hear) = Blocking::new();
    subscriber::set_global_default(blocking).unwrap();
    let pool = SayPool::new();
    assert_eq!(pool.query("block", 1).await, Ok(1));
    // A pool that logs nothing has answers for all, though nobody reads of their begins and ends. That
    // a worker waits for somebody to read would take it longer.
    let silent = SayPool::builder().timeout(Duration::from_secs(4)).build();
    for _ in 0..5000 {
        assert_eq!(silent.query("nothing", 0).await, Ok(0));
    }
    // More than a pipe holds, so that this worker waits, until it has waited for long enough.
    assert_eq!(pool.query(&"too much ".repeat(100), 500).await, Ok(500));
    // From then on it does not wait.
    for times in 0..500 {
        assert_eq!(pool.query(&"still too much ".repeat(100), times % 10).await, Ok(times % 10));
    }
    assert_eq!(SayPool::new().query("others", 3).await, Ok(3));
    pool.destroy().await;
    let pool = SayPool::new();
    assert_eq!(pool.query(&"too much ".repeat(100), 500).await, Ok(500));
    go.send(()).unwrap();
    // There is room again as soon as some of it is read, and nothing more has to be said for that.
    let lost = hear.iter().find(|said| said.contains("records are lost")).unwrap();
    assert!(lost.starts_with("worker 1: "), "{lost}");
    assert!(!lost.starts_with("worker 1: 0 "), "{lost}");
    assert_eq!(pool.query("hello again", 1).await, Ok(1));
    while !hear.recv().unwrap().contains("hello again") {}
}
