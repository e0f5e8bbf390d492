//! What can go wrong, whose fault it was, and whether trying again is safe.

mod blame;
mod boot;
mod codec;
mod crash;
mod display;
mod exec;
mod limit;
mod message;
#[cfg(feature = "operator")]
mod operator;
mod output;
mod panic;
mod query;
mod raw;
mod report;
mod round_trip;
mod signal;
mod stream;

use std::io;
use std::sync::Arc;

pub use blame::Blame;
pub use boot::BootError;
pub(crate) use codec::{CodecNote, Place};
pub use codec::{DecodeError, EncodeError};
pub use crash::{Crash, CrashCause, CrashReport, Exit, RunningQuery};
pub use exec::ExecError;
pub use limit::Limit;
pub use message::MessageError;
#[cfg(feature = "operator")]
pub use operator::{Mistrust, OperatorError};
pub use output::{Output, OutputStream};
pub(crate) use panic::PanicNote;
pub use panic::PanicReport;
pub use query::{QueryError, SpawnError};
pub use raw::RawError;
pub use round_trip::RoundTripError;
pub use signal::SignalError;
pub use stream::{OutboxClosed, StreamError, TrySendError};

pub(crate) use display::{Bytes, Escaped, Span, cut, cut_front};

/// Any error of this crate, for a `main` that returns one.
///
/// Its `Debug`, which Rust prints when `main` returns it, is written for people.
///
/// ```
/// use pm_runtime::worker_query;
///
/// #[worker_query(workers = 1)]
/// fn words(text: &str) -> usize {
///     text.split_whitespace().count()
/// }
///
/// #[pm_runtime::main]
/// async fn main() -> Result<(), pm_runtime::Error> {
///     let text = std::fs::read_to_string("Cargo.toml")?;
///     assert_ne!(WordsPool::new().query(&text).await?, 0);
///     Ok(())
/// }
/// ```
#[derive(Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A query got no answer.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// Workers could not be started or released as asked.
    #[error(transparent)]
    Spawn(#[from] SpawnError),
    /// Signals cannot be heard.
    #[error(transparent)]
    Signal(#[from] SignalError),
    /// A worker's message was not sent.
    #[error(transparent)]
    Message(#[from] MessageError),
    /// A stream was not opened, or something went wrong with it: of its own errors this has the
    /// `Debug`.
    #[error(transparent)]
    Stream(StreamError<String>),
    /// Something went wrong with what is said to or by a raw worker.
    #[error(transparent)]
    Raw(#[from] RawError),
    /// A command was not run, or not with success.
    #[error(transparent)]
    Exec(#[from] ExecError),
    /// There is no operator's socket.
    #[cfg(feature = "operator")]
    #[error(transparent)]
    Operator(#[from] OperatorError),
    /// The application's own dealings with the system, for a `main` that reads a file, too.
    #[error("{0}")]
    Io(Arc<io::Error>),
    /// An error of the application's own: see [`other`](Error::other).
    #[error("{0}")]
    Other(Arc<dyn std::error::Error + Send + Sync>),
}

impl Error {
    /// An error of the application's own, such as a fallible function answers with.
    ///
    /// ```
    /// use pm_runtime::{Error, worker_query};
    ///
    /// #[worker_query(workers = 1)]
    /// fn parse(text: &str) -> Result<u32, String> {
    ///     text.parse().map_err(|error| format!("{text:?} is {error}"))
    /// }
    ///
    /// #[pm_runtime::main]
    /// async fn main() -> Result<(), Error> {
    ///     let number = ParsePool::new().query("7").await?.map_err(Error::other)?;
    ///     assert_eq!(number, 7);
    ///     Ok(())
    /// }
    /// ```
    pub fn other(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Other(error.into().into())
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Io(Arc::new(error))
    }
}

impl std::fmt::Debug for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}
