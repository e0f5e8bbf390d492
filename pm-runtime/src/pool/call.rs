//! A query on its way.

use std::future::Future;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::future::FusedFuture;

use serde::de::DeserializeOwned;

use super::Handles;
use super::lead::{Looks, Turn};
use super::messages::Hear;
use super::retry::{Again, Policy};
use super::shared::Shared;
use super::ticket::Ticket;
use super::worker::Worker;
use crate::error::{DecodeError, QueryError};
use crate::process::fork;
use crate::stream::Channel;
use crate::supervisor::{QueryKey, Route, Submission, WorkerId};
use crate::wire::bulk::Parcel;
use crate::wire::codec;

/// A query, not yet submitted: a future of its answer.
///
/// Its arguments are encoded. It is submitted when it is first polled, on any executor, or by
/// [`wait`](Self::wait). Dropping it cancels it: a query that waits leaves the queue, an async one
/// that runs is dropped in its worker, any other that runs (a method with `&mut self` is one, async
/// or not) goes on under its timeout, detached, and its answer is thrown away, or takes its worker
/// with it: see [`Cancel`](crate::Cancel).
///
/// ```
/// use pm_runtime::{QueryError, worker_query};
/// use std::time::Duration;
///
/// #[worker_query(workers = 1)]
/// fn count_to(n: u64) -> u64 {
///     (0..n).fold(0, |count, _| std::hint::black_box(count) + 1)
/// }
///
/// #[pm_runtime::main]
/// fn main() {
///     let pool = CountToPool::new();
///     assert_eq!(pool.query(10).wait(), Ok(10));
///     let too_far = pool.query(u64::MAX).timeout(Duration::from_millis(100)).wait();
///     assert!(matches!(too_far, Err(QueryError::TimedOut { .. })));
///     assert_eq!(pool.query(10).wait(), Ok(10)); // in another worker
/// }
/// ```
#[must_use = "a query is submitted when it is awaited"]
pub struct Call<T, M = String> {
    handles: Arc<Handles>,
    stage: Stage,
    open: fn(&mut Parcel) -> Result<T, DecodeError>,
    /// `None`: nothing was asked for that the pool's options do not say.
    wishes: Option<Box<Wishes<T>>>,
    message: PhantomData<fn(M)>,
}

/// What is asked for of one call.
pub(super) struct Wishes<T> {
    timeout: Option<Duration>,
    queue_timeout: Option<Duration>,
    immediate: bool,
    retries: u32,
    forced: bool,
    route: Route,
    /// What its caller wants to be done with its messages.
    hear: Option<Hear<()>>,
    /// `None`: one run is all.
    pub(super) again: Option<Again<T>>,
}

enum Stage {
    /// Nobody else has its ticket.
    Encoded(Result<Arc<Ticket>, Box<QueryError>>),
    Submitted {
        ticket: Arc<Ticket>,
        /// [`QueryKey::NONE`]: the policy did not let it in.
        key: QueryKey,
        /// Where it may have to take the lead when it is polled again.
        doubts: Option<Looks>,
    },
    Over,
}

impl<T, M> Call<T, M> {
    pub(crate) fn new(
        handles: Arc<Handles>,
        request: Result<Parcel, QueryError>,
        open: fn(&mut Parcel) -> Result<T, DecodeError>,
        policy: Option<Policy<T>>,
    ) -> Self {
        let stage = Stage::Encoded(request.map(Ticket::new).map(Arc::new).map_err(Box::new));
        let mut call = Self { handles, stage, open, wishes: None, message: PhantomData };
        if let Some(policy) = policy {
            call.wishes().again = Some(Again::new(policy));
        }
        call
    }

    /// A query that opens a stream.
    pub(super) fn of_stream(
        handles: Arc<Handles>,
        request: Result<Parcel, QueryError>,
        open: fn(&mut Parcel) -> Result<T, DecodeError>,
        stream: Arc<Channel>,
    ) -> Self {
        let ticket = request.map(|request| Arc::new(Ticket::of_stream(request, stream)));
        let stage = Stage::Encoded(ticket.map_err(Box::new));
        Self { handles, stage, open, wishes: None, message: PhantomData }
    }

