//! The spans of a query: `query`, from the first poll of its call to its end, and in it `queue`, until a
//! worker begins it, and `run`, which is where what that worker says belongs.
//!
//! `query` and `run` are of the level INFO, so that a line of a worker stands below its caller's span with
//! the filter that most services have. `queue` is of DEBUG, as it tells nothing but a time.
//!
//! Two threads open and close them: the caller's, and the one that reads records. A query that nothing in
//! the records speaks of is over with its call, on the caller's thread, and the other one never hears of it.

use std::mem::{replace, take};
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use tracing::dispatcher;
use tracing::field::{Empty, display};
use tracing::level_filters::LevelFilter;
use tracing::{Dispatch, Span, Value, debug_span, info_span};

use super::scope::Scope;
use super::{TARGET, dispatch, thread};
use crate::error::QueryError;
use crate::sync::{lock, shielded};

/// What a call is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Query,
    /// Its span is open as long as the stream.
    Stream,
}

/// The spans of a query, where somebody wants to know of it. Its drop runs no code of a subscriber.
#[derive(Clone, Default)]
pub(crate) struct Traced(Option<Arc<Spans>>);

pub(super) struct Spans {
    /// Locked under the pool's lock, and never while a subscriber runs.
    handings: Mutex<Handings>,
    /// Nobody will tell any more of its run.
    is_settled: AtomicBool,
    /// Locked while a subscriber runs: the caller's thread waits for it as little as a pool does.
    open: Mutex<Open>,
}

/// A run of a query: the worker, and which of its runs it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Handing {
    pub(super) worker: u64,
    pub(super) attempt: u16,
}

/// Which workers were to run a query.
#[derive(Default)]
struct Handings {
    last: Option<Handing>,
    /// That begins at once, as far as the pool knows.
    is_prompt: bool,
    count: u32,
}

/// The spans that are open, each disabled where the subscriber does not want it. They close in this order.
#[derive(Default)]
struct Open {
    run: Shielded,
    queue: Shielded,
    query: Shielded,
    /// What the caller was in.
    caller: Shielded,
    /// `None`: all are closed.
    dispatch: Option<Dispatch>,
    /// The last run that has begun.
    begun: Option<Handing>,
}

/// A span that may be dropped anywhere between others: its subscriber may panic at that, and two panics
/// at once would be the end of the process. Where another subscriber is that of the thread, a registry
/// would not close what it was in.
struct Shielded(Span);

impl Deref for Shielded {
    type Target = Span;

    fn deref(&self) -> &Span {
        &self.0
    }
}

impl Default for Shielded {
    fn default() -> Self {
        Self(Span::none())
    }
}

impl Drop for Shielded {
    fn drop(&mut self) {
        let span = replace(&mut self.0, Span::none());
        if let Some(dispatch) = span.with_subscriber(|(_, dispatch)| dispatch.clone()) {
            shielded(|| dispatcher::with_default(&dispatch, || drop(span)));
        }
    }
}

/// Whether anybody may subscribe: all that a query costs where nobody does.
#[inline]
pub(crate) fn is_on() -> bool {
    LevelFilter::current() != LevelFilter::OFF
}

/// Notes what is there when a call is submitted: whoever subscribes, and the caller's span.
pub(crate) fn call(kind: Kind, pool: &str, query: impl FnOnce() -> String) -> Traced {
    let mut spans = None;
    if is_on() {
        shielded(|| spans = Spans::open(kind, pool, query));
    }
    Traced(spans.map(Arc::new))
}

impl Spans {
    /// `None`: there is nobody who wants to know, or nothing that anything could belong to.
    fn open(kind: Kind, pool: &str, query: impl FnOnce() -> String) -> Option<Self> {
        let dispatch = dispatch::current()?;
        let caller = Shielded(Span::current());
        let query = Shielded(match kind {
            Kind::Query => info_span!(
                target: TARGET, "query", pool, query = query(), worker = Empty, outcome = Empty
            ),
            Kind::Stream => info_span!(
                target: TARGET, "stream", pool, query = query(), worker = Empty, outcome = Empty
            ),
        });
        if query.is_disabled() && caller.is_disabled() {
            return None;
        }
        let mut open = Open { dispatch: Some(dispatch), query, caller, ..Open::default() };
        open.queue = Shielded(debug_span!(target: TARGET, parent: open.outer(), "queue"));
        Some(Self {
            handings: Mutex::default(),
            is_settled: AtomicBool::new(false),
            open: Mutex::new(open),
        })
    }

