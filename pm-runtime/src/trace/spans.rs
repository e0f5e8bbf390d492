//! The spans of a query: `query`, from the first poll of its call to its end, and in it `queue`, until a
//! worker begins it, and `run`, which is where what that worker says belongs.
//!
//! `query` and `run` are of the level INFO, so that a line of a worker stands below its caller's span with
//! the filter that most services have. `queue` is of DEBUG, as it tells nothing but a time.

use std::fmt::Display;
use std::mem::replace;
use std::sync::{Arc, Mutex};

use tracing::dispatcher::{self, DefaultGuard};
use tracing::field::{Empty, display};
use tracing::level_filters::LevelFilter;
use tracing::{Dispatch, Id, Span, debug_span, info_span};

use super::{TARGET, dispatch, thread};
use crate::sync::lock;

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
    query: Span,
    /// What the rest belongs to: that span, or the caller's.
    outer: Span,
    queue: Mutex<Span>,
}

/// Whether anybody may subscribe: all that a query costs where nobody does.
#[inline]
pub(crate) fn is_on() -> bool {
    LevelFilter::current() != LevelFilter::OFF
}

/// Notes what is there when a call is submitted: whoever subscribes, and the caller's span.
pub(crate) fn call(kind: Kind, pool: &str, query: impl FnOnce() -> String) -> Traced {
    let Some(dispatch) = dispatch::current() else { return Traced(None) };
    let span = match kind {
        Kind::Query => info_span!(
            target: TARGET, "query", pool, query = query(), worker = Empty, outcome = Empty
        ),
        Kind::Stream => info_span!(
            target: TARGET, "stream", pool, query = query(), worker = Empty, outcome = Empty
        ),
    };
    let outer = if span.is_disabled() { Span::current() } else { span.clone() };
    if outer.is_disabled() {
        // There is nothing that anything could belong to.
        return Traced(None);
    }
    let queue = Mutex::new(debug_span!(target: TARGET, parent: &outer, "queue"));
    Traced(Some(Arc::new(Spans { dispatch, query: span, outer, queue })))
}

impl Traced {
    pub(super) fn spans(&self) -> Option<&Arc<Spans>> {
        self.0.as_ref()
    }

    /// The call is over. On a thread of the application.
    pub(crate) fn ended<T, E: Display>(&self, outcome: &Result<T, E>) {
        let Some(spans) = &self.0 else { return };
        match outcome {
            Ok(_) => spans.query.record("outcome", "answered"),
            Err(error) => spans.query.record("outcome", display(error)),
        };
    }

    /// The caller has dropped the call.
    pub(crate) fn cancelled(&self) {
        if let Some(spans) = &self.0 {
            spans.query.record("outcome", "cancelled");
        }
    }
}

/// Spans that nobody needs any more.
pub(super) struct Closing {
    _queue: Span,
    _query: Span,
    _outer: Span,
    _dispatch: Dispatch,
}

impl Drop for Spans {
    fn drop(&mut self) {
        let queue = self.queue.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner);
        // To close a span is to run code of the subscriber, and this may be anywhere.
        thread::close(Closing {
            _queue: replace(queue, Span::none()),
            _query: replace(&mut self.query, Span::none()),
            _outer: replace(&mut self.outer, Span::none()),
            _dispatch: replace(&mut self.dispatch, Dispatch::none()),
        });
    }
}

/// A query that runs, as its subscriber sees it.
pub(super) struct Run {
    spans: Arc<Spans>,
    /// Disabled where the subscriber does not want it.
    run: Span,
}

impl Run {
    /// The query has begun, in this run of it.
    pub(super) fn begin(spans: Arc<Spans>, worker: u64, attempt: u16) -> Self {
        let waited = replace(&mut *lock(&spans.queue), Span::none());
        drop(waited);
        spans.query.record("worker", worker);
        let run = dispatcher::with_default(
            &spans.dispatch,
            || info_span!(target: TARGET, parent: &spans.outer, "run", worker, attempt),
        );
        Self { spans, run }
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
            self.dispatch().enter(&id);
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
            self.run.dispatch().exit(&id);
        }
    }
}
