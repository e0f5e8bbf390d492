//! The spans of a query: `query`, from the first poll of its call to its end, and in it `queue`, until a
//! worker begins it, and `run`, which is where what that worker says belongs.
//!
//! `query` and `run` are of the level INFO, so that a line of a worker stands below its caller's span with
//! the filter that most services have. `queue` is of DEBUG, as it tells nothing but a time.

use std::fmt::Display;
use std::mem::{replace, take};
use std::ops::Deref;
use std::sync::{Arc, Mutex};

use tracing::dispatcher::{self, DefaultGuard};
use tracing::field::{Empty, display};
use tracing::level_filters::LevelFilter;
use tracing::{Dispatch, Id, Span, Value, debug_span, info_span};

use super::{TARGET, dispatch, thread};
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
    dispatch: Dispatch,
    /// Disabled where the subscriber does not want it.
    query: Shielded,
    /// What the rest belongs to: that span, or the caller's.
    outer: Shielded,
    queue: Mutex<Shielded>,
}

/// A span that may be dropped anywhere between others: its subscriber may panic at that, and two panics
/// at once would be the end of the process.
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
        shielded(|| drop(span));
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
    shielded(|| spans = Spans::open(kind, pool, query));
    Traced(spans.map(Arc::new))
}

impl Spans {
    /// `None`: there is nobody who wants to know, or nothing that anything could belong to.
    fn open(kind: Kind, pool: &str, query: impl FnOnce() -> String) -> Option<Self> {
        let dispatch = dispatch::current()?;
        let query = Shielded(match kind {
            Kind::Query => info_span!(
                target: TARGET, "query", pool, query = query(), worker = Empty, outcome = Empty
            ),
            Kind::Stream => info_span!(
                target: TARGET, "stream", pool, query = query(), worker = Empty, outcome = Empty
            ),
        });
        let outer = Shielded(if query.is_disabled() { Span::current() } else { query.clone() });
        if outer.is_disabled() {
            return None;
        }
        let queue = Shielded(debug_span!(target: TARGET, parent: &*outer, "queue"));
        Some(Self { dispatch, query, outer, queue: Mutex::new(queue) })
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

    /// The call is over. On a thread of the application.
    pub(crate) fn ended<T, E: Display>(&self, outcome: &Result<T, E>) {
        let Some(spans) = &self.0 else { return };
        match outcome {
            Ok(_) => spans.note("outcome", "answered"),
            Err(error) => spans.note("outcome", display(error)),
        }
    }

    /// The caller has dropped the call.
    pub(crate) fn cancelled(&self) {
        if let Some(spans) = &self.0 {
            spans.note("outcome", "cancelled");
        }
    }
}

/// Spans that nobody needs any more.
pub(super) struct Closing {
    _queue: Shielded,
    _query: Shielded,
    _outer: Shielded,
    _dispatch: Dispatch,
}

impl Drop for Spans {
    fn drop(&mut self) {
        let queue = self.queue.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner);
        // To close a span is to run code of the subscriber, and this may be anywhere.
        thread::close(Closing {
            _queue: take(queue),
            _query: take(&mut self.query),
            _outer: take(&mut self.outer),
            _dispatch: replace(&mut self.dispatch, Dispatch::none()),
        });
    }
}

/// A query that runs, as its subscriber sees it.
pub(super) struct Run {
    spans: Arc<Spans>,
    /// Disabled where the subscriber does not want it.
    run: Shielded,
}

impl Run {
    /// The query has begun, in this run of it.
    pub(super) fn begin(spans: Arc<Spans>, worker: u64, attempt: u16) -> Self {
        let waited = take(&mut *lock(&spans.queue));
        drop(waited);
        spans.note("worker", worker);
        let run = dispatcher::with_default(
            &spans.dispatch,
            || info_span!(target: TARGET, parent: &*spans.outer, "run", worker, attempt),
        );
        Self { spans, run: Shielded(run) }
    }

    pub(super) fn dispatch(&self) -> &Dispatch {
        &self.spans.dispatch
    }

    /// What belongs to the query belongs to this span.
    fn span(&self) -> &Span {
        if self.run.is_disabled() { &self.spans.outer } else { &self.run }
    }

    pub(super) fn id(&self) -> Option<Id> {
        self.span().id()
    }

    /// Until the guard is dropped, this thread is in the span, and its records go to that subscriber.
    pub(super) fn enter(self: Arc<Self>) -> Inside {
        let default = dispatcher::set_default(&self.spans.dispatch);
        if let Some(id) = self.id() {
            shielded(|| self.dispatch().enter(&id));
        }
        Inside { run: self, _default: default }
    }
}

#[must_use = "its drop leaves the span"]
pub(super) struct Inside {
    run: Arc<Run>,
    _default: DefaultGuard,
}

impl Drop for Inside {
    fn drop(&mut self) {
        if let Some(id) = self.run.id() {
            shielded(|| self.run.dispatch().exit(&id));
        }
    }
}
