//! The spans that something is in, held open, from the innermost out.
//!
//! Subscribers are asked as the application's own code asks them: on a thread that is in all of these
//! spans. Layers look at the one that their thread is in, and one with a filter of its own at the next
//! one out that it wants.

use std::sync::Arc;

use tracing::dispatcher::{self, DefaultGuard};
use tracing::span::Attributes;
use tracing::{Dispatch, Id, Span};

use crate::sync::shielded;

/// Of more spans than that, those between are left out: who is in them costs time for each.
const DEEPEST: usize = 64;

/// A place in a tree of spans. Clones are the same place.
#[derive(Clone)]
pub(super) struct Scope {
    dispatch: Dispatch,
    /// `None`: outside of all.
    innermost: Option<Arc<Inner>>,
}

/// A span that is held open, and what it is in.
struct Inner {
    dispatch: Dispatch,
    id: Id,
    depth: usize,
    outer: Option<Arc<Inner>>,
}

impl Scope {
    /// Outside of all spans of this subscriber.
    pub(super) fn outside(dispatch: Dispatch) -> Self {
        Self { dispatch, innermost: None }
    }

    /// Inside of this span, too, unless it is disabled.
    pub(super) fn inside(self, span: &Span) -> Self {
        match span.id() {
            Some(id) => {
                let id = self.dispatch.clone_span(&id);
                self.within(id)
            }
            None => self,
        }
    }

    /// Inside of a new span, which ends when nobody holds a place in it any more.
    pub(super) fn open(&self, attributes: &Attributes<'_>) -> Self {
        let id = dispatcher::get_default(|current| current.new_span(attributes));
        self.clone().within(id)
    }

    fn within(self, id: Id) -> Self {
        let Self { dispatch, innermost: mut outer } = self;
        if let Some(deepest) = outer.take_if(|outer| outer.depth >= DEEPEST) {
            outer = deepest.outer.clone();
        }
        let depth = outer.as_ref().map_or(1, |outer| outer.depth + 1);
        let inner = Inner { dispatch: dispatch.clone(), id, depth, outer };
        Self { dispatch, innermost: Some(Arc::new(inner)) }
    }

    pub(super) fn dispatch(&self) -> &Dispatch {
        &self.dispatch
    }

    /// The innermost span.
    pub(super) fn id(&self) -> Option<&Id> {
        self.innermost.as_ref().map(|inner| &inner.id)
    }

    /// Until the guard is dropped, this thread is in the spans, and their subscriber is its own.
    pub(super) fn enter(&self) -> Entered {
        let default = dispatcher::set_default(&self.dispatch);
        let mut spans = Vec::new();
        let mut next = self.innermost.as_ref();
        while let Some(inner) = next {
            spans.push(inner.clone());
            next = inner.outer.as_ref();
        }
        for span in spans.iter().rev() {
            shielded(|| span.dispatch.enter(&span.id));
        }
        Entered { spans, _default: default }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // Others may be dropped with it, and two panics at once would be the end of the process.
        shielded(|| {
            // A registry closes what it was in by the subscriber of the thread.
            dispatcher::with_default(&self.dispatch, || self.dispatch.try_close(self.id.clone()));
        });
    }
}

#[must_use = "its drop leaves the spans"]
pub(super) struct Entered {
    /// The innermost first.
    spans: Vec<Arc<Inner>>,
    _default: DefaultGuard,
}

impl Drop for Entered {
    fn drop(&mut self) {
        for span in &self.spans {
            shielded(|| span.dispatch.exit(&span.id));
        }
    }
}
