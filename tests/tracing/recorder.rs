//! A subscriber that keeps everything, and lets a test wait for it.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, ThreadId};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_core::span::Current;

type Fields = BTreeMap<String, String>;

/// A cheap handle of what was recorded.
#[derive(Clone)]
pub struct Recorder {
    most: Level,
    unwanted: &'static str,
    panics: bool,
    shared: Arc<(Mutex<Tree>, Condvar)>,
}

/// All that was said.
#[derive(Default)]
pub struct Tree {
    pub spans: BTreeMap<u64, Span>,
    pub events: Vec<Said>,
    entered: HashMap<ThreadId, Vec<u64>>,
}

#[derive(Debug, Clone)]
pub struct Span {
    pub name: &'static str,
    pub parent: Option<u64>,
    metadata: &'static Metadata<'static>,
    pub fields: Fields,
    pub follows: Vec<u64>,
    holders: usize,
    /// The thread that closed it.
    pub closed_by: Option<ThreadId>,
}

#[derive(Debug, Clone)]
pub struct Said {
    pub target: String,
    pub level: Level,
    pub file: Option<String>,
    pub fields: Fields,
    /// The names of the spans that it is in, the outermost first.
    pub path: Vec<&'static str>,
}

impl Said {
    pub fn message(&self) -> &str {
        self.fields.get("message").map_or("", String::as_str)
    }
}

impl Span {
    pub fn is_closed(&self) -> bool {
        self.holders == 0
    }
}

impl Tree {
    pub fn said(&self, message: &str) -> Option<&Said> {
        self.events.iter().find(|said| said.message() == message)
    }

    pub fn span(&self, name: &str) -> Option<&Span> {
        self.spans.values().find(|span| span.name == name)
    }

    /// The names of a span and of those that it is in, the outermost first.
    pub fn path(&self, span: Option<u64>) -> Vec<&'static str> {
        let mut path = Vec::new();
        let mut next = span;
        while let Some(span) = next.and_then(|id| self.spans.get(&id)) {
            path.insert(0, span.name);
            next = span.parent;
        }
        path
    }

    fn innermost(&self) -> Option<u64> {
        self.entered.get(&thread::current().id())?.last().copied()
    }
}

impl Recorder {
    pub fn new(most: Level) -> Self {
        Self { most, unwanted: "nothing", panics: false, shared: Arc::default() }
    }

    /// One that does not want what has this target.
    pub fn without(self, unwanted: &'static str) -> Self {
        Self { unwanted, ..self }
    }

    /// One that panics whenever a span has something to record, is entered or left, or ends.
    pub fn panicking(self) -> Self {
        Self { panics: true, ..self }
    }

    fn may_panic(&self) {
        assert!(!self.panics, "a panic of a subscriber");
    }

    pub fn look<R>(&self, look: impl FnOnce(&Tree) -> R) -> R {
        look(&self.shared.0.lock().unwrap())
    }

    /// Waits until there is what a test looks for.
    pub fn wait<R>(&self, mut look: impl FnMut(&Tree) -> Option<R>) -> R {
        let mut tree = self.shared.0.lock().unwrap();
        loop {
            if let Some(found) = look(&tree) {
                return found;
            }
            tree = self.shared.1.wait(tree).unwrap();
        }
    }

    /// Waits until this was said.
    pub fn wait_for(&self, message: &str) -> Said {
        self.wait(|tree| tree.said(message).cloned())
    }

    /// Waits until all spans of this name are closed, of which there are so many.
    pub fn wait_for_closed(&self, name: &str, count: usize) {
        self.wait(|tree| {
            let mut named = tree.spans.values().filter(|span| span.name == name);
            let closed = named.clone().filter(|span| span.is_closed()).count();
            (named.all(Span::is_closed) && closed == count).then_some(())
        });
    }

    fn change<R>(&self, change: impl FnOnce(&mut Tree) -> R) -> R {
        let result = change(&mut self.shared.0.lock().unwrap());
        self.shared.1.notify_all();
        result
    }
}

impl Subscriber for Recorder {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= self.most && metadata.target() != self.unwanted
    }

    fn max_level_hint(&self) -> Option<tracing::level_filters::LevelFilter> {
        Some(self.most.into())
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut fields = Fields::new();
        span.record(&mut Texts(&mut fields));
        self.change(|tree| {
            let parent = match span.parent() {
                Some(parent) => Some(parent.into_u64()),
                None if span.is_contextual() => tree.innermost(),
                None => None,
            };
            if let Some(parent) = parent {
                let parent = tree.spans.get_mut(&parent).expect("a parent is there");
                assert!(!parent.is_closed(), "{} is closed", parent.name);
            }
            let metadata = span.metadata();
            let id = tree.spans.len() as u64 + 1;
            tree.spans.insert(
                id,
                Span {
                    name: metadata.name(),
                    parent,
                    metadata,
                    fields,
                    follows: Vec::new(),
                    holders: 1,
                    closed_by: None,
                },
            );
            Id::from_u64(id)
        })
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        let mut fields = Fields::new();
        values.record(&mut Texts(&mut fields));
        self.change(|tree| {
            if let Some(span) = tree.spans.get_mut(&span.into_u64()) {
                span.fields.extend(fields);
            }
        });
        self.may_panic();
    }

    fn record_follows_from(&self, span: &Id, follows: &Id) {
        self.change(|tree| {
            if let Some(span) = tree.spans.get_mut(&span.into_u64()) {
                span.follows.push(follows.into_u64());
            }
        });
    }

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::new();
        event.record(&mut Texts(&mut fields));
        assert!(fields.get("message").is_none_or(|message| message != "panic, please"));
        self.change(|tree| {
            let span = match event.parent() {
                Some(parent) => Some(parent.into_u64()),
                None if event.is_contextual() => tree.innermost(),
                None => None,
            };
            let metadata = event.metadata();
            let said = Said {
                target: metadata.target().into(),
                level: *metadata.level(),
                file: metadata.file().map(String::from),
                fields,
                path: tree.path(span),
            };
            tree.events.push(said);
        });
    }

    fn enter(&self, span: &Id) {
        self.change(|tree| {
            tree.entered.entry(thread::current().id()).or_default().push(span.into_u64());
        });
        self.may_panic();
    }

    fn exit(&self, _: &Id) {
        self.change(|tree| tree.entered.entry(thread::current().id()).or_default().pop());
        self.may_panic();
    }

    fn current_span(&self) -> Current {
        self.change(|tree| {
            let current = tree.innermost().and_then(|id| Some((id, tree.spans.get(&id)?)));
            current.map_or_else(Current::none, |(id, span)| {
                Current::new(Id::from_u64(id), span.metadata)
            })
        })
    }

    fn clone_span(&self, id: &Id) -> Id {
        self.change(|tree| {
            let span = tree.spans.get_mut(&id.into_u64()).expect("it is there");
            assert!(!span.is_closed(), "{} is closed", span.name);
            span.holders += 1;
        });
        id.clone()
    }

    fn try_close(&self, id: Id) -> bool {
        let is_closed = self.change(|tree| {
            let span = tree.spans.get_mut(&id.into_u64()).expect("it is there");
            span.holders -= 1;
            if span.is_closed() {
                span.closed_by = Some(thread::current().id());
            }
            span.is_closed()
        });
        self.may_panic();
        is_closed
    }
}

struct Texts<'a>(&'a mut Fields);

impl Visit for Texts<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name().into(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().into(), value.into());
    }
}
