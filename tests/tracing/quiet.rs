//! Queries that log nothing.

use std::thread;

use pm_runtime::{QueryError, worker_query};
use tracing::{Instrument, Level, info_span, subscriber};

use crate::recorder::{Recorder, Tree};

#[worker_query(workers = 1)]
fn add(a: u64, b: u64) -> u64 {
    a + b
}

/// The paths of all runs that there are.
fn runs(tree: &Tree) -> Vec<Vec<&'static str>> {
    let ids = tree.spans.iter().filter(|(_, span)| span.name == "run").map(|(id, _)| *id);
    ids.map(|id| tree.path(Some(id))).collect()
}

#[pm_runtime::test]
async fn a_short_one_is_told_by_its_caller() {
    const QUERIES: usize = 2000;
    let recorder = Recorder::new(Level::DEBUG);
    let _default = subscriber::set_default(recorder.clone());
    let pool = AddPool::new();
    for number in 0..QUERIES as u64 {
        let added = pool.query(number, 1).instrument(info_span!("caller")).await;
        assert_eq!(added, Ok(number + 1));
    }
    for name in ["caller", "query", "queue", "run"] {
        recorder.wait_for_closed(name, QUERIES);
    }
    recorder.look(|tree| {
        assert!(runs(tree).iter().all(|path| *path == ["caller", "query", "run"]));
        for span in tree.spans.values() {
            match span.name {
                "query" => assert_eq!(span.fields["outcome"], "answered"),
                "run" => assert_eq!(span.fields["attempt"], "1"),
                _ => {}
            }
            // Whoever waits for its end knows who ran it.
            assert_eq!(span.fields.contains_key("worker"), matches!(span.name, "query" | "run"));
        }
        // Over a socket each run is told. Otherwise some take long, where the machine is busy.
        if std::env::var_os("PM_RUNTIME_NO_MEMFD").is_some() {
            return;
        }
        let queries = tree.spans.values().filter(|span| span.name == "query");
        let here = queries.filter(|span| span.closed_by == Some(thread::current().id()));
        assert!(here.count() > 0);
    });
}

#[pm_runtime::test]
async fn many_at_once_each_have_their_spans() {
    const QUERIES: usize = 500;
    let recorder = Recorder::new(Level::DEBUG);
    let _default = subscriber::set_default(recorder.clone());
    let processes = AddPool::builder().workers(2).build();
    for (pool, total) in [(processes, QUERIES), (AddPool::in_process(), 2 * QUERIES)] {
        let calls = (0..QUERIES as u64).map(|number| pool.query(number, 1));
        for added in futures::future::join_all(calls).await {
            added.unwrap();
        }
        for name in ["query", "queue", "run"] {
            recorder.wait_for_closed(name, total);
        }
    }
    recorder.look(|tree| assert!(runs(tree).iter().all(|path| *path == ["query", "run"])));
}

#[worker_query(workers = 1)]
async fn wait() {
    std::future::pending::<()>().await;
}

#[pm_runtime::test]
async fn one_that_runs_for_long_is_told_meanwhile() {
    let recorder = Recorder::new(Level::DEBUG);
    let _default = subscriber::set_default(recorder.clone());
    let pool = WaitPool::builder().concurrency(1).build();
    let mut calls = [pool.query(), pool.query()].map(Box::pin);
    for call in &mut calls {
        assert!(smol::future::poll_once(call).await.is_none());
    }
    let begun = |count: usize| {
        recorder.wait(|tree| {
            let queues = tree.spans.values().filter(|span| span.name == "queue");
            let over = queues.filter(|queue| queue.is_closed()).count();
            (runs(tree).len() == count && over == count).then_some(())
        });
    };
    begun(1);
    let [first, second] = calls;
    drop(first);
    // Nobody says a word in this one, and its caller does nothing.
    begun(2);
    drop(second);
    for name in ["query", "queue", "run"] {
        recorder.wait_for_closed(name, 2);
    }
}

#[worker_query(workers = 1)]
fn answer_or_abort(abort: bool) {
    if abort {
        std::process::abort();
    }
}

#[pm_runtime::test]
async fn one_that_dies_at_once_has_run() {
    let recorder = Recorder::new(Level::DEBUG);
    let _default = subscriber::set_default(recorder.clone());
    let pool = AnswerOrAbortPool::new();
    // The second one is handed over behind the first, and neither says a word.
    let (answered, died) = futures::join!(pool.query(false), pool.query(true));
    assert_eq!(answered, Ok(()));
    assert!(matches!(died, Err(QueryError::Crashed(_))), "{died:?}");
    for name in ["query", "queue", "run"] {
        recorder.wait_for_closed(name, 2);
    }
    recorder.look(|tree| {
        let outcomes = tree.spans.values().filter_map(|span| span.fields.get("outcome"));
        let outcomes: Vec<_> = outcomes.map(String::as_str).collect();
        assert_eq!(outcomes, ["answered", &died.unwrap_err().to_string()]);
    });
}
