//! A subscriber that is far behind misses no worker that starts or ends meanwhile.
#![allow(missing_docs, reason = "this is a test")]

#[path = "tracing/blocking.rs"]
mod blocking;

use blocking::Blocking;
use pm_runtime::worker_query;
use tracing::{info, subscriber};

#[worker_query(workers = 1)]
fn say(what: &str) {
    info!("{what}");
}

/// A pipe for each of them would be more than there may be descriptors for.
const MANY: usize = 300;

#[pm_runtime::test]
async fn workers_that_end_and_start_meanwhile_are_heard_once_it_has_come_back() {
    let (blocking, go, hear) = Blocking::new();
    subscriber::set_global_default(blocking).unwrap();
    let first = SayPool::new();
    first.query("block").await.unwrap();
    let pool = SayPool::new();
    for number in 0..MANY {
        pool.query(&format!("last words {number}")).await.unwrap();
        pool.respawn().await.unwrap();
    }
    pool.query("hello").await.unwrap();
    go.send(()).unwrap();
    pool.destroy().await;
    first.destroy().await;
    let mut heard =
        hear.try_iter().filter(|said| said.starts_with("last words") || said == "hello");
    for number in 0..MANY {
        assert_eq!(heard.next(), Some(format!("last words {number}")));
    }
    assert_eq!(heard.next().as_deref(), Some("hello"));
}
