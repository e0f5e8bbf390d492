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
//! The [`guide`] leads from here to a service in production: which macro a task wants, which options
//! matter first, what fails and how, tests, costs, deployment, and what stands for what if you come from
//! Python or Node.
//!
//! # Where to look
//!
//! | for | see |
//! |---|---|
//! | functions and `impl` blocks as queries, their options, arguments and answers | [`worker_query`] |
//! | streams of messages to and from a worker's code | [`worker_stream`], [`StreamWorker`], [`Outbox`]; [`StreamHandle`] and its halves |
//! | a protocol of your own: a function that has its worker for itself, and listening sockets for all workers | [`worker_raw`], [`RawLink`], [`Worker::send`] and [`Worker::recv`], [`RawWorker`] for messages with types; [`PoolBuilder::listener`], [`ReusePort`] |
//! | what can be said of a call: timeouts, `temporary`, `on`, `key`, `wait` | [`Call`]; [`Map`] for many, [`Retry`] for errors that pass |
//! | programs and tests with workers | [`main`](macro@crate::main), [`test`](macro@crate::test), [`init()`]; [`block_on`] in programs without async |
//! | starting, replacing and ending workers | [`Pool`], [`PoolBuilder`], [`Worker`]; [`shutdown()`] and [`shutdown_on_signals`] for all pools of a process |
//! | what went wrong, and whose fault it is | [`QueryError`], [`StreamError`], [`RawError`], [`CrashReport`] and [`Blame`], [`BootError`], [`SpawnError`]; [`Error`] for a `main` |
//! | what goes on | [`Health`], [`Events`], the callbacks, such as [`on_crash`](Pool::on_crash) |
//! | traces and logs of whole requests, workers included | [`guide::observing`], with the [feature](#features) `tracing` |
//! | what a worker's code can say and ask | [`worker`]: messages, debug texts, its deadline |
//! | an operator who looks at a running application | `operator`, with the [feature](#features) of that name |
//! | commands of the system, such as `git` or `ls \| wc -l` | [`exec`](crate::exec()), [`shell`]; [`Exec`], [`Output`], [`ExecError`] |
//! | tests and debuggers | [`assert_round_trip`], [`PoolBuilder::in_process`], [`set_disabled`]; `fault`, with the [feature](#features) `fault-injection` |
//!
//! # In a worker
//!
//! A worker is a process of its own that runs the application's executable, but never its `main`.
//! What surrounds its code is not always what the application has:
//!
//! - **Input and output.** Its stdin is empty. What it prints goes to the application's stdout and
//!   stderr, unless the option `stdio` says otherwise ([`Stdio`]).
//! - **Signals.** SIGTERM, SIGINT and SIGHUP do nothing to it: terminals and service managers send
//!   them to every process of a service at once, and a worker that ended by itself would take the
//!   queries along that the application still wants to finish. It ends when its pool says so, and at
//!   the latest with the application. To be rid of one, use [`Pool::unspawn_one`], or SIGKILL, which
//!   is a crash that counts against nothing. Code that wants these signals can set handlers itself.
//! - **Descriptors.** It inherits none but stdio.
//! - **Processes that it starts** are in its process group, and die with it. One that makes a session
//!   of its own (`setsid`) escapes. A command of [`exec`](crate::exec()) has a group of its own, and dies
//!   with the worker all the same; what it has started in turn may go on.
//! - **Memory and CPU time** are limited where the options say so, by the kernel:
//!   [`memory_limit`](PoolBuilder::memory_limit), [`cpu_limit`](PoolBuilder::cpu_limit).
//! - **Core dumps** are off, because they delay the report of a crash; `core_dumps = true`.
//! - **Environment, folder, nice value** are the application's: `env`, `clear_env`, `cwd`, `nice`.
//!
//! All of this is about processes: an [in-process](PoolBuilder::in_process) pool has none, and
//! ignores those options. What follows holds in both:
//!
//! - **Async code** is driven by smol. What needs tokio panics there ("there is no reactor running"),
//!   whatever drives the application: `runtime = "tokio"` ([`Runtime`]).
//! - **Panics** are caught: the query fails with [`QueryError::Panicked`], and its worker serves on,
//!   or is replaced where a `&mut self` method may have left its state half changed. In a program
//!   that is built with `panic = "abort"` they are crashes.
//!
//! # Features
//!
//! None is on by default.
//!
//! - `tokio` lets workers run their async code in tokio: `runtime = "tokio"` ([`Runtime`]). The
//!   application itself may use any executor without it.
//! - `metrics` brings the module `metrics`: what pools count and measure, for Prometheus and its kin.
//! - `tracing` is for subscribers of the crate `tracing`, and for loggers of `log`: spans for queries and
//!   streams, events for what happens in pools, and whatever workers log, below the spans of their callers
//!   ([`guide::observing`]). Without a subscriber and a logger it costs a query one look at a number.
//! - `fault-injection` is for tests: workers that are killed, crash, hang, boot slowly or corrupt their
//!   link, at moments of your choice. It brings the module `fault`, and `faults` of [`PoolBuilder`].
//! - `operator` is for production: a socket at which the application tells its user, and nobody else, how
//!   its pools are, and takes commands such as to respawn a worker. It brings the module `operator`, and
//!   serde_json; `pm-top` shows in a terminal what the socket tells.

