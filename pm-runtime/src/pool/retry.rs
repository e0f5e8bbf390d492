//! Queries that ended in an error of the application, run again after a pause.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::builder::Face;
use super::call::Call;
use super::config::seed;
use super::pause::Pause;
use super::ticket::Ticket;
use crate::wire::bulk::Parcel;

/// When to run a query again that ended in an error of the application: one that its function
/// returned.
///
/// It is for errors that pass, such as those of a network. What becomes of a query whose worker
/// dies is another matter: that is a [`QueryError`](crate::QueryError), and is given back at once.
///
/// It is for a [call](Call::retry), or for all calls of a handle:
///
/// ```
/// use pm_runtime::{Retry, worker_query};
/// use std::time::Duration;
///
/// #[worker_query(workers = 1)]
/// fn fetch(page: &str) -> Result<u32, String> {
///     use std::sync::atomic::{AtomicU32, Ordering};
///     static RUNS: AtomicU32 = AtomicU32::new(0);
///     match (page, RUNS.fetch_add(1, Ordering::Relaxed)) {
///         ("missing", _) => Err("no such page".into()),
///         (_, run @ 2..) => Ok(run),
///         _ => Err("busy".into()),
///     }
/// }
///
/// #[pm_runtime::main]
/// async fn main() -> Result<(), pm_runtime::Error> {
///     let policy = Retry::times(5)
///         .backoff(Duration::from_millis(1), Duration::from_secs(2))
///         .retry_if(|error: &String| error == "busy");
///     let pool = FetchPool::new().retry(policy);
///     assert_eq!(pool.query("index").await?, Ok(2));
///     assert_eq!(pool.query("missing").await?, Err("no such page".into()));
///     Ok(())
/// }
/// ```
///
/// That handle is one of the same pool, and of the same type; its clones have the policy too, the
/// handle that it was made of has not. Pools of services have no policy, as each method has an error
/// of its own: their calls have.
#[must_use = "it does nothing until it is given to a call or a pool"]
pub struct Retry<E> {
    times: u32,
    first: Duration,
    longest: Duration,
    /// `None`: every error.
    which: Option<Arc<Which<E>>>,
}

type Which<E> = dyn Fn(&E) -> bool + Send + Sync;

impl<E> Retry<E> {
    /// At most so many more runs, whatever the error is, after pauses of 100 ms, doubled each
    /// time, and 10 s at most.
    pub fn times(times: u32) -> Self {
        let (first, longest) = (Duration::from_millis(100), Duration::from_secs(10));
        Self { times, first, longest, which: None }
    }

    /// The first pause, doubled each time, and the longest. Each is shortened at random, by half
    /// at most, so that many callers do not come back in step.
    pub fn backoff(mut self, first: Duration, longest: Duration) -> Self {
        (self.first, self.longest) = (first, longest);
        self
    }

    /// Only after errors for which this holds. It runs where the call is polled.
    pub fn retry_if(mut self, which: impl Fn(&E) -> bool + Send + Sync + 'static) -> Self {
        self.which = Some(Arc::new(which));
        self
    }

    fn into_policy<T: 'static>(self) -> Policy<Result<T, E>>
    where
        E: 'static,
    {
        Arc::new(move |answer: &Result<T, E>, repeated| match answer {
            Err(error) if repeated < self.times && self.holds(error) => Some(self.pause(repeated)),
            Ok(_) | Err(_) => None,
        })
    }

    fn holds(&self, error: &E) -> bool {
        self.which.as_ref().is_none_or(|which| which(error))
    }

    /// The pause before the next run, after so many repetitions.
    fn pause(&self, repeated: u32) -> Duration {
        let full = self.first.saturating_mul(1 << repeated.min(31)).min(self.longest);
        full / 2 + (full / 2).mul_f64(f64::from(seed()) / f64::from(u32::MAX))
    }
}

