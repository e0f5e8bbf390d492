use std::io;
use std::sync::Arc;

/// The system refused what it takes to hear signals: a descriptor, or a thread.
#[derive(Debug, Clone, thiserror::Error)]
#[error("cannot listen for signals: {source}; may this process open more descriptors and threads?")]
pub struct SignalError {
    source: Arc<io::Error>,
}

impl From<io::Error> for SignalError {
    fn from(source: io::Error) -> Self {
        Self { source: Arc::new(source) }
    }
}
