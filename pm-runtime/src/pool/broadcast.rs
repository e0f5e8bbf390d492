//! What is said to every worker.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use super::call::Call;
use super::shared::{Shared, State};
use super::ticket::Ticket;
use crate::error::{CrashReport, QueryError};
use crate::event::Event;
use crate::process::fork;
use crate::supervisor::{QueryKey, Route, Submission, WorkerId};
use crate::wire::bulk::Parcel;
use crate::wire::codec;

impl<T, M> Call<T, M> {
    /// Runs it in every worker, also in those to come, each before it is ready: to change what they
    /// all know, such as a configuration.
    ///
    /// It is a future of the answers of those workers that serve when it is first polled, the oldest
    /// first; a worker that is gone before it has begun there has none, and its replacement hears it
    /// anyway. The first error is the outcome, if there is one, when all have ended. Where no worker
    /// was started yet, none is, and there are no answers.
    ///
    /// The pool remembers the last one of each method, and says them to each new worker in the order
    /// in which they were said: it takes no other query before it has heard all. Of what two workers
    /// have died, or have spoiled their states, when they heard it so is forgotten, and
    /// [reported](crate::Event::Reported). What has changed a state by and by, rather than once for
    /// all, is not restored by that.
    ///
    /// Each run is a query of its own in the account, with the `timeout` and the `queue_timeout` of this
    /// call; what else was asked for of it has no effect. What is broadcast at once comes in one order
    /// to all workers. Dropped before it is over, it is cancelled as other calls are: a worker that has
    /// not begun it by then does not hear it, those to come do.
    ///
    /// ```
    /// use pm_runtime::worker_query;
    ///
    /// #[derive(Default)]
    /// struct Shop {
    ///     discount: u32,
    /// }
    ///
    /// #[worker_query(workers = 2)]
    /// impl Shop {
    ///     pub fn set_discount(&mut self, percent: u32) {
    ///         self.discount = percent;
    ///     }
    ///     pub fn price(&self, full: u32) -> u32 {
    ///         full - full * self.discount / 100
    ///     }
    /// }
    ///
    /// #[pm_runtime::main]
    /// async fn main() -> Result<(), pm_runtime::Error> {
    ///     let pool = ShopPool::new();
    ///     pool.spawn(2).await?;
    ///     assert_eq!(pool.set_discount(10).broadcast().await?.len(), 2);
    ///     assert_eq!(pool.price(200).await?, 180);
    ///     pool.respawn().await?;
    ///     assert_eq!(pool.price(200).await?, 180); // by a worker that came later
    ///     Ok(())
    /// }
    /// ```
    pub fn broadcast(self) -> Broadcast<T, M> {
        Broadcast { call: Some(self), told: Vec::new() }
    }
}

/// A query for every worker, as [`Call::broadcast`] makes it: a future of their answers.
#[must_use = "it is said when it is awaited"]
pub struct Broadcast<T, M = String> {
    /// `None`: it was said.
    call: Option<Call<T, M>>,
    /// In each worker that there was.
    told: Vec<Told<T, M>>,
}

enum Told<T, M> {
    Waits(Call<T, M>),
    Heard(Result<T, QueryError>),
    /// The worker was gone before.
    Missed,
}

impl<T, M> Told<T, M> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Self::Waits(call) = self else { return Poll::Ready(()) };
        let Poll::Ready(answer) = Pin::new(call).poll(cx) else { return Poll::Pending };
        *self = match answer {
            Err(QueryError::WorkerGone | QueryError::Released) => Self::Missed,
            answer => Self::Heard(answer),
        };
        Poll::Ready(())
    }

    fn answer(self) -> Option<Result<T, QueryError>> {
        match self {
            Self::Heard(answer) => Some(answer),
            Self::Waits(_) | Self::Missed => None,
        }
    }
}

impl<T, M> Broadcast<T, M> {
    /// Says it.
    fn begin(&mut self, call: &Call<T, M>) -> Result<(), QueryError> {
        if fork::is_fork() {
            return Err(QueryError::Forked);
        }
        let request = call.request()?;
        if let Some(mistake) = call.mistake(request) {
            return Err(mistake);
        }
        let said = call.shared().say_to_all(request, call.timeouts())?;
        self.told = said.into_iter().map(|said| Told::Waits(call.said(said))).collect();
        Ok(())
    }
}

