//! An application that has a logger, and no subscriber of `tracing`.
#![allow(missing_docs, reason = "these are tests")]

use std::sync::{Condvar, Mutex, Once};

use log::{Level, LevelFilter, Log, Metadata, Record};
use pm_runtime::{worker, worker_query};

#[derive(Debug, Clone)]
struct Line {
    level: Level,
    target: String,
    module: Option<String>,
    file: Option<String>,
    text: String,
}

struct Lines(Mutex<Vec<Line>>, Condvar);

static LINES: Lines = Lines(Mutex::new(Vec::new()), Condvar::new());

impl Log for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() != "gossip"
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            self.0.lock().unwrap().push(Line {
                level: record.level(),
                target: record.target().into(),
                module: record.module_path().map(String::from),
                file: record.file().map(String::from),
                text: record.args().to_string(),
            });
            self.1.notify_all();
        }
    }

    fn flush(&self) {}
}

/// Waits until a line is there.
fn line(wanted: &str) -> Line {
    let mut lines = LINES.0.lock().unwrap();
    loop {
        if let Some(line) = lines.iter().find(|line| line.text == wanted) {
            return line.clone();
        }
        lines = LINES.1.wait(lines).unwrap();
    }
}

fn set_logger() {
    static SET: Once = Once::new();
    SET.call_once(|| {
        log::set_logger(&LINES).unwrap();
        log::set_max_level(LevelFilter::Info);
    });
}

#[worker_query(workers = 1)]
fn talk(name: &str) -> bool {
    log::info!("{name} logs");
    log::warn!(target: "elsewhere", "{name} warns");
    log::warn!(target: "gossip", "{name} whispers");
    log::debug!("{name} mutters");
    tracing::info!(answer = 42, "{name} traces");
    log::log_enabled!(Level::Debug) || tracing::enabled!(tracing::Level::DEBUG)
}

#[pm_runtime::test]
async fn lines_arrive_with_level_target_and_place() {
    set_logger();
    assert_eq!(TalkPool::new().query("ann").await, Ok(false));
    let logged = line("pool `talk`: worker 1: ann logs");
    assert_eq!((logged.level, logged.target.as_str()), (Level::Info, module_path!()));
    assert_eq!(logged.module.as_deref(), Some(module_path!()));
    assert!(logged.file.unwrap().ends_with("logging.rs"));
    let warned = line("pool `talk`: worker 1: ann warns");
    assert_eq!((warned.level, warned.target.as_str()), (Level::Warn, "elsewhere"));
    let traced = line("pool `talk`: worker 1: ann traces answer=42");
    assert_eq!((traced.level, traced.target.as_str()), (Level::Info, module_path!()));
    let lines = LINES.0.lock().unwrap();
    let unwanted = |line: &&Line| line.text.contains("whispers") || line.text.contains("mutters");
    assert!(lines.iter().find(unwanted).is_none(), "{lines:?}");
}

#[worker_query(workers = 1)]
fn fall() {
    log::error!("falling");
    worker::report("it hurts");
    std::process::abort()
}

#[pm_runtime::test]
async fn so_do_those_before_a_death_and_what_happens_in_pools() {
    set_logger();
    let died = FallPool::new().query().await;
    assert!(died.is_err());
    assert_eq!(line("pool `fall`: worker 1: falling").level, Level::Error);
    assert_eq!(line("pool `fall`: worker 1 reports: it hurts").level, Level::Warn);
    let lines = LINES.0.lock().unwrap();
    let crashes = |line: &&Line| line.level == Level::Error && line.target == "pm_runtime";
    let lines = LINES.1.wait_while(lines, |lines| lines.iter().find(crashes).is_none()).unwrap();
    // It names the pool once.
    let crash = lines.iter().find(crashes).unwrap();
    assert!(crash.text.starts_with("worker 1 of pool `fall` (pid "), "{crash:?}");
}

/// It is told as it is, up to what fits into a pipe at once.
#[worker_query(workers = 1)]
fn shout(length: usize) {
    log::info!("{}", "a".repeat(length));
}

#[pm_runtime::test]
async fn a_long_line_is_cut_and_says_so() {
    set_logger();
    let pool = ShoutPool::new();
    pool.query(2000).await.unwrap();
    line(&format!("pool `shout`: worker 1: {}", "a".repeat(2000)));
    pool.query(100_000).await.unwrap();
    let mut lines = LINES.0.lock().unwrap();
    loop {
        if let Some(cut) = lines.iter().find(|line| line.text.ends_with("a… (cut)")) {
            assert!((2000..4000).contains(&cut.text.len()));
            return;
        }
        lines = LINES.1.wait(lines).unwrap();
    }
}

#[worker_query(workers = 1)]
fn many_targets() {
    for number in 0..600 {
        log::info!(target: &format!("user {number}"), "hello");
    }
    log::info!(target: "gossip", "whispered at last");
    log::info!(target: "elsewhere", "told at last");
}

#[pm_runtime::test]
async fn targets_are_what_they_are_however_many_there_are() {
    set_logger();
    ManyTargetsPool::new().query().await.unwrap();
    assert_eq!(line("pool `many_targets`: worker 1: told at last").target, "elsewhere");
    let lines = LINES.0.lock().unwrap();
    assert!(!lines.iter().any(|line| line.text.ends_with("whispered at last")));
}