    /// The encoded arguments, as long as they are not on their way.
    pub(super) fn request(&self) -> Result<&Parcel, QueryError> {
        match &self.stage {
            Stage::Encoded(Ok(ticket)) => Ok(ticket.request()),
            Stage::Encoded(Err(error)) => Err((**error).clone()),
            Stage::Submitted { .. } | Stage::Over => Err(QueryError::Cancelled),
        }
    }

    /// The same query once more, for this worker.
    pub(super) fn to(&self, worker: WorkerId, request: &Parcel) -> Self {
        let mut call = Self::new(self.handles.clone(), Ok(request.clone()), self.open, None);
        let timeout = self.wishes.as_deref().map(|wishes| wishes.timeout);
        let wishes = call.wishes();
        wishes.timeout = timeout.unwrap_or(wishes.timeout);
        wishes.route = Route::Worker(worker);
        call
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        self.handles.shared()
    }

    pub(super) fn wishes(&mut self) -> &mut Wishes<T> {
        let options = &self.handles.shared().options;
        self.wishes.get_or_insert_with(|| {
            Box::new(Wishes {
                timeout: options.timeout,
                queue_timeout: options.queue_timeout,
                immediate: false,
                retries: options.retries,
                forced: false,
                route: Route::Any,
                hear: None,
                again: None,
            })
        })
    }