    /// A worker is about to be handed the query. This runs no code of a subscriber.
    pub(super) fn hand(&self, run: Handing, is_prompt: bool) {
        let mut handings = lock(&self.handings);
        *handings = Handings { last: Some(run), is_prompt, count: handings.count + 1 };
    }

    /// This worker has run the query, and nothing in its records says so. This runs no code of a
    /// subscriber.
    pub(super) fn note_untold(&self, worker: u64) {
        // Of those of other workers it knows nothing.
        if lock(&self.handings).last.is_some_and(|run| run.worker == worker) {
            self.is_settled.store(true, Ordering::Release);
        }
    }

    /// What is open; `None`: another thread is at it.
    fn try_open(&self) -> Option<MutexGuard<'_, Open>> {
        match self.open.try_lock() {
            Ok(open) => Some(open),
            Err(TryLockError::Poisoned(error)) => Some(error.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// The call came to this outcome, which another thread tells than its caller's.
    pub(super) fn note_outcome(&self, outcome: &str) {
        lock(&self.open).note("outcome", outcome);
    }
}

impl Open {
    /// The query has begun, in this run of it, unless that is known.
    fn begin(&mut self, run: Handing) {
        let Some(dispatch) = self.dispatch.clone().filter(|_| self.begun != Some(run)) else {
            return;
        };
        self.begun = Some(run);
        drop((take(&mut self.queue), take(&mut self.run)));
        let Handing { worker, attempt } = run;
        self.note("worker", worker);
        let outer = self.outer();
        let mut span = Span::none();
        shielded(|| {
            span = dispatcher::with_default(
                &dispatch,
                || info_span!(target: TARGET, parent: outer, "run", worker, attempt),
            );
        });
        self.run = Shielded(span);
    }

    /// What `queue` and `run` belong to: the query's span, or else the caller's.
    fn outer(&self) -> &Span {
        if self.query.is_disabled() { &self.caller } else { &self.query }
    }

    /// What belongs to the query while it runs belongs here. `None`: all is closed.
    fn scope(&self) -> Option<Scope> {
        let mut scope = None;
        shielded(|| {
            let outside = self.dispatch.clone().map(Scope::outside);
            scope = outside.map(|it| it.inside(&self.caller).inside(&self.query).inside(&self.run));
        });
        scope
    }

    /// Records this of the query. That its subscriber panics concerns nobody else.
    fn note(&self, field: &str, value: impl Value) {
        shielded(|| {
            self.query.record(field, value);
        });
    }
}

impl Traced {
    pub(super) fn spans(&self) -> Option<&Arc<Spans>> {
        self.0.as_ref()
    }

    /// The call was submitted, and may have been handed over. On a thread of the application.
    pub(crate) fn submitted(&self) {
        let Some(spans) = &self.0 else { return };
        let run = {
            let handings = lock(&spans.handings);
            handings.last.filter(|_| handings.is_prompt)
        };
        // Whoever else is at it has read of its begin.
        if let (Some(run), Some(mut open)) = (run, spans.try_open()) {
            open.begin(run);
        }
    }

    /// The call is over. On a thread of the application.
    pub(crate) fn ended<T>(&self, outcome: &Result<T, QueryError>) {
        let Some(spans) = &self.0 else { return };
        let (last, count) = {
            let handings = lock(&spans.handings);
            (handings.last, handings.count)
        };
        let is_settled = spans.is_settled.load(Ordering::Acquire);
        let Some(mut open) = spans.try_open() else {
            let outcome = outcome.as_ref().map_or_else(QueryError::to_string, |_| ANSWERED.into());
            return thread::note(spans.clone(), outcome);
        };
        if let Some(run) = last.filter(|_| is_settled || outcome.as_ref().is_err_and(has_run)) {
            open.begin(run);
        }
        match outcome {
            Ok(_) => open.note("outcome", ANSWERED),
            Err(error) => open.note("outcome", display(error)),
        }
        // What an earlier worker has logged may still be on its way.
        let closes = count == 0 || (is_settled && count == 1);
        let over = if closes { take(&mut *open) } else { Open::default() };
        drop(open);
        drop(over);
    }

    /// The caller has dropped the call.
    pub(crate) fn cancelled(&self) {
        let Some(spans) = &self.0 else { return };
        match spans.try_open() {
            Some(open) => open.note("outcome", CANCELLED),
            None => thread::note(spans.clone(), CANCELLED.into()),
        }
    }
}

/// Outcomes that are no errors.
const ANSWERED: &str = "answered";
const CANCELLED: &str = "cancelled";

/// Whether a query that came to this has run.
fn has_run(error: &QueryError) -> bool {
    matches!(
        error,
        QueryError::TimedOut { .. }
            | QueryError::Crashed(_)
            | QueryError::Protocol(_)
            | QueryError::Panicked(_)
            | QueryError::Released
    )
}

/// Spans that nobody needs any more.
pub(super) struct Closing {
    _open: Open,
}

impl Drop for Spans {
    fn drop(&mut self) {
        let open = take(self.open.get_mut().unwrap_or_else(PoisonError::into_inner));
        // To close a span is to run code of the subscriber, and this may be anywhere.
        if open.dispatch.is_some() {
            thread::close(Closing { _open: open });
        }
    }
}

/// A query that runs, as its subscriber sees it.
pub(super) struct Run {
    /// Where what belongs to the query belongs.
    scope: Scope,
    spans: Arc<Spans>,
    run: Handing,
}

impl Run {
    /// The query has begun, in this run of it. On a thread that holds up no pool. `None`: its spans are
    /// closed.
    pub(super) fn begin(spans: Arc<Spans>, run: Handing) -> Option<Self> {
        let scope = {
            let mut open = lock(&spans.open);
            open.begin(run);
            open.scope()?
        };
        Some(Self { scope, spans, run })
    }

    pub(super) fn scope(&self) -> &Scope {
        &self.scope
    }
}

/// The run is over.
impl Drop for Run {
    fn drop(&mut self) {
        let mut open = lock(&self.spans.open);
        if open.begun == Some(self.run) {
            drop(take(&mut open.run));
            self.spans.is_settled.store(true, Ordering::Release);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Debug;
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::thread;

    use tracing::field::{Field, Visit};
    use tracing::span::{Attributes, Record};
    use tracing::{Event, Id, Metadata, Subscriber, subscriber};

    use super::*;

    /// Does not come back from a run until it is let go, and tells of outcomes.
    struct Blocking {
        begun: Sender<()>,
        go: Mutex<Receiver<()>>,
        outcomes: Sender<String>,
    }

    impl Subscriber for Blocking {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }

        fn new_span(&self, span: &Attributes<'_>) -> Id {
            if span.metadata().name() == "run" {
                self.begun.send(()).unwrap();
                self.go.lock().unwrap().recv().unwrap();
            }
            Id::from_u64(1)
        }

        fn record(&self, _: &Id, values: &Record<'_>) {
            values.record(&mut Outcome(&self.outcomes));
        }

        fn record_follows_from(&self, _: &Id, _: &Id) {}

        fn event(&self, _: &Event<'_>) {}

        fn enter(&self, _: &Id) {}

        fn exit(&self, _: &Id) {}
    }

    struct Outcome<'a>(&'a Sender<String>);

    impl Visit for Outcome<'_> {
        fn record_debug(&mut self, _: &Field, _: &dyn Debug) {}

        fn record_str(&mut self, field: &Field, value: &str) {
            assert_eq!(field.name(), "outcome");
            self.0.send(value.into()).unwrap();
        }
    }

    #[test]
    fn a_caller_does_not_wait_for_a_subscriber_that_is_told_of_its_run() {
        let ((begun, begins), (go, wait), (outcomes, told)) = (channel(), channel(), channel());
        let _default = subscriber::set_default(Blocking { begun, go: Mutex::new(wait), outcomes });
        let traced = call(Kind::Query, "some", || "one".into());
        let spans = traced.spans().unwrap().clone();
        let run = Handing { worker: 1, attempt: 1 };
        spans.hand(run, true);
        let reader = thread::spawn(move || drop(Run::begin(spans, run)));
        begins.recv().unwrap();
        traced.submitted();
        traced.ended(&Ok(()));
        assert!(told.try_recv().is_err());
        go.send(()).unwrap();
        assert_eq!(told.recv().unwrap(), ANSWERED);
        reader.join().unwrap();
    }
}
