//! Typed pools of crash-isolated worker processes.
//!
//! Annotate a function, and call it through a typed handle to a pool of worker processes:
//!
//! ```
//! use pm_runtime::worker_query;
//!
//! /// Counts the words of a text.
//! #[worker_query(workers = 2, timeout = "30s")]
//! pub fn count_words(text: &str) -> usize {
//!     text.split_whitespace().count()
//! }
//!
//! #[pm_runtime::main]
//! async fn main() -> Result<(), pm_runtime::Error> {
//!     let pool = CountWordsPool::new();
//!     assert_eq!(pool.query("a crash here stays there").await?, 5);
//!     pool.destroy().await;
//!     Ok(())
//! }
//! ```
//!
//! A worker may crash, hang, leak or hog its core: the query that it ran gets a typed
//! [`QueryError`], what it had not begun runs elsewhere, and another worker takes its place.
//!
//! # Features
//!
//! None is on by default. `tokio` lets workers run their async code in tokio: `runtime = "tokio"`
//! ([`Runtime`]). The application itself may use any executor without it.

#[cfg(not(target_os = "linux"))]
compile_error!("pm-runtime needs Linux: its workers are watched through pidfd, epoll and /proc");

pub use pm_macros::{main, test, worker_query};

mod conduct;
mod error;
mod event;
mod health;
mod options;
mod output;
mod pool;
mod round_trip;
mod surroundings;

mod child;
mod fault;
mod link;
mod process;
mod reactor;
mod shutdown;
mod spin;
mod supervisor;
mod sync;
mod transport;
mod wire;
pub mod worker;

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;

pub use child::init;
pub use error::{
    BootError, Crash, CrashCause, CrashReport, DecodeError, EncodeError, Error, Exit, MessageError,
    PanicReport, QueryError, RoundTripError, RunningQuery, SignalError, SpawnError,
};
pub use event::{Event, Events};
pub use health::{Account, Health, WorkerHealth, WorkerState};
pub use options::{Cancel, Runtime};
pub use output::{OutputLine, OutputStream};
pub use pool::{Call, Map, Pool, PoolBuilder, Retry, Spawn, Worker, pools, set_disabled};
pub use round_trip::{assert_round_trip, check_round_trip};
pub use shutdown::{ShutdownSignal, Signal, shutdown, shutdown_on_signals, shutdown_signal};
pub use surroundings::Stdio;