impl<T, M> Future for Broadcast<T, M> {
    type Output = Result<Vec<T>, QueryError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if let Some(call) = this.call.take() {
            this.begin(&call)?;
        }
        let pending =
            this.told.iter_mut().filter_map(|told| told.poll(cx).is_pending().then_some(()));
        if pending.count() > 0 {
            return Poll::Pending;
        }
        let told = std::mem::take(&mut this.told);
        Poll::Ready(told.into_iter().filter_map(Told::answer).collect())
    }
}

/// Answers are moved, and never pinned.
impl<T, M> Unpin for Broadcast<T, M> {}

impl<T, M> std::fmt::Debug for Broadcast<T, M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Broadcast").field("workers", &self.told.len()).finish_non_exhaustive()
    }
}

/// What one worker is told.
pub(super) struct Said {
    pub(super) ticket: Arc<Ticket>,
    /// `None`: the policy did not let it in.
    pub(super) key: Option<QueryKey>,
}

impl Shared {
    /// Tells every worker that is ready, in one step, so that all hear what is said in the same order;
    /// from now on every other one hears it before it is ready.
    fn say_to_all(
        &self,
        request: &Parcel,
        (timeout, queue_timeout): (Option<Duration>, Option<Duration>),
    ) -> Result<Vec<Said>, QueryError> {
        let method = codec::variant(request.value()).unwrap_or_default();
        let size = request.size();
        let ticket = || Ticket::new(request.clone());
        let traced = || {
            let mut ticket = ticket();
            self.trace(&mut ticket);
            ticket
        };
        let (workers, wary) =
            self.look(|state| (state.core.serving().count(), state.core.is_wary_of(size)));
        // They may be long, and subscribers hear of them: neither made nor hashed nor dropped under
        // the lock.
        let mut tickets: Vec<Arc<Ticket>> = (0..workers).map(|_| Arc::new(traced())).collect();
        let mut word = request.clone();
        let print = tickets.first().filter(|_| wary).and_then(|ticket| self.print_of(ticket));
        let conduct = self.plan.entry.serve.conduct(request.value());
        let said = self.change(|state, now| {
            if !state.core.is_open() {
                return Err(QueryError::Destroyed);
            }
            std::mem::swap(state.words.entry(method).or_default(), &mut word);
            let workers = state.core.broadcast(method, now);
            let tell = |worker| {
                // A worker that serves only now is told all the same.
                let ticket = tickets.pop().unwrap_or_else(|| Arc::new(ticket()));
                let submission = Submission {
                    payload: ticket.clone(),
                    size,
                    timeout,
                    queue_timeout,
                    conduct,
                    immediate: false,
                    route: Route::Worker(worker),
                    retries: 0,
                };
                Said { ticket, key: state.core.submit(submission, print, now) }
            };
            Ok(workers.into_iter().map(tell).collect::<Vec<_>>())
        });
        for said in said.iter().flatten() {
            said.ticket.traced().submitted();
        }
        // For those that serve no more.
        let error = said.as_ref().map_or_else(Clone::clone, |_| QueryError::WorkerGone);
        let untold = Err::<(), _>(error);
        tickets.iter().for_each(|ticket| ticket.traced().ended(&untold));
        said
    }

    /// Says something to a worker that it has to hear before it is ready.
    pub(super) fn replay(&self, state: &mut State, id: WorkerId, method: usize) {
        let Some(request) = state.words.get(&method).cloned() else { return };
        let submission = Submission {
            size: request.size(),
            conduct: self.plan.entry.serve.conduct(request.value()),
            payload: Arc::new(Ticket::new(request)),
            timeout: self.options.timeout,
            queue_timeout: None,
            immediate: false,
            route: Route::Worker(id),
            retries: 0,
        };
        // `None`: the worker is on its way out.
        let _ = state.core.replay(id, submission, std::time::Instant::now());
    }
}

/// Workers die of what they hear, so that nobody hears it any more.
pub(super) fn forgotten(report: &CrashReport) -> Event {
    let text = format!(
        "what was broadcast is forgotten, and no worker to come is told: two have died of it, the \
         last one so: {report}"
    );
    Event::Reported { worker: report.worker, at: report.at, text: text.into() }
}