    /// Another `timeout` than the pool's: how long it may run in a worker. `None`: no limit.
    ///
    /// A timeout of zero leaves no time to run in: the call fails with
    /// [`TimedOut`](QueryError::TimedOut) and is not submitted to any worker.
    pub fn timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.wishes().timeout = timeout.into();
        self
    }

    /// Another `queue_timeout` than the pool's: how long it may wait for a worker. `None`: no
    /// limit.
    pub fn queue_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.wishes().queue_timeout = timeout.into();
        self
    }

    /// Fails with [`QueueFull`](QueryError::QueueFull) where it would have to wait for a place in
    /// the queue.
    pub fn immediate(mut self) -> Self {
        self.wishes().immediate = true;
        self
    }

    /// How often it runs again where its worker dies under it, instead of the pool's `retries`: when
    /// it would fail with [`Crashed`](QueryError::Crashed) or [`Protocol`](QueryError::Protocol), never
    /// when it was answered, panicked or ran too long. What has effects beyond its answer has to bear
    /// that some of them were there before: [`worker::attempt`](crate::worker::attempt) tells the runs
    /// apart.
    ///
    /// Before each further run there is a pause of about 10 ms, doubled each time up to a second and
    /// shortened at random by half at most. Each run has the whole `timeout`, and each wait the whole
    /// `queue_timeout`. A query that is bound to a worker ([`on`](Self::on)) does not run again, as
    /// nobody else may run it; one that is found to kill its workers is
    /// [refused](crate::PoolBuilder::quarantine).
    ///
    /// ```
    /// use pm_runtime::{worker, worker_query};
    ///
    /// #[worker_query(workers = 2)]
    /// fn fragile(n: u32) -> u32 {
    ///     if worker::attempt() == 1 {
    ///         std::process::abort()
    ///     }
    ///     2 * n
    /// }
    ///
    /// #[pm_runtime::main]
    /// async fn main() -> Result<(), pm_runtime::Error> {
    ///     let pool = FragilePool::new();
    ///     assert_eq!(pool.query(21).retries(1).await?, 42);
    ///     assert_eq!(pool.health().crashes, 1);
    ///     Ok(())
    /// }
    /// ```
    pub fn retries(mut self, retries: u32) -> Self {
        self.wishes().retries = retries;
        self
    }

    /// Runs it in a worker of its own, which no other query can reach and which is gone
    /// afterwards; its crash does not count against the pool. There are as many of those at once
    /// as the pool has workers; more wait.
    ///
    /// Of `temporary`, [`on`](Self::on) and [`key`](Self::key) the last one counts.
    ///
    /// ```
    /// use pm_runtime::{QueryError, worker_query};
    ///
    /// #[worker_query(workers = 1, max_crashes = 0)]
    /// fn risky(abort: bool) {
    ///     if abort {
    ///         std::process::abort()
    ///     }
    /// }
    ///
    /// #[pm_runtime::main]
    /// fn main() {
    ///     let pool = RiskyPool::new();
    ///     let crash = pool.query(true).temporary().wait();
    ///     assert!(matches!(crash, Err(QueryError::Crashed(_))));
    ///     assert_eq!(pool.health().crashes, 0);
    /// }
    /// ```
    pub fn temporary(mut self) -> Self {
        self.wishes().route = Route::Temporary;
        self
    }

    /// Runs it in this worker, however long that takes to be free. It fails with
    /// [`WorkerGone`](QueryError::WorkerGone) once the worker is released or dead, also where it
    /// waits for it then, and where the worker is a temporary or another pool's.
    ///
    /// ```
    /// use pm_runtime::{QueryError, worker_query};
    ///
    /// #[worker_query(workers = 2)]
    /// fn pid() -> u32 {
    ///     std::process::id()
    /// }
    ///
    /// #[pm_runtime::main]
    /// async fn main() -> Result<(), pm_runtime::Error> {
    ///     let pool = PidPool::new();
    ///     let worker = pool.spawn_one().await?;
    ///     assert_eq!(pool.query().on(&worker).await?, worker.pid());
    ///     pool.unspawn_one(&worker).await;
    ///     assert_eq!(pool.query().on(&worker).await, Err(QueryError::WorkerGone));
    ///     Ok(())
    /// }
    /// ```
    pub fn on(mut self, worker: &Worker) -> Self {
        // No worker has the number 0.
        let id = if worker.is_of(self.handles.shared()) { worker.id() } else { 0 };
        self.wishes().route = Route::Worker(id);
        self
    }

    /// Runs it where the last query with the same key ran, so that it finds there what that one
    /// left in memory: as long as that worker lives and may be handed another query. Otherwise
    /// another worker takes it, and is the key's from then on. A pool remembers the workers of
    /// some ten thousand keys, those that were used last.
    ///
    /// ```
    /// use pm_runtime::worker_query;
    ///
    /// #[worker_query(workers = 2)]
    /// fn pid() -> u32 {
    ///     std::process::id()
    /// }
    ///
    /// #[pm_runtime::main]
    /// async fn main() -> Result<(), pm_runtime::Error> {
    ///     let pool = PidPool::new();
    ///     let first = pool.query().key("safari zone").await?;
    ///     assert_eq!(pool.query().key("safari zone").await?, first);
    ///     Ok(())
    /// }
    /// ```
    pub fn key<K: Hash + ?Sized>(mut self, key: &K) -> Self {
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        self.wishes().route = Route::Key(hasher.finish());
        self
    }

    /// Runs it in a process even where [`set_disabled`](crate::set_disabled) has put its pool's
    /// workers into threads: that is over for this pool then. The threads end what they run, and
    /// whatever begins from now on begins in a process; [`on`](Self::on) one of those threads it
    /// fails with [`WorkerGone`](QueryError::WorkerGone). A pool that was made
    /// [`in_process`](crate::PoolBuilder::in_process) stays so.
    ///
    /// ```
    /// use pm_runtime::worker_query;
    ///
    /// #[worker_query(workers = 1)]
    /// fn pid() -> u32 {
    ///     std::process::id()
    /// }
    ///
    /// #[pm_runtime::main]
    /// async fn main() -> Result<(), pm_runtime::Error> {
    ///     pm_runtime::set_disabled(true);
    ///     let pool = PidPool::new();
    ///     assert_eq!(pool.query().await?, std::process::id());
    ///     assert_ne!(pool.query().force().await?, std::process::id());
    ///     Ok(())
    /// }
    /// ```
    pub fn force(mut self) -> Self {
        self.wishes().forced = true;
        self
    }

    /// Has this run for each [message](crate::worker::message) that the query sends: where the
    /// call is polled, in the order in which they were sent, and before the answer.
    ///
    /// A query may send more than its caller has polled for: 4 MiB of messages wait, and what
    /// comes then is lost; [`Health::missed`](crate::Health::missed) counts it. A message that is
    /// no `M` after all is counted there, too, and reported:
    /// [`Event::Reported`](crate::Event::Reported). The last `on_message` counts.
    ///
    /// ```
    /// use pm_runtime::{worker, worker_query};
    /// use std::sync::{Arc, Mutex};
    ///
    /// #[worker_query(workers = 1)]
    /// fn double(n: u32) -> u32 {
    ///     worker::message(format!("doubling {n}")).expect("it is text");
    ///     2 * n
    /// }
    ///
    /// #[pm_runtime::main]
    /// async fn main() -> Result<(), pm_runtime::Error> {
    ///     let heard = Arc::new(Mutex::new(Vec::new()));
    ///     let call = DoublePool::new().query(21).on_message({
    ///         let heard = heard.clone();
    ///         move |text| heard.lock().unwrap().push(text)
    ///     });
    ///     assert_eq!(call.await?, 42);
    ///     assert_eq!(*heard.lock().unwrap(), ["doubling 21"]);
    ///     Ok(())
    /// }
    /// ```
    pub fn on_message(mut self, mut run: impl FnMut(M) + Send + 'static) -> Self
    where
        M: DeserializeOwned,
    {
        self.wishes().hear = Some(Box::new(move |(), message| {
            run(codec::decode(message)?);
            Ok(())
        }));
        self
    }

    /// Waits for the answer, for callers without async. It blocks the thread; inside an executor
    /// await the call instead.
    pub fn wait(self) -> Result<T, QueryError> {
        smol::future::block_on(self)
    }

    fn submit(&self, mut ticket: Arc<Ticket>) -> (Stage, Turn) {
        let wishes = self.wishes.as_deref();
        if wishes.is_some_and(|wishes| wishes.hear.is_some())
            && let Some(ticket) = Arc::get_mut(&mut ticket)
        {
            ticket.listen();
        }
        let size = ticket.request().size();
        let shared = self.handles.shared();
        let conduct = shared.plan.entry.serve.conduct(ticket.request().value());
        let options = &shared.options;
        let submission = Submission {
            payload: ticket.clone(),
            size,
            timeout: wishes.map_or(options.timeout, |wishes| wishes.timeout),
            queue_timeout: wishes.map_or(options.queue_timeout, |wishes| wishes.queue_timeout),
            conduct,
            immediate: wishes.is_some_and(|wishes| wishes.immediate),
            route: wishes.map_or(Route::Any, |wishes| wishes.route),
            retries: wishes.map_or(options.retries, |wishes| wishes.retries),
            print: None,
        };
        let forced = wishes.is_some_and(|wishes| wishes.forced);
        let (key, turn) = shared.submit(&ticket, submission, forced);
        let key = key.unwrap_or(QueryKey::NONE);
        let doubts = match turn {
            Turn::Unless(looks) => Some(looks),
            Turn::Now | Turn::Later => None,
        };
        (Stage::Submitted { ticket, key, doubts }, turn)
    }

    /// Whether it looks for the answers of all when it is polled.
    pub(super) fn leads(&self) -> bool {
        match &self.stage {
            Stage::Submitted { ticket, .. } => self.handles.shared().leader.is(ticket),
            Stage::Encoded(_) | Stage::Over => false,
        }
    }

    /// What is wrong with it before any worker is involved.
    fn mistake(&self, request: &Parcel) -> Option<QueryError> {
        let options = &self.handles.shared().options;
        let limit = options.max_frame;
        if request.size() > limit {
            return Some(QueryError::TooLarge { size: request.size(), limit });
        }
        let timeout = self.wishes.as_ref().map_or(options.timeout, |wishes| wishes.timeout);
        let after = timeout.filter(Duration::is_zero)?;
        Some(QueryError::TimedOut { after, worker: 0, debug: None })
    }
}

