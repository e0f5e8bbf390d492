use std::fmt;
use std::sync::Arc;

use serde_derive::{Deserialize, Serialize};

use super::Escaped;

/// A panic that a worker caught: what was said, and where.
///
/// The worker serves on after it, except where a service's method with `&mut self` has left the
/// state half changed: that worker is replaced.
#[derive(Clone, PartialEq, Eq)]
pub struct PanicReport(Arc<Panic>);

#[derive(Debug, PartialEq, Eq)]
struct Panic {
    worker: u64,
    note: PanicNote,
}

/// A panic as the worker tells of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PanicNote {
    pub(crate) message: Box<str>,
    pub(crate) location: Option<Box<str>>,
}

impl PanicReport {
    pub(crate) fn new(worker: u64, note: PanicNote) -> Self {
        Self(Arc::new(Panic { worker, note }))
    }

    /// The worker in which the query panicked.
    pub fn worker(&self) -> u64 {
        self.0.worker
    }

    /// What the panic said, as it said it (only the report's `Display` escapes control
    /// characters); for a payload that is no string, that it was none.
    pub fn message(&self) -> &str {
        &self.0.note.message
    }

    /// File, line and column, where the panic hook saw them.
    pub fn location(&self) -> Option<&str> {
        self.0.note.location.as_deref()
    }
}

impl fmt::Display for PanicReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", Escaped(self.message()))?;
        if let Some(location) = self.location() {
            write!(f, " at {}", Escaped(location))?;
        }
        write!(f, " in worker {}", self.worker())?;
        // What tokio says where it is not there.
        match self.message().contains("there is no reactor running") {
            true => f.write_str(" (workers run on smol unless told `runtime = \"tokio\"`)"),
            false => Ok(()),
        }
    }
}

impl fmt::Debug for PanicReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}
