//! What a worker's code says with `tracing`.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber};
use tracing_core::span::Current;

use super::fields::fields;
use super::outlet::{NoSite, Outlet};
use crate::process::fork;
use crate::sync::lock;
use crate::wire::record::{Level, Line, Place, Record as Sent, Room};

thread_local! {
    /// The spans that this thread is in, the innermost last.
    static ENTERED: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

/// The innermost span that this thread is in.
pub(super) fn innermost() -> Option<u64> {
    // A destructor of another thread-local may come too late.
    ENTERED.try_with(|entered| entered.borrow().last().copied()).ok().flatten()
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
        self.outlet.send(&Sent::Line { line, parent: Outlet::parent(span) });
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
        let parent = match span.parent() {
            Some(parent) => Some(parent.into_u64()),
            None if span.is_contextual() => innermost(),
            None => None,
        };
        match self.outlet.site(metadata) {
            Ok(site) => {
                let fields = fields(|visit| span.record(visit));
                let parent = Outlet::parent(parent);
                self.outlet.send(&Sent::Span { span: id, site, parent, fields });
            }
            Err(NoSite::Lost) => self.outlet.lose(),
            Err(NoSite::Refused) => {}
        }
        Id::from_u64(id)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        if fork::is_fork() {
            return;
        }
        let fields = fields(|visit| values.record(visit));
        self.outlet.send(&Sent::Recorded { span: span.into_u64(), fields });
    }

    fn record_follows_from(&self, span: &Id, follows: &Id) {
        if fork::is_fork() {
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
                self.outlet.send(&Sent::Event { site, parent: Outlet::parent(span), fields });
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
        let entered = innermost().filter(|_| !fork::is_fork()).and_then(|id| {
            let metadata = lock(&self.open).get(&id)?.metadata;
            Some(Current::new(Id::from_u64(id), metadata))
        });
        entered.unwrap_or_else(Current::none)
    }
}
