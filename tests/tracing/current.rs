//! In which span code is, and who hears it, as they ask for themselves.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};

use pm_runtime::worker_query;
use tracing::span::{Attributes, Id, Record};
use tracing::{
    Event, Instrument, Level, Metadata, Span, Subscriber, info, info_span, subscriber, warn,
};

use crate::recorder::Recorder;

#[worker_query(workers = 1)]
fn alarm() {
    warn!("fire");
}

#[worker_query(workers = 1)]
fn nod() {}

/// Notes in which span a thread is when it hears of an event, as formats and layers ask for it.
#[derive(Clone, Default)]
struct Current(Arc<Mutex<Heard>>);

#[derive(Default)]
struct Heard {
    names: Vec<&'static str>,
    entered: HashMap<ThreadId, Vec<u64>>,
    events: Vec<Option<&'static str>>,
}

impl Subscriber for Current {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::INFO
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut heard = self.0.lock().unwrap();
        heard.names.push(span.metadata().name());
        Id::from_u64(heard.names.len() as u64)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        if event.metadata().target() == module_path!() {
            let mut heard = self.0.lock().unwrap();
            let entered = heard.entered.get(&thread::current().id());
            let current = entered.and_then(|entered| entered.last().copied());
            let current = current.map(|id| heard.names[id as usize - 1]);
            heard.events.push(current);
        }
    }

    fn enter(&self, id: &Id) {
        let mut heard = self.0.lock().unwrap();
        heard.entered.entry(thread::current().id()).or_default().push(id.into_u64());
    }

    fn exit(&self, _: &Id) {
        let mut heard = self.0.lock().unwrap();
        heard.entered.entry(thread::current().id()).or_default().pop();
    }
}

#[pm_runtime::test]
async fn the_span_of_a_line_is_the_current_one_of_whoever_hears_it() {
    for pool in [AlarmPool::in_process(), AlarmPool::new()] {
        let current = Current::default();
        let _default = subscriber::set_default(current.clone());
        pool.query().await.unwrap();
        pool.destroy().await;
        // The format `json` of `tracing-subscriber` lists it, and those that it is in, as `spans`.
        assert_eq!(current.0.lock().unwrap().events, [Some("run")]);
    }
}

#[worker_query(workers = 1)]
fn hand_on() {
    let span = Span::current();
    let thread = thread::spawn(move || span.in_scope(|| info!("on another thread")));
    thread.join().unwrap();
}

#[pm_runtime::test]
async fn code_that_takes_its_current_span_along_stays_below_its_caller() {
    let recorder = Recorder::new(Level::INFO);
    let _default = subscriber::set_default(recorder.clone());
    let pool = HandOnPool::new();
    pool.query().instrument(info_span!("caller")).await.unwrap();
    pool.destroy().await;
    let said = recorder.look(|tree| tree.said("on another thread").cloned().unwrap());
    assert_eq!(said.path, ["caller", "query", "run"]);
}

/// Counts the spans that are still open when what they are in ends, as the subscribers see it that keep no
/// span open for others in it.
#[derive(Clone, Default)]
struct Closes(Arc<Mutex<Handles>>);

#[derive(Default)]
struct Handles {
    /// What each is in, and how many hold it.
    spans: Vec<(Option<u64>, usize)>,
    late: usize,
}

impl Handles {
    fn span(&mut self, id: &Id) -> &mut (Option<u64>, usize) {
        &mut self.spans[id.into_u64() as usize - 1]
    }
}

impl Subscriber for Closes {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "pm_runtime" && *metadata.level() <= Level::INFO
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut handles = self.0.lock().unwrap();
        handles.spans.push((span.parent().map(Id::into_u64), 1));
        Id::from_u64(handles.spans.len() as u64)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}

    fn clone_span(&self, id: &Id) -> Id {
        self.0.lock().unwrap().span(id).1 += 1;
        id.clone()
    }

    fn try_close(&self, id: Id) -> bool {
        let mut handles = self.0.lock().unwrap();
        handles.span(&id).1 -= 1;
        let is_closed = handles.span(&id).1 == 0;
        if is_closed {
            let open = |span: &&(Option<u64>, usize)| span.0 == Some(id.into_u64()) && span.1 > 0;
            handles.late += handles.spans.iter().filter(open).count();
        }
        is_closed
    }
}

#[pm_runtime::test]
async fn a_run_ends_before_its_query() {
    let closes = Closes::default();
    let _default = subscriber::set_default(closes.clone());
    let (pool, quiet) = (AlarmPool::new(), NodPool::new());
    for _ in 0..200 {
        pool.query().await.unwrap();
        quiet.query().await.unwrap();
    }
    pool.destroy().await;
    quiet.destroy().await;
    assert_eq!(closes.0.lock().unwrap().late, 0);
}

#[worker_query(workers = 1, runtime = "tokio")]
async fn on_tokio() {
    let task = async { info!("in a task") }.in_current_span();
    tokio::spawn(task).await.unwrap();
}

#[pm_runtime::test]
async fn a_task_of_a_query_may_take_its_current_span_along() {
    let recorder = Recorder::new(Level::INFO);
    let _default = subscriber::set_default(recorder.clone());
    let pool = OnTokioPool::new();
    pool.query().instrument(info_span!("caller")).await.unwrap();
    pool.destroy().await;
    let said = recorder.look(|tree| tree.said("in a task").cloned().unwrap());
    assert_eq!(said.path, ["caller", "query", "run"]);
}
