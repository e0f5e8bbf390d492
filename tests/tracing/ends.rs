//! Whatever becomes of a worker or a call: what was logged arrives, and the spans are closed.

use pm_runtime::{QueryError, worker, worker_query};
use tracing::{Instrument, Level, info, info_span, subscriber};

use crate::recorder::Recorder;

#[worker_query(workers = 1, retries = 1)]
fn die_once() -> u32 {
    let _open = info_span!("left open").entered();
    info!("run {}", worker::attempt());
    if worker::attempt() == 1 {
        std::process::abort();
    }
    worker::attempt()
}

#[pm_runtime::test]
async fn what_was_logged_right_before_a_death_arrives_and_each_run_has_its_span() {
    let recorder = Recorder::new(Level::DEBUG);
    let _default = subscriber::set_default(recorder.clone());
    let pool = DieOncePool::new();
    assert_eq!(pool.query().instrument(info_span!("caller")).await, Ok(2));
    for said in ["run 1", "run 2"] {
        assert_eq!(recorder.wait_for(said).path, ["caller", "query", "run", "left open"]);
    }
    recorder.wait_for_closed("run", 2);
    recorder.wait_for_closed("left open", 2);
    recorder.wait_for_closed("query", 1);
    recorder.look(|tree| {
        let runs = tree.spans.values().filter(|span| span.name == "run");
        let attempts: Vec<_> = runs.map(|run| run.fields["attempt"].as_str()).collect();
        assert_eq!(attempts, ["1", "2"]);
        assert_eq!(tree.span("query").unwrap().fields["outcome"], "answered");
    });
}

#[worker_query(workers = 1)]
fn die() {
    info!("last words");
    std::process::abort()
}

#[pm_runtime::test]
async fn a_crash_is_told_after_the_last_words_and_its_error_is_the_outcome() {
    let recorder = Recorder::new(Level::DEBUG);
    let _default = subscriber::set_default(recorder.clone());
    let pool = DiePool::new();
    let died = pool.query().instrument(info_span!("caller")).await;
    assert!(matches!(died, Err(QueryError::Crashed(_))), "{died:?}");
    let crash = recorder
        .wait(|tree| tree.events.iter().find(|said| said.fields.contains_key("blame")).cloned());
    assert_eq!((crash.level, crash.target.as_str()), (Level::ERROR, "pm_runtime"));
    assert_eq!((&*crash.fields["pool"], &*crash.fields["worker"]), ("die", "1"));
    assert_eq!(crash.fields["running"], "[\"die\"]");
    recorder.wait_for_closed("query", 1);
    recorder.look(|tree| {
        let index = |message: &str| tree.events.iter().position(|said| said.message() == message);
        assert!(index("last words").unwrap() < index(crash.message()).unwrap());
        let outcome = &tree.span("query").unwrap().fields["outcome"];
        assert_eq!(*outcome, died.unwrap_err().to_string());
    });
}

#[worker_query(workers = 1)]
fn chat(lines: u32) -> u32 {
    for line in 0..lines {
        info!(line, "chatter");
    }
    lines
}

#[worker_query(workers = 1)]
fn quiet(number: u32) -> u32 {
    number
}

#[pm_runtime::test]
async fn of_a_flood_nothing_is_lost_and_nobody_else_waits() {
    const LINES: u32 = 20_000;
    let recorder = Recorder::new(Level::INFO);
    let _default = subscriber::set_default(recorder.clone());
    let (loud, quiet) = (ChatPool::new(), QuietPool::new());
    let mut flood = Box::pin(loud.query(LINES));
    assert!(smol::future::poll_once(&mut flood).await.is_none());
    for number in 0..100 {
        assert_eq!(quiet.query(number).await, Ok(number));
    }
    assert_eq!(flood.await, Ok(LINES));
    recorder.wait_for_closed("run", 101);
    recorder.look(|tree| {
        let lines = tree.events.iter().filter(|said| said.message() == "chatter");
        let lines: Vec<u32> = lines.map(|said| said.fields["line"].parse().unwrap()).collect();
        assert_eq!(lines, (0..LINES).collect::<Vec<_>>());
    });
}

#[worker_query(workers = 1)]
async fn wait() {
    info!("waiting");
    std::future::pending::<()>().await;
}

#[pm_runtime::test]
async fn the_spans_of_a_call_that_is_dropped_are_closed() {
    let recorder = Recorder::new(Level::DEBUG);
    let _default = subscriber::set_default(recorder.clone());
    let pool = WaitPool::builder().concurrency(1).build();
    let mut running = Box::pin(pool.query());
    assert!(smol::future::poll_once(&mut running).await.is_none());
    recorder.wait_for("waiting");
    let mut queued = Box::pin(pool.query());
    assert!(smol::future::poll_once(&mut queued).await.is_none());
    drop((queued, running));
    recorder.wait_for_closed("query", 2);
    recorder.wait_for_closed("queue", 2);
    recorder.wait_for_closed("run", 1);
    recorder.look(|tree| {
        for query in tree.spans.values().filter(|span| span.name == "query") {
            assert_eq!(query.fields["outcome"], "cancelled");
        }
    });
}

