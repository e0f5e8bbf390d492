//! Callbacks: what an application wants to be done when something happens in a pool.

use serde::de::DeserializeOwned;

use super::callbacks::Callback;
use super::{Pool, Worker};
use crate::error::{CrashReport, MessageError};
use crate::event::Event;
use crate::process::fork;
use crate::wire::codec;

/// # Callbacks
///
/// They are kept for the pool's life, and run on a thread of their own, one after the other, in
/// the order in which things happened; several for one occasion in the order in which they were
/// added. One that blocks or panics holds up no worker, no answer and no timer, only the callbacks
/// behind it, and only as long as it blocks. What they have not got round to waits, as long as
/// there are no more than 1024 such things, as many [events](Self::on_event) of what workers say, and
/// 4 MiB of messages; what comes then is lost, and [`Health::missed`](crate::Health::missed) counts it.
///
/// The thread is there as soon as there is a callback, and as long as the pool is. It drops the
/// callbacks when it has told them everything, the pool's end included. It does not keep the pool
/// alive, and neither does the [`Worker`] that a callback gets; a callback that holds a handle of
/// its own pool does, until that pool is destroyed by [`destroy`](Pool::destroy).
impl Pool {
    /// Has this run when a worker has died, or has not started: on the occasion of each
    /// [`Event::Crashed`](crate::Event::Crashed).
    ///
    /// ```
    /// use pm_runtime::{CrashReport, worker_query};
    ///
    /// #[worker_query(workers = 1)]
    /// fn abort() {
    ///     std::process::abort()
    /// }
    ///
    /// #[pm_runtime::main]
    /// async fn main() {
    ///     let pool = AbortPool::new();
    ///     let (sender, crashes) = std::sync::mpsc::channel();
    ///     pool.on_crash(move |report: &CrashReport| {
    ///         eprintln!("{report}");
    ///         sender.send(report.worker).ok();
    ///     });
    ///     pool.query().await.unwrap_err();
    ///     assert_eq!(crashes.recv(), Ok(1));
    /// }
    /// ```
    pub fn on_crash(&self, run: impl FnMut(&CrashReport) + Send + 'static) {
        self.add_callback(Callback::Crash(Box::new(run)));
    }

    /// Has this run when a worker was started, before it is ready. What cannot be started is a
    /// crash and no more.
    ///
    /// ```
    /// use pm_runtime::worker_query;
    ///
    /// #[worker_query(workers = 2)]
    /// fn nothing() {}
    ///
    /// #[pm_runtime::main]
    /// async fn main() -> Result<(), pm_runtime::Error> {
    ///     let pool = NothingPool::new();
    ///     pool.on_spawn(|worker| println!("worker {} is process {}", worker.id(), worker.pid()));
    ///     pool.on_unspawn(|worker| println!("worker {} is gone", worker.id()));
    ///     pool.spawn(2).await?;
    ///     pool.destroy().await;
    ///     Ok(())
    /// }
    /// ```
    pub fn on_spawn(&self, run: impl FnMut(Worker) + Send + 'static) {
        self.add_callback(Callback::Spawn(Box::new(run)));
    }

    /// Has this run when a worker is gone, whatever ended it: once for each that
    /// [`on_spawn`](Self::on_spawn) told of, and after [`on_crash`](Self::on_crash) where it is a
    /// crash.
    pub fn on_unspawn(&self, run: impl FnMut(Worker) + Send + 'static) {
        self.add_callback(Callback::Unspawn(Box::new(run)));
    }

    /// Has this run when a worker has sent a [message](crate::worker::message).
    ///
    /// The handle that the macro writes has a method of the same name, which knows the type of the
    /// messages and cannot fail. This one is for those who have no such handle, and name the type
    /// themselves. A message that is no `M` after all, as it comes from a worker gone wrong, is
    /// counted as missed, and reported: [`Event::Reported`](crate::Event::Reported).
    ///
    /// # Errors
    ///
    /// [`MessageError::WrongType`]: the pool's messages are of another type.
    ///
    /// ```
    /// use pm_runtime::{Pool, worker, worker_query};
    ///
    /// #[worker_query(workers = 1)]
    /// fn greet() {
    ///     worker::message("hello").expect("the type is String");
    /// }
    ///
    /// fn listen(pool: &Pool) -> std::sync::mpsc::Receiver<String> {
    ///     let (sender, heard) = std::sync::mpsc::channel();
    ///     let send = move |_, text| drop(sender.send(text));
    ///     pool.on_message(send).expect("the pools of this program send text");
    ///     heard
    /// }
    ///
    /// #[pm_runtime::main]
    /// async fn main() -> Result<(), pm_runtime::Error> {
    ///     let pool = GreetPool::new();
    ///     let heard = listen(&pool);
    ///     pool.query().await?;
    ///     assert_eq!(heard.recv().as_deref(), Ok("hello"));
    ///     Ok(())
    /// }
    /// ```
    pub fn on_message<M: DeserializeOwned + 'static>(
        &self,
        mut run: impl FnMut(Worker, M) + Send + 'static,
    ) -> Result<(), MessageError> {
        let expected = self.inner().plan.entry.serve.message;
        if !expected.is::<M>() {
            return Err(expected.unlike::<M>(self.name()));
        }
        self.add_callback(Callback::Message(Box::new(move |worker, message| {
            run(worker, codec::decode(message)?);
            Ok(())
        })));
        Ok(())
    }

    /// Has this run on each [`Event`], [`Event::Lagged`] aside: what finds no room is counted in
    /// [`Health::missed`](crate::Health::missed). For a log of all that happens, without a task that
    /// reads [`events`](Self::events).
    ///
    /// ```
    /// use pm_runtime::worker_query;
    ///
    /// #[worker_query(workers = 1)]
    /// fn sum(numbers: &[u32]) -> u32 {
    ///     numbers.iter().sum()
    /// }
    ///
    /// #[pm_runtime::main]
    /// async fn main() -> Result<(), pm_runtime::Error> {
    ///     let pool = SumPool::new();
    ///     let (sender, log) = std::sync::mpsc::channel();
    ///     pool.on_event(move |event| drop(sender.send(event.to_string())));
    ///     assert_eq!(pool.query(&[1, 2]).await?, 3);
    ///     pool.destroy().await;
    ///     let lines: Vec<String> = log.into_iter().collect(); // until the pool has no more to say
    ///     let last = "worker 1 has ended as it was to";
    ///     assert_eq!(lines, ["worker 1 was started", "worker 1 is ready", last]);
    ///     Ok(())
    /// }
    /// ```
    pub fn on_event(&self, run: impl FnMut(&Event) + Send + 'static) {
        self.add_callback(Callback::Event(Box::new(run)));
    }

    fn add_callback(&self, callback: Callback) {
        // In a fork nothing ever happens in a pool, and its locks may be held for ever.
        if !fork::is_fork() {
            self.inner().callbacks.add(self.name(), callback);
        }
    }
}