impl<T, M> Call<T, M> {
    /// By what it runs again, if it may.
    fn again(&mut self) -> Option<&mut Again<T>> {
        self.wishes.as_mut().and_then(|wishes| wishes.again.as_mut())
    }

    fn poll_run(&mut self, cx: &mut Context<'_>) -> Poll<Result<T, QueryError>> {
        let call = self;
        let shared = call.handles.shared();
        let mut stage = std::mem::replace(&mut call.stage, Stage::Over);
        let mut turn = Turn::Now;
        if let Stage::Encoded(request) = stage {
            let request = request.map_err(|error| *error);
            let ticket = request.and_then(|ticket| match call.mistake(ticket.request()) {
                None => Ok(ticket),
                Some(error) => Err(error),
            });
            (stage, turn) = match ticket {
                Ok(ticket) => call.submit(ticket),
                Err(error) => {
                    shared.change(|state, now| state.core.refuse(now));
                    return Poll::Ready(Err(error));
                }
            };
            let again = call.wishes.as_mut().and_then(|wishes| wishes.again.as_mut());
            if let (Some(again), Stage::Submitted { ticket, .. }) = (again, &stage) {
                again.sent = Some(ticket.clone());
            }
        }
        let Stage::Submitted { ticket, key, mut doubts } = stage else {
            // Polled again after its end.
            return Poll::Ready(Err(QueryError::Cancelled));
        };
        if turn == Turn::Now {
            if let Some(then) = doubts.take() {
                shared.doubt_lead(&ticket, then);
            }
            if shared.leader.is(&ticket) {
                shared.lead(&ticket);
            }
        }
        match ticket.poll(cx, turn != Turn::Now) {
            Poll::Ready(mut outcome) => {
                shared.leave_lead(&ticket);
                // All that it ever said was there before its outcome.
                hear_messages(&mut call.wishes, &ticket, shared);
                // Where it is: to move it takes as long as to decode it.
                Poll::Ready(match &mut outcome {
                    Ok(answer) => (call.open)(answer).map_err(|error| shared.unread(error)),
                    Err(error) => Err(std::mem::replace(error, QueryError::Cancelled)),
                })
            }
            Poll::Pending => {
                // Looked at only now, as its waker is in its place.
                if doubts.is_some() || shared.leader.is(&ticket) {
                    // Others of its task may want to send something first.
                    cx.waker().wake_by_ref();
                }
                call.stage = Stage::Submitted { ticket, key, doubts };
                if let Stage::Submitted { ticket, .. } = &call.stage {
                    // What comes from now on wakes its caller again.
                    hear_messages(&mut call.wishes, ticket, shared);
                }
                Poll::Pending
            }
        }
    }
}

