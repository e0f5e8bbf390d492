//! What the code in a worker can know of it, and tell its pool.

use std::any::TypeId;
use std::fmt::Display;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::current;
use crate::error::{MessageError, cut, cut_front};
use crate::wire::codec;
use crate::wire::message::{DEBUG_TEXT, from_worker};

/// The worker's number in its pool, from 1; `None` outside a worker.
///
/// ```
/// use pm_runtime::{worker, worker_query};
///
/// #[worker_query(workers = 1)]
/// fn number() -> Option<u64> {
///     worker::id()
/// }
///
/// #[pm_runtime::main]
/// async fn main() -> Result<(), pm_runtime::Error> {
///     assert_eq!(NumberPool::new().query().await?, Some(1));
///     assert_eq!(number(), None);
///     Ok(())
/// }
/// ```
pub fn id() -> Option<u64> {
    current::worker().map(|worker| worker.number)
}

/// Whether this code runs in a worker: in any thread of a worker process, or in the threads of an
/// in-process pool that run its queries.
///
/// ```
/// assert!(!pm_runtime::worker::is_worker());
/// ```
pub fn is_worker() -> bool {
    current::worker().is_some()
}

/// Which run of its query this is, from 1: more than that where workers have died under it, and it
/// [runs again](crate::Call::retries). 1 where no query runs, too.
///
/// ```
/// use pm_runtime::{worker, worker_query};
///
/// #[worker_query(workers = 1, retries = 2)]
/// fn third_time_lucky() -> u32 {
///     match worker::attempt() {
///         3 => 3,
///         _ => std::process::abort(),
///     }
/// }
///
/// #[pm_runtime::main]
/// async fn main() -> Result<(), pm_runtime::Error> {
///     assert_eq!(ThirdTimeLuckyPool::new().query().await?, 3);
///     Ok(())
/// }
/// ```
pub fn attempt() -> u32 {
    current::query().map_or(1, |query| query.attempt)
}

/// When the running query will have taken longer than its `timeout`; `None` where it has none, and
/// where no query runs: outside a worker, and in threads that a query has started.
///
/// The time counts from where the worker begins the query.
///
/// ```
/// use pm_runtime::{worker, worker_query};
/// use std::time::{Duration, Instant};
///
/// /// Searches for as long as it may, and returns the best that it has found.
/// #[worker_query(workers = 1, timeout = "1min")]
/// fn search() -> u64 {
///     let enough = worker::deadline().map(|deadline| deadline - Duration::from_millis(10));
///     (1..)
///         .find(|n| n % 1000 == 0 || enough.is_some_and(|enough| Instant::now() > enough))
///         .unwrap_or(0)
/// }
///
/// #[pm_runtime::main]
/// async fn main() -> Result<(), pm_runtime::Error> {
///     assert_eq!(SearchPool::new().query().await?, 1000);
///     assert_eq!(worker::deadline(), None);
///     Ok(())
/// }
/// ```
pub fn deadline() -> Option<Instant> {
    current::query()?.deadline
}

/// Gives the running query so much more time than it has, for code that finds out on the way that it
/// takes longer: what it may take then counts from where it began, as before. Returns the new
/// deadline; `None` where it has none, as with [`Duration::MAX`] more, and where no query runs, as in
/// [`deadline`].
///
/// The pool hears of it before this returns, and never kills for a deadline that it has heard is
/// another. It comes too late for an async query that has met its deadline: that is being dropped. A
/// query may ask again and again, so that what hangs must not be what asks.
///
/// ```
/// use pm_runtime::{worker, worker_query};
/// use std::time::Duration;
///
/// #[worker_query(workers = 1, timeout = "100ms")]
/// fn crawl(pages: u32) -> u32 {
///     for _ in 0..pages {
///         worker::extend_deadline(Duration::from_secs(1));
///         std::thread::sleep(Duration::from_millis(50));
///     }
///     pages
/// }
///
/// #[pm_runtime::main]
/// async fn main() -> Result<(), pm_runtime::Error> {
///     assert_eq!(CrawlPool::new().query(4).await?, 4);
///     Ok(())
/// }
/// ```
pub fn extend_deadline(by: Duration) -> Option<Instant> {
    let (worker, query) = (current::worker()?, current::query()?);
    // One that the clock never reaches is none.
    let deadline = query.deadline?.checked_add(by);
    let nanos = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
    worker.say(from_worker::EXTENDED, Some(query.id), &nanos.to_le_bytes());
    current::move_deadline(deadline);
    deadline
}

/// Whether nobody waits any more for the answer of the running query: its caller has dropped it,
/// or it is out of time. `false` where no query runs.
///
/// An async query is dropped at its next await then; one that blocks for long can look at this now
/// and then, and return early. It takes a lock: look every millisecond, not in every round.
///
/// ```
/// use pm_runtime::{worker, worker_query};
///
/// #[worker_query(workers = 1)]
/// fn count_until_cancelled() -> u64 {
///     let mut count = 0;
///     while !worker::is_cancelled() {
///         count += 1;
///     }
///     count
/// }
///
/// #[pm_runtime::main]
/// async fn main() {
///     let pool = CountUntilCancelledPool::new();
///     let mut call = Box::pin(pool.query());
///     while pool.health().account.running == 0 {
///         assert_eq!(smol::future::poll_once(&mut call).await, None);
///     }
///     drop(call);
///     pool.destroy().await; // need not wait for its grace to be over
/// }
/// ```
pub fn is_cancelled() -> bool {
    match (current::worker(), current::query()) {
        (Some(worker), Some(query)) => worker.is_cancelled(query.id),
        _ => false,
    }
}

