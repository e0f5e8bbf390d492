//! What a worker's code says with `tracing`.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use tracing::callsite::{Callsite, Identifier};
use tracing::field::FieldSet;
use tracing::level_filters::LevelFilter;
use tracing::metadata::Kind;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber};
use tracing_core::span::Current;

use super::super::current;
use super::fields::fields;
use super::outlet::{NoSite, Outlet};
use crate::process::fork;
use crate::sync::lock;
use crate::wire::record::{Level, Line, Parent, Place, Record as Sent, Room};

/// Marks the id of a span that stands for the query with the rest of it as its name: the one that the
/// application has made for its run. What is taken along of it, to other threads and tasks, belongs there.
const QUERY: u64 = 1 << 63;

/// What is known of such spans.
static RUN: Metadata<'static> = Metadata::new(
    "run",
    "pm_runtime",
    tracing::Level::INFO,
    None,
    None,
    None,
    FieldSet::new(&[], Identifier(&Run)),
    Kind::SPAN,
);

struct Run;

impl Callsite for Run {
    fn set_interest(&self, _: Interest) {}

    fn metadata(&self) -> &Metadata<'_> {
        &RUN
    }
}

thread_local! {
    /// The spans that this thread is in, the innermost last.
    static ENTERED: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

/// The innermost span that this thread is in.
pub(super) fn innermost() -> Option<u64> {
    // A destructor of another thread-local may come too late.
    ENTERED.try_with(|entered| entered.borrow().last().copied()).ok().flatten()
}

/// What something belongs to that is said here, in this span.
pub(super) fn parent(span: Option<u64>) -> Parent {
    match span {
        Some(span) if span & QUERY != 0 => Parent { span: None, query: Some(span & !QUERY) },
        span => Parent { span, query: current::query_of_process() },
    }
}

/// Whether it stands for a query, so that the application alone opens and closes it.
fn is_run(span: &Id) -> bool {
    span.into_u64() & QUERY != 0
}

/// Sends spans and events on. It is the subscriber of a worker's process, and does nothing in a fork of
/// that, where another thread may have held its locks.
pub(super) struct Forwarder {
    outlet: &'static Outlet,
    next: AtomicU64,
    open: Mutex<HashMap<u64, Open>>,
}

/// A span, and how many hold it.
struct Open {
    metadata: &'static Metadata<'static>,
    holders: usize,
}

impl Forwarder {
    pub(super) fn new(outlet: &'static Outlet) -> Self {
        Self { outlet, next: AtomicU64::new(1), open: Mutex::default() }
    }

    fn wants(&self, metadata: &Metadata<'_>) -> bool {
        Level::from(*metadata.level()) <= self.outlet.level
    }

    /// An event whose callsite cannot be told, with its fields as a text.
    fn send_as_line(&self, event: &Event<'_>, span: Option<u64>) {
        let metadata = event.metadata();
        let mut room = Room::new();
        let place = Place {
            level: (*metadata.level()).into(),
            target: room.name(metadata.target()),
            module: metadata.module_path().map(|module| room.name(module)),
            file: metadata.file().map(|file| room.name(file)),
            line: metadata.line(),
        };
        let line = Line { place, message: room.written(format_args!("{event:?}")) };
        self.outlet.send(&Sent::Line { line, parent: parent(span) });
    }
}

impl Subscriber for Forwarder {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.wants(metadata) { Interest::always() } else { Interest::never() }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.wants(metadata) && !fork::is_fork()
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::from_level(self.outlet.level.into()))
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        // Zero is no id.
        let id = self.next.fetch_add(1, Ordering::Relaxed).max(1);
        if fork::is_fork() {
            return Id::from_u64(id);
        }
        let metadata = span.metadata();
        lock(&self.open).insert(id, Open { metadata, holders: 1 });
        let outer = match span.parent() {
            Some(outer) => Some(outer.into_u64()),
            None if span.is_contextual() => innermost(),
            None => None,
        };
        match self.outlet.site(metadata) {
            Ok(site) => {
                let fields = fields(|visit| span.record(visit));
                let parent = parent(outer);
                self.outlet.send(&Sent::Span { span: id, site, parent, fields });
            }
            Err(NoSite::Lost) => self.outlet.lose(),
            Err(NoSite::Refused) => {}
        }
        Id::from_u64(id)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        if fork::is_fork() || is_run(span) {
            return;
        }
        let fields = fields(|visit| values.record(visit));
        self.outlet.send(&Sent::Recorded { span: span.into_u64(), fields });
    }

    fn record_follows_from(&self, span: &Id, follows: &Id) {
        if fork::is_fork() || is_run(span) || is_run(follows) {
            return;
        }
        self.outlet.send(&Sent::Follows { span: span.into_u64(), other: follows.into_u64() });
    }

    fn event(&self, event: &Event<'_>) {
        if fork::is_fork() {
            return;
        }
        let span = match event.parent() {
            Some(parent) => Some(parent.into_u64()),
            None if event.is_contextual() => innermost(),
            None => None,
        };
        match self.outlet.site(event.metadata()) {
            Ok(site) => {
                let fields = fields(|visit| event.record(visit));
                self.outlet.send(&Sent::Event { site, parent: parent(span), fields });
            }
            Err(_) => self.send_as_line(event, span),
        }
    }

    fn enter(&self, span: &Id) {
        let _ = ENTERED.try_with(|entered| entered.borrow_mut().push(span.into_u64()));
    }

    fn exit(&self, span: &Id) {
        let _ = ENTERED.try_with(|entered| {
            let mut entered = entered.borrow_mut();
            // Spans need not be left in the order in which they were entered.
            if let Some(index) = entered.iter().rposition(|id| *id == span.into_u64()) {
                entered.remove(index);
            }
        });
    }

    fn clone_span(&self, span: &Id) -> Id {
        if !fork::is_fork()
            && let Some(open) = lock(&self.open).get_mut(&span.into_u64())
        {
            open.holders += 1;
        }
        span.clone()
    }

    fn try_close(&self, span: Id) -> bool {
        if fork::is_fork() {
            return false;
        }
        let mut all = lock(&self.open);
        let Some(open) = all.get_mut(&span.into_u64()) else { return false };
        open.holders -= 1;
        if open.holders > 0 {
            return false;
        }
        all.remove(&span.into_u64());
        drop(all);
        self.outlet.owe(&Sent::Closed { span: span.into_u64() });
        true
    }

    fn current_span(&self) -> Current {
        if fork::is_fork() {
            return Current::none();
        }
        let run = || current::query_of_process().map(|query| query | QUERY);
        let current = innermost().or_else(run).map(Id::from_u64).and_then(|id| {
            let metadata = match is_run(&id) {
                true => &RUN,
                false => lock(&self.open).get(&id.into_u64())?.metadata,
            };
            Some(Current::new(id, metadata))
        });
        current.unwrap_or_else(Current::none)
    }
}