#[pm_runtime::test]
async fn when_a_pool_is_destroyed_all_that_its_workers_logged_was_heard() {
    const LINES: u32 = 2000;
    let recorder = Recorder::new(Level::INFO);
    let _default = subscriber::set_default(recorder.clone());
    let pool = ChatPool::builder().workers(2).build();
    let (one, other) = futures::join!(pool.query(LINES), pool.query(LINES));
    assert_eq!((one, other), (Ok(LINES), Ok(LINES)));
    pool.destroy().await;
    recorder.look(|tree| {
        assert_eq!(tree.events.len(), 2 * LINES as usize);
        assert!(tree.spans.values().all(|span| span.is_closed()));
    });
}

#[worker_query(workers = 1)]
fn provoke() {
    info!("panic, please");
    info!("what comes after it");
}

#[pm_runtime::test]
async fn a_subscriber_that_panics_at_one_record_has_the_others() {
    let recorder = Recorder::new(Level::INFO);
    let _default = subscriber::set_default(recorder.clone());
    let pool = ProvokePool::new();
    for _ in 0..2 {
        assert_eq!(pool.query().await, Ok(()));
    }
    recorder.wait_for("what comes after it");
    recorder.wait_for_closed("run", 2);
}

#[worker_query(workers = 1)]
fn nest_and_die() {
    let _open = [info_span!("left open"), info_span!("left open")];
    std::process::abort();
}

#[pm_runtime::test]
async fn a_subscriber_that_panics_at_all_ends_harms_nobody() {
    let recorder = Recorder::new(Level::DEBUG).panicking();
    let _default = subscriber::set_default(recorder.clone());
    for pool in [QuietPool::new(), QuietPool::in_process()] {
        for number in 0..3 {
            assert_eq!(pool.query(number).await, Ok(number));
        }
    }
    recorder.wait_for_closed("query", 6);
    recorder.wait_for_closed("run", 6);
    // Several spans end at once.
    assert!(NestAndDiePool::new().query().await.is_err());
    recorder.wait_for_closed("left open", 2);
    let pool = WaitPool::new();
    let mut running = Box::pin(pool.query());
    assert!(smol::future::poll_once(&mut running).await.is_none());
    recorder.wait_for("waiting");
    drop(running);
    recorder.wait_for_closed("query", 8);
    recorder.wait_for_closed("queue", 8);
    recorder.wait_for_closed("run", 8);
}

#[pm_runtime::test]
async fn what_is_refused_has_its_error_as_the_outcome() {
    let recorder = Recorder::new(Level::DEBUG);
    let _default = subscriber::set_default(recorder.clone());
    let pool = ChatPool::new();
    let refused = pool.query(1).timeout(std::time::Duration::ZERO).await.unwrap_err();
    pool.destroy().await;
    let late = pool.query(1).await.unwrap_err();
    recorder.look(|tree| {
        let queries: Vec<_> = tree.spans.values().filter(|span| span.name == "query").collect();
        assert!(tree.spans.values().all(|span| span.is_closed() && span.name != "run"));
        let outcomes: Vec<_> = queries.iter().map(|query| &*query.fields["outcome"]).collect();
        assert_eq!(outcomes, [refused.to_string(), late.to_string()]);
    });
}

/// A number that nobody accepts.
#[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "u32", into = "u32")]
#[derive(Clone)]
struct Unwelcome;

impl From<Unwelcome> for u32 {
    fn from(_: Unwelcome) -> Self {
        7
    }
}

impl TryFrom<u32> for Unwelcome {
    type Error = &'static str;

    fn try_from(_: u32) -> Result<Self, Self::Error> {
        Err("it is not welcome")
    }
}

#[worker_query(workers = 1)]
fn send_unwelcome() -> Unwelcome {
    Unwelcome
}

#[pm_runtime::test]
async fn an_answer_that_cannot_be_read_is_no_answer() {
    let recorder = Recorder::new(Level::INFO);
    let _default = subscriber::set_default(recorder.clone());
    let error = SendUnwelcomePool::new().query().await.unwrap_err();
    assert!(matches!(error, QueryError::Decode(_)), "{error:?}");
    recorder.look(|tree| {
        assert_eq!(tree.span("query").unwrap().fields["outcome"], error.to_string());
    });
}
