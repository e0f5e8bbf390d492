//! A worker that is a thread of this process: what it logs goes straight to whoever subscribes, inside of
//! the spans of its queries.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use super::records::Table;
use super::scope::{self, Scope};
use super::spans::Run;
use crate::sync::{lock, shielded};

/// The traced queries of such a worker.
#[derive(Default)]
pub(crate) struct Local {
    table: Option<Arc<Table>>,
    running: Mutex<HashMap<u64, Run>>,
}

/// Until this is dropped, its thread is inside of a query's spans.
#[must_use = "its drop leaves the span"]
pub(crate) struct Entered {
    _entered: scope::Entered,
}

impl Local {
    pub(crate) fn new(table: Option<Arc<Table>>) -> Self {
        Self { table, ..Self::default() }
    }

    pub(crate) fn begin(&self, query: u64) {
        let handed = self.table.as_ref().and_then(|table| table.take(query));
        let Some(handed) = handed else { return };
        // A subscriber's panic is not the worker's.
        shielded(|| {
            if let Some(run) = Run::begin(handed.spans, handed.run) {
                lock(&self.running).insert(query, run);
            }
        });
    }

    pub(crate) fn enter(&self, query: u64) -> Option<Entered> {
        let scope = lock(&self.running).get(&query).map(Run::scope).cloned();
        scope.as_ref().map(Scope::enter).map(|entered| Entered { _entered: entered })
    }

    pub(crate) fn end(&self, query: u64) {
        let run = lock(&self.running).remove(&query);
        drop(run);
    }
}