/// Keeps a text with the pool that tells what this code is at: the next one takes its place.
///
/// It reaches the pool before this returns, so that it is known whatever happens next. A query
/// that times out shows its own last text ([`QueryError::TimedOut`](crate::QueryError::TimedOut)),
/// a worker that dies its last one ([`Crash::debug`](crate::Crash::debug)); while it lives
/// [`Worker::debug_text`](crate::Worker::debug_text) is that. Of a text longer than 32 KiB the end
/// is kept. Outside a worker nothing happens.
///
/// It costs a system call.
///
/// ```
/// use pm_runtime::{QueryError, worker, worker_query};
///
/// #[worker_query(workers = 1)]
/// fn simulate(turns: u32) {
///     for turn in 1..=turns {
///         worker::debug(format_args!("turn {turn}"));
///     }
///     std::process::abort()
/// }
///
/// #[pm_runtime::main]
/// async fn main() {
///     match SimulatePool::new().query(7).await {
///         Err(QueryError::Crashed(report)) => {
///             assert_eq!(report.debug.as_deref(), Some("turn 7"));
///         }
///         other => panic!("{other:?}"),
///     }
/// }
/// ```
pub fn debug(text: impl Display) {
    if let Some(worker) = current::worker() {
        let text = text.to_string();
        let id = current::query().map(|query| query.id);
        worker.say(from_worker::DEBUG, id, cut_front(&text, DEBUG_TEXT).as_bytes());
    }
}

/// Sends a message to the pool, whose [`on_message`](crate::Pool::on_message) hears it; so does
/// [`Call::on_message`](crate::Call::on_message) where a query sends it. What is sent by a thread
/// that runs no query goes to the pool only.
///
/// Its type is that of the pool's option `message`, `String` by default (then a `&'static str` may
/// be sent, too). A query's messages arrive in their order, and before its answer. Where nobody
/// hears them, or not fast enough, they are lost, and [`Health::missed`](crate::Health::missed)
/// counts them: a slow reader never holds up a worker.
///
/// # Errors
///
/// [`MessageError`]: where this is no worker, or the message has another type, cannot be encoded,
/// or is larger than `max_frame`. Nothing is sent then.
///
/// ```
/// use pm_runtime::{worker, worker_query};
///
/// /// How far it has got, in percent.
/// type Progress = u32;
///
/// #[worker_query(workers = 1, message = Progress)]
/// fn train() -> u32 {
///     for percent in [0, 50, 100] {
///         worker::message::<Progress>(percent).expect("it is the pool's type");
///     }
///     7
/// }
///
/// #[pm_runtime::main]
/// async fn main() -> Result<(), pm_runtime::Error> {
///     let (sender, heard) = std::sync::mpsc::channel();
///     let call = TrainPool::new().query().on_message(move |percent| {
///         sender.send(percent).ok();
///     });
///     assert_eq!(call.await?, 7);
///     assert_eq!(heard.iter().collect::<Vec<_>>(), [0, 50, 100]);
///     Ok(())
/// }
/// ```
pub fn message<M: Serialize + 'static>(message: M) -> Result<(), MessageError> {
    let worker = current::worker().ok_or(MessageError::NoWorker)?;
    let expected = worker.serve.message;
    // They are the same bytes.
    let is_text = expected.is::<String>() && TypeId::of::<M>() == TypeId::of::<&'static str>();
    if !expected.is::<M>() && !is_text {
        return Err(expected.unlike::<M>(&worker.pool));
    }
    let bytes = codec::encode(&message)?;
    if bytes.len() > worker.max_frame {
        return Err(MessageError::TooLarge { size: bytes.len(), limit: worker.max_frame });
    }
    worker.say(from_worker::MESSAGE, current::query().map(|query| query.id), &bytes);
    Ok(())
}

/// Tells the pool's operator of an error that the query does not fail for:
/// [`Event::Reported`](crate::Event::Reported).
///
/// Of a text longer than 4 KiB the beginning is kept. Errors that know their sources tell of them
/// where they do so in the format `{:#}`. Outside a worker nothing happens.
///
/// ```
/// use pm_runtime::{Event, worker, worker_query};
/// use smol::stream::StreamExt;
///
/// #[worker_query(workers = 1)]
/// fn level(text: &str) -> u32 {
///     text.parse().unwrap_or_else(|error| {
///         worker::report(error);
///         1
///     })
/// }
///
/// #[pm_runtime::main]
/// async fn main() -> Result<(), pm_runtime::Error> {
///     let pool = LevelPool::new();
///     let mut events = pool.events();
///     assert_eq!(pool.query("five").await?, 1);
///     while let Some(event) = events.next().await {
///         if let Event::Reported { text, .. } = event {
///             assert_eq!(&*text, "invalid digit found in string");
///             break;
///         }
///     }
///     Ok(())
/// }
/// ```
pub fn report(error: impl Display) {
    if let Some(worker) = current::worker() {
        let text = format!("{error:#}");
        worker.say(from_worker::REPORT, None, cut(&text).as_bytes());
    }
}
