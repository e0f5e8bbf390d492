//! Layers with filters of their own, and formats, as `tracing-subscriber` has them.

use std::io::{self, Write};
use std::sync::atomic::{AtomicIsize, Ordering};
use std::sync::{Arc, Mutex};

use pm_runtime::worker_query;
use tracing::span::{Attributes, Id};
use tracing::{Event, Instrument, Subscriber, debug, debug_span, info, info_span, subscriber};
use tracing_subscriber::filter::{EnvFilter, Targets};
use tracing_subscriber::fmt;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

/// Keeps the spans that each line is in, as `fmt` shows them, the outermost first.
#[derive(Clone, Default)]
struct Paths(Arc<Mutex<Vec<Vec<&'static str>>>>);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Paths {
    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        if event.metadata().target() != "pm_runtime" {
            let scope = context.event_scope(event);
            let names = scope.map(|scope| scope.from_root().map(|span| span.name()).collect());
            self.0.lock().unwrap().push(names.unwrap_or_default());
        }
    }
}

#[worker_query(workers = 1)]
fn speak() {
    info!(target: "app", "plain");
    let _detail = debug_span!(target: "details", "detail").entered();
    info!(target: "app", "in detail");
}

async fn paths(filter: &str, pool: SpeakPool) -> Vec<Vec<&'static str>> {
    let (some, all) = (Paths::default(), Paths::default());
    let targets: Targets = filter.parse().unwrap();
    let layers = tracing_subscriber::registry()
        .with(some.clone().with_filter(targets))
        // Another one, such as that of a collector of traces, wants everything.
        .with(all.clone());
    let _default = subscriber::set_default(layers);
    pool.query().instrument(info_span!(target: "app", "caller")).await.unwrap();
    pool.destroy().await;
    some.0.lock().unwrap().clone()
}

#[pm_runtime::test]
async fn a_layer_that_does_not_want_the_spans_of_queries_shows_those_of_callers() {
    let paths = paths("app=info", SpeakPool::new()).await;
    assert_eq!(paths, [["caller"], ["caller"]]);
}

#[pm_runtime::test]
async fn so_it_does_where_the_worker_is_a_thread() {
    let paths = paths("app=info", SpeakPool::in_process()).await;
    assert_eq!(paths, [["caller"], ["caller"]]);
}

#[pm_runtime::test]
async fn a_layer_that_does_not_want_a_span_of_the_worker_shows_those_around_it() {
    let paths = paths("app=info,pm_runtime=info", SpeakPool::new()).await;
    assert_eq!(paths, [["caller", "query", "run"], ["caller", "query", "run"]]);
}

#[worker_query(workers = 1)]
fn look_closer() {
    debug!("outside");
    let _detail = info_span!("detail").entered();
    debug!("inside");
}

#[pm_runtime::test]
async fn a_filter_by_span_holds_for_what_is_said_in_that_of_a_worker() {
    let all = Paths::default();
    let filter = EnvFilter::new("info,[detail]=debug");
    let _default =
        subscriber::set_default(tracing_subscriber::registry().with(all.clone()).with(filter));
    let pool = LookCloserPool::new();
    pool.query().await.unwrap();
    pool.destroy().await;
    assert_eq!(*all.0.lock().unwrap(), [["query", "run", "detail"]]);
}

/// Where what is formatted goes.
#[derive(Clone, Default)]
struct Text(Arc<Mutex<Vec<u8>>>);

impl Write for Text {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[pm_runtime::test]
async fn the_format_json_lists_the_spans_of_a_line() {
    for pool in [SpeakPool::new(), SpeakPool::in_process()] {
        let text = Text::default();
        let writer = text.clone();
        let json = fmt().json().with_writer(move || writer.clone()).finish();
        let _default = subscriber::set_default(json);
        pool.query().instrument(info_span!("caller")).await.unwrap();
        pool.destroy().await;
        let text = String::from_utf8(text.0.lock().unwrap().clone()).unwrap();
        let line = text.lines().find(|line| line.contains("plain")).unwrap();
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let names: Vec<_> =
            line["spans"].as_array().unwrap().iter().map(|it| &it["name"]).collect();
        assert_eq!(names, ["caller", "query", "run"]);
    }
}

/// Counts the spans that are open.
#[derive(Clone, Default)]
struct Count(Arc<AtomicIsize>);

impl<S: Subscriber> Layer<S> for Count {
    fn on_new_span(&self, _: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    fn on_close(&self, _: Id, _: Context<'_, S>) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[pm_runtime::test]
async fn a_registry_that_is_set_for_a_scope_sees_all_spans_closed() {
    for pool in [SpeakPool::new(), SpeakPool::in_process()] {
        let count = Count::default();
        let _default = subscriber::set_default(tracing_subscriber::registry().with(count.clone()));
        for _ in 0..10 {
            pool.query().instrument(info_span!("caller")).await.unwrap();
        }
        pool.destroy().await;
        assert_eq!(count.0.load(Ordering::SeqCst), 0);
    }
}

/// Each span is begun in the one before, which then ends: a registry keeps it for the next one, and closes
/// all of them within each other.
#[worker_query(workers = 1)]
fn chain(links: u32) {
    let mut last = info_span!("link");
    for _ in 0..links {
        last = info_span!(parent: &last, "link");
    }
    last.in_scope(|| info!("at the end"));
}

#[pm_runtime::test]
async fn spans_that_are_too_deep_in_each_other_harm_nobody() {
    let (paths, count) = (Paths::default(), Count::default());
    let layers = tracing_subscriber::registry().with(paths.clone()).with(count.clone());
    let _default = subscriber::set_default(layers);
    let pool = ChainPool::new();
    pool.query(2000).await.unwrap();
    pool.destroy().await;
    assert_eq!(count.0.load(Ordering::SeqCst), 0);
    let paths = paths.0.lock().unwrap();
    assert_eq!((paths.len(), paths[0].len()), (1, 130));
}