/// Does what the caller wants with the messages that are there.
fn hear_messages<T>(wishes: &mut Option<Box<Wishes<T>>>, ticket: &Ticket, shared: &Shared) {
    let Some(hear) = wishes.as_mut().and_then(|wishes| wishes.hear.as_mut()) else { return };
    for (worker, message) in ticket.messages() {
        if let Err(error) = hear((), &message) {
            shared.misheard(worker, &error);
        }
    }
}

impl<T, M> Future for Call<T, M> {
    type Output = Result<T, QueryError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let call = &mut *self;
        if fork::is_fork() {
            return Poll::Ready(Err(QueryError::Forked));
        }
        if call.wishes.is_none() {
            return call.poll_run(cx);
        }
        loop {
            if let Some(again) = call.again() {
                ready!(again.poll_pause(cx));
            }
            let result = ready!(call.poll_run(cx));
            let again = call.again().zip(result.as_ref().ok());
            match again.and_then(|(again, answer)| again.after(answer)) {
                Some(request) => call.stage = Stage::Encoded(Ok(Arc::new(Ticket::new(request)))),
                None => return Poll::Ready(result),
            }
        }
    }
}

/// For `futures::select!`, which then takes it as it is.
impl<T, M> FusedFuture for Call<T, M> {
    fn is_terminated(&self) -> bool {
        matches!(self.stage, Stage::Over)
    }
}

impl<T, M> Drop for Call<T, M> {
    fn drop(&mut self) {
        if fork::is_fork() {
            return;
        }
        if let Stage::Submitted { ticket, key, .. } = &self.stage
            && *key != QueryKey::NONE
        {
            let shared = self.handles.shared();
            shared.change(|state, now| {
                state.lead.forget_call(*key);
                state.core.cancel(*key, now);
            });
            shared.leave_lead(ticket);
            ticket.give_up();
        }
    }
}

impl<T, M> std::fmt::Debug for Call<T, M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let stage = match self.stage {
            Stage::Encoded(_) => "not submitted",
            Stage::Submitted { .. } => "submitted",
            Stage::Over => "over",
        };
        f.debug_struct("Call").field("stage", &stage).finish_non_exhaustive()
    }
}