#[cfg(not(target_os = "linux"))]
compile_error!("pm-runtime needs Linux: its workers are watched through pidfd, epoll and /proc");

pub use pm_macros::{main, test, worker_query, worker_raw, worker_stream};

mod block_on;
mod conduct;
mod error;
mod event;
mod health;
mod listener;
mod options;
mod output;
mod pool;
mod round_trip;
mod surroundings;

mod child;
mod exec;
#[cfg(feature = "fault-injection")]
pub mod fault;
#[cfg(not(feature = "fault-injection"))]
#[allow(
    dead_code,
    unreachable_pub,
    reason = "what workers are told is the same with and without it"
)]
mod fault;
mod link;
#[cfg(feature = "metrics")]
pub mod metrics;
#[cfg(feature = "operator")]
pub mod operator;
mod process;
mod reactor;
mod shutdown;
mod spin;
mod stream;
mod supervisor;
mod sync;
#[cfg(feature = "tracing")]
mod trace;
#[cfg(not(feature = "tracing"))]
#[path = "trace/off.rs"]
mod trace;
mod transport;
mod wire;
pub mod worker;

#[cfg(doc)]
pub mod guide;

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;
#[cfg(feature = "bench")]
#[doc(hidden)]
pub mod bench;

pub use block_on::block_on;
pub use child::init;
pub use child::raw::{
    RawBytes, RawLink, RawMessage, RawMessageOf, RawReceiver, RawReturn, RawSender, Released,
};
pub use child::stream::{Outbox, StreamWorker};
pub use error::{
    Blame, BootError, Crash, CrashCause, CrashReport, DecodeError, EncodeError, Error, ExecError,
    Exit, Limit, MessageError, OutboxClosed, Output, PanicReport, QueryError, RawError,
    RoundTripError, RunningQuery, SignalError, SpawnError, StreamError, TrySendError,
};
#[cfg(feature = "operator")]
pub use error::{Mistrust, OperatorError};
pub use event::Event;
pub use exec::{Exec, exec, shell};
pub use health::{Account, Health, Latencies, Latency, Rates, Running, WorkerHealth, WorkerState};
pub use listener::{Listener, ReusePort};
pub use options::{Cancel, Runtime, Transport, Workers};
pub use output::{OutputLine, OutputStream};
pub use pool::{
    Broadcast, Call, Events, Map, Opening, Pool, PoolBuilder, RawWorker, Retry, Spawn,
    StreamHandle, StreamReceiver, StreamSender, WithInputs, Worker, pools, set_disabled,
};
pub use round_trip::{assert_round_trip, check_round_trip};
pub use shutdown::{ShutdownSignal, Signal, shutdown, shutdown_on_signals, shutdown_signal};
pub use surroundings::Stdio;
