//! A query on its way.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::future::FusedFuture;

use super::Handles;
use super::broadcast::Said;
use super::lead::{Looks, Turn};
use super::retry::{Again, Policy};
use super::shared::Shared;
use super::ticket::Ticket;
use super::wishes::Wishes;
use crate::error::{DecodeError, QueryError};
use crate::process::fork;
use crate::stream::Channel;
use crate::supervisor::{QueryKey, Route, Submission};
use crate::trace;
use crate::wire::bulk::Parcel;

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
    pub(super) handles: Arc<Handles>,
    stage: Stage,
    open: fn(&mut Parcel) -> Result<T, DecodeError>,
    /// `None`: nothing was asked for that the pool's options do not say.
    pub(super) wishes: Option<Box<Wishes<T>>>,
    message: PhantomData<fn(M)>,
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

    /// The same query once more, submitted by now.
    pub(super) fn said(&self, Said { ticket, key }: Said) -> Self {
        let key = key.unwrap_or(QueryKey::NONE);
        let stage = Stage::Submitted { ticket, key, doubts: None };
        let handles = self.handles.clone();
        Self { handles, stage, open: self.open, wishes: None, message: PhantomData }
    }

    /// How long it may run, and how long it may wait.
    pub(super) fn timeouts(&self) -> (Option<Duration>, Option<Duration>) {
        let options = &self.shared().options;
        self.wishes.as_deref().map_or((options.timeout, options.queue_timeout), |wishes| {
            (wishes.timeout, wishes.queue_timeout)
        })
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        self.handles.shared()
    }

    /// Waits for the answer, for callers without async. It blocks the thread; inside an executor
    /// await the call instead.
    #[doc(alias("join", "result"))]
    pub fn wait(self) -> Result<T, QueryError> {
        smol::future::block_on(self)
    }

    fn submit(&self, mut ticket: Arc<Ticket>) -> (Stage, Turn) {
        let wishes = self.wishes.as_deref();
        let shared = self.handles.shared();
        let hears = wishes.is_some_and(|wishes| wishes.hear.is_some());
        if (hears || trace::is_on())
            && let Some(ticket) = Arc::get_mut(&mut ticket)
        {
            if hears {
                ticket.listen();
            }
            shared.trace(ticket);
        }
        let size = ticket.request().size();
        let conduct = shared.plan.entry.serve.conduct(ticket.request().value());
        let options = &shared.options;
        let (timeout, queue_timeout) = self.timeouts();
        let submission = Submission {
            payload: ticket.clone(),
            size,
            timeout,
            queue_timeout,
            conduct,
            immediate: wishes.is_some_and(|wishes| wishes.immediate),
            route: wishes.map_or(Route::Any, |wishes| wishes.route),
            // What may have said something already does not open twice.
            retries: match ticket.stream() {
                Some(_) => 0,
                None => wishes.map_or(options.retries, |wishes| wishes.retries),
            },
        };
        let forced = wishes.is_some_and(|wishes| wishes.forced);
        let (key, turn) = shared.submit(&ticket, submission, forced);
        ticket.traced().submitted();
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
    pub(super) fn mistake(&self, request: &Parcel) -> Option<QueryError> {
        let limit = self.shared().options.max_frame;
        if request.size() > limit {
            return Some(QueryError::TooLarge { size: request.size(), limit });
        }
        let (timeout, _) = self.timeouts();
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
                Some(error) => Err(shared.turned_away(ticket, error)),
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
                let result = match &mut outcome {
                    Ok(answer) => (call.open)(answer).map_err(|error| shared.unread(error)),
                    Err(error) => Err(std::mem::replace(error, QueryError::Cancelled)),
                };
                ticket.traced().ended(&result);
                Poll::Ready(result)
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
            ticket.traced().cancelled();
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
