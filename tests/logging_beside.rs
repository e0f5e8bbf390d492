//! An application that has a logger, and a subscriber of `tracing` for a part of it.
#![allow(missing_docs, reason = "this is a test")]

use std::sync::Mutex;

use log::{LevelFilter, Log, Metadata, Record};
use pm_runtime::worker_query;

#[path = "tracing/recorder.rs"]
#[allow(dead_code, reason = "others need the rest")]
mod recorder;

use recorder::Recorder;

struct Lines(Mutex<Vec<String>>);

static LINES: Lines = Lines(Mutex::new(Vec::new()));

impl Log for Lines {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        self.0.lock().unwrap().push(record.args().to_string());
    }

    fn flush(&self) {}
}

#[worker_query(workers = 1)]
fn talk() {
    log::info!("a line");
}

#[pm_runtime::test]
async fn a_subscriber_that_wants_little_takes_nothing_from_the_logger() {
    log::set_logger(&LINES).unwrap();
    log::set_max_level(LevelFilter::Info);
    let errors = Recorder::new(tracing::Level::ERROR);
    // Some library's scope. It is over, and the highest level that anybody wants stays what it was in it.
    tracing::subscriber::with_default(errors, || tracing::error!("in it"));
    let pool = TalkPool::new();
    pool.query().await.unwrap();
    pool.destroy().await;
    let lines = LINES.0.lock().unwrap();
    assert!(lines.iter().any(|line| line == "pool `talk`: worker 1: a line"), "{lines:?}");
}
