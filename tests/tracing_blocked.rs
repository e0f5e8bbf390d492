//! A subscriber that does not come back holds up nobody's answers.
#![allow(missing_docs, reason = "this is a test")]

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pm_runtime::worker_query;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber, info, subscriber};

#[worker_query(workers = 1)]
fn say(what: &str, times: usize) -> usize {
    for _ in 0..times {
        info!("{what}");
    }
    times
}

/// Blocks at the message "block" until it is let go, and passes all messages on.
#[derive(Clone)]
struct Blocking {
    go: Arc<Mutex<Receiver<()>>>,
    said: Sender<String>,
}

impl Subscriber for Blocking {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::INFO
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut message = Message(String::new());
        event.record(&mut message);
        if message.0 == "block" {
            // It fails when the test is over.
            let _ = self.go.lock().unwrap().recv();
        }
        let _ = self.said.send(message.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}

#[pm_runtime::test]
async fn answers_come_and_what_is_lost_is_counted() {
    let ((go, wait), (said, hear)) = (channel(), channel());
    let blocking = Blocking { go: Arc::new(Mutex::new(wait)), said };
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
    // There is room again as soon as some of it is read.
    let lost = loop {
        assert_eq!(pool.query("hello again", 1).await, Ok(1));
        if let Some(lost) = hear.try_iter().find(|said| said.contains("records are lost")) {
            break lost;
        }
    };
    assert!(lost.starts_with("worker 1: "), "{lost}");
    assert!(!lost.starts_with("worker 1: 0 "), "{lost}");
    while !hear.recv().unwrap().contains("hello again") {}
}
