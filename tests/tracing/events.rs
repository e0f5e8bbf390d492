//! What happens in a pool.

use pm_runtime::{QueryError, Stdio, worker, worker_query};
use tracing::{Level, subscriber};

use crate::recorder::{Recorder, Said};

#[worker_query(workers = 1)]
fn complain() {
    worker::report("the disk is nearly full");
}

#[pm_runtime::test]
async fn what_happens_in_a_pool_is_told() {
    let recorder = Recorder::new(Level::DEBUG);
    let _default = subscriber::set_default(recorder.clone());
    let pool = ComplainPool::new();
    pool.query().await.unwrap();
    pool.destroy().await;
    for (message, level) in [
        ("worker 1 was started", Level::DEBUG),
        ("worker 1 is ready", Level::DEBUG),
        ("worker 1 reports: the disk is nearly full", Level::WARN),
        ("worker 1 has ended as it was to", Level::DEBUG),
    ] {
        let said = recorder.wait_for(message);
        assert_eq!((said.level, said.target.as_str()), (level, "pm_runtime"));
        assert_eq!((&*said.fields["pool"], &*said.fields["worker"]), ("complain", "1"));
    }
}

/// All that was said of pools at WARN and above.
fn grave(recorder: &Recorder) -> Vec<Said> {
    recorder.look(|tree| {
        let ours = tree.events.iter().filter(|said| said.target == "pm_runtime");
        ours.filter(|said| said.level <= Level::WARN).cloned().collect()
    })
}

#[worker_query(workers = 1, timeout = "100ms")]
fn spin() {
    loop {
        std::hint::spin_loop();
    }
}

#[worker_query(workers = 1, timeout = "100ms")]
async fn wait_for_ever() {
    std::future::pending().await
}

#[pm_runtime::test]
async fn a_timeout_is_one_line_whether_it_kills_or_not() {
    let recorder = Recorder::new(Level::DEBUG);
    let _default = subscriber::set_default(recorder.clone());
    let pool = SpinPool::new();
    assert!(matches!(pool.query().await, Err(QueryError::TimedOut { .. })));
    pool.destroy().await;
    let [killed] = &grave(&recorder)[..] else { panic!("{:?}", grave(&recorder)) };
    assert!(killed.message().starts_with("worker 1 of pool `spin` (pid "), "{killed:?}");
    assert_eq!((killed.level, &*killed.fields["query"]), (Level::WARN, "spin"));
    assert_eq!((&*killed.fields["pool"], &*killed.fields["worker"]), ("spin", "1"));
    assert_eq!((killed.fields["hash"].len(), &*killed.fields["cause"]), (16, "TimedOut(100ms)"));

    let recorder = Recorder::new(Level::DEBUG);
    let _default = subscriber::set_default(recorder.clone());
    let pool = WaitForEverPool::new();
    assert!(matches!(pool.query().await, Err(QueryError::TimedOut { .. })));
    pool.destroy().await;
    let [dropped] = &grave(&recorder)[..] else { panic!("{:?}", grave(&recorder)) };
    assert_eq!(dropped.message(), "worker 1: a query ran longer than 100ms");
    assert_eq!(dropped.level, Level::WARN);
}

#[worker_query(workers = 1, quarantine = 1)]
fn abort(_number: u32) {
    std::process::abort()
}

#[pm_runtime::test]
async fn a_query_that_is_refused_from_now_on_is_told_after_its_crash_and_in_few_words() {
    let recorder = Recorder::new(Level::DEBUG);
    let _default = subscriber::set_default(recorder.clone());
    let pool = AbortPool::new();
    assert!(pool.query(1).await.is_err());
    pool.destroy().await;
    let [crash, refusal] = &grave(&recorder)[..] else { panic!("{:?}", grave(&recorder)) };
    assert!(crash.message().contains("was killed by SIGABRT"), "{crash:?}");
    let hash = &crash.fields["hash"];
    let says =
        format!("`abort` (hash {hash}) is refused from now on, because it has killed 1 worker");
    assert_eq!((refusal.message(), refusal.level), (&*says, Level::ERROR));
    assert_eq!((&*refusal.fields["query"], &*refusal.fields["crashes"]), ("abort", "1"));
    assert_eq!(&refusal.fields["hash"], hash);
}

#[worker_query(workers = 1)]
fn fail(what: &str) {
    println!("about to\x1b[2J fail");
    panic!("no {what}");
}

#[pm_runtime::test]
async fn a_caught_panic_and_what_is_printed_are_told_though_they_are_captured() {
    let recorder = Recorder::new(Level::DEBUG);
    let _default = subscriber::set_default(recorder.clone());
    let pool = FailPool::builder().stdio(Stdio::Capture).build();
    drop(pool.query("way").await);
    pool.destroy().await;
    let [panic] = &grave(&recorder)[..] else { panic!("{:?}", grave(&recorder)) };
    assert!(panic.message().starts_with("`fail` panicked: `no way` at "), "{panic:?}");
    assert_eq!((&*panic.fields["pool"], &*panic.fields["worker"]), ("fail", "1"));
    assert_eq!((&*panic.fields["query"], &*panic.fields["panic"]), ("fail", "no way"));
    assert!(panic.fields["location"].contains("events.rs:"), "{panic:?}");
    let printed = recorder.wait_for("about to\\u{1b}[2J fail");
    assert_eq!((printed.level, &*printed.target), (Level::DEBUG, "pm_runtime::output"));
    assert_eq!((&*printed.fields["pool"], &*printed.fields["worker"]), ("fail", "1"));
    assert_eq!(printed.fields["stream"], "stdout");
}
