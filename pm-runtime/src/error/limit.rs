use std::fmt;
use std::time::Duration;

use serde_derive::{Deserialize, Serialize};

use super::{Bytes, Span};

/// A limit of a worker that the kernel enforces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Limit {
    /// `memory_limit`, in bytes.
    Memory(u64),
    /// `cpu_limit`.
    Cpu(Duration),
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Memory(bytes) => write!(f, "`memory_limit` of {}", Bytes(bytes)),
            Self::Cpu(time) => write!(f, "`cpu_limit` of {}", Span(time)),
        }
    }
}