impl<T: 'static, E: 'static, M> Call<Result<T, E>, M> {
    /// Runs it again, as the policy says, where its function returns an error. It takes the place
    /// of the pool's own policy, where that has one.
    ///
    /// Each run is a query of its own in the pool's account, with the timeouts of this call. Its
    /// encoded arguments are kept until its end. Whatever the pool itself says, a
    /// [`QueryError`](crate::QueryError), ends it.
    ///
    /// ```
    /// use pm_runtime::{Retry, worker_query};
    /// use std::time::Duration;
    ///
    /// #[worker_query(workers = 1)]
    /// fn third_time_lucky() -> Result<u32, String> {
    ///     use std::sync::atomic::{AtomicU32, Ordering};
    ///     static RUNS: AtomicU32 = AtomicU32::new(0);
    ///     match RUNS.fetch_add(1, Ordering::Relaxed) {
    ///         run @ 2.. => Ok(run),
    ///         _ => Err("busy".into()),
    ///     }
    /// }
    ///
    /// #[pm_runtime::main]
    /// async fn main() -> Result<(), pm_runtime::Error> {
    ///     let pool = ThirdTimeLuckyPool::new();
    ///     let policy = Retry::times(5).backoff(Duration::from_millis(1), Duration::from_secs(1));
    ///     assert_eq!(pool.query().retry(policy).await?, Ok(2));
    ///     Ok(())
    /// }
    /// ```
    pub fn retry(mut self, policy: Retry<E>) -> Self {
        self.wishes().again = Some(Again::new(policy.into_policy()));
        self
    }
}

/// The answers of a pool's only query.
#[diagnostic::on_unimplemented(
    message = "the function of `{Self}` does not return `{A}`, which this policy is for",
    label = "this is for the errors that the function itself returns"
)]
pub trait Answers<A>: Face {}

/// A handle of the same pool whose calls run again, as the policy says.
pub fn retrying<P: Answers<Result<T, E>>, T: 'static, E: 'static>(pool: &P, policy: Retry<E>) -> P {
    let policy: Policy<Result<T, E>> = policy.into_policy();
    P::from_pool(pool.with_policy(Arc::new(policy)))
}

/// Says how long to pause before a query runs again that had this answer, after so many
/// repetitions. `None`: it does not.
pub(super) type Policy<A> = Arc<dyn Fn(&A, u32) -> Option<Duration> + Send + Sync>;

/// What may come of a call when it is answered.
pub(super) struct Again<A> {
    policy: Policy<A>,
    /// What holds the encoded arguments, once they are on their way.
    pub(super) sent: Option<Arc<Ticket>>,
    repeated: u32,
    pause: Option<Pause>,
}

impl<A> Again<A> {
    pub(super) fn new(policy: Policy<A>) -> Self {
        Self { policy, sent: None, repeated: 0, pause: None }
    }

    /// The encoded arguments of the next run, if there is to be one.
    pub(super) fn after(&mut self, answer: &A) -> Option<Parcel> {
        let sent = self.sent.take()?;
        let pause = (self.policy)(answer, self.repeated)?;
        self.pause = Pause::new(pause);
        self.repeated += 1;
        Some(sent.request().clone())
    }

    /// Ready between two runs, and before the first.
    pub(super) fn poll_pause(&mut self, cx: &Context<'_>) -> Poll<()> {
        if let Some(pause) = &self.pause {
            ready!(pause.poll(cx));
            self.pause = None;
        }
        Poll::Ready(())
    }
}

impl<E> Clone for Retry<E> {
    fn clone(&self) -> Self {
        Self { which: self.which.clone(), ..*self }
    }
}

impl<E> fmt::Debug for Retry<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retry")
            .field("times", &self.times)
            .field("first", &self.first)
            .field("longest", &self.longest)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_are_doubled_up_to_the_longest() {
        let ms = Duration::from_millis;
        let policy = Retry::<()>::times(9).backoff(ms(100), ms(1000));
        for (repeated, full) in
            [(0, ms(100)), (1, ms(200)), (3, ms(800)), (4, ms(1000)), (40, ms(1000))]
        {
            let pause = policy.pause(repeated);
            assert!(full / 2 <= pause && pause <= full, "{pause:?} of {full:?}");
        }
    }
}
