//! Queries that ended in an error of the application, run again after a pause.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use super::call::Call;
use super::pause::Pause;
use super::shared::seed;
use crate::error::QueryError;

/// When to run a query again that ended in an error of the application: one that its function
/// returned.
///
/// It is for errors that pass, such as those of a network. What becomes of a query whose worker
/// dies is another matter: that is a [`QueryError`], and is given back at once.
///
/// ```
/// use pm_runtime::Retry;
/// use std::time::Duration;
///
/// let policy = Retry::times(5)
///     .backoff(Duration::from_millis(50), Duration::from_secs(2))
///     .retry_if(|error: &String| error.contains("busy"));
/// # let _ = policy;
/// ```
#[must_use = "it does nothing until it is given to a call"]
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

    fn holds(&self, error: &E) -> bool {
        self.which.as_ref().is_none_or(|which| which(error))
    }

    /// The pause before the next run, after so many repetitions.
    fn pause(&self, repeated: u32) -> Duration {
        let full = self.first.saturating_mul(1 << repeated.min(31)).min(self.longest);
        full / 2 + (full / 2).mul_f64(f64::from(seed()) / f64::from(u32::MAX))
    }
}

impl<T, E, M> Call<Result<T, E>, M> {
    /// Runs it again, as the policy says, where its function returns an error.
    ///
    /// Each run is a query of its own in the pool's account, with the timeouts of this call. Its
    /// encoded arguments are kept until its end. Whatever the pool itself says, a
    /// [`QueryError`], ends it.
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
    pub fn retry(self, policy: Retry<E>) -> Retried<T, E, M> {
        let request = self.request().map(Vec::from);
        Retried { call: self, policy, request, repeated: 0, pause: None }
    }
}

/// A query that is run again where its function returns an error: what
/// [`Call::retry`] makes of it.
#[must_use = "a query is submitted when it is awaited"]
pub struct Retried<T, E, M = String> {
    call: Call<Result<T, E>, M>,
    policy: Retry<E>,
    /// Its encoded arguments; `None`: there are none to send.
    request: Option<Vec<u8>>,
    repeated: u32,
    pause: Option<Pause>,
}

impl<T, E, M> Retried<T, E, M> {
    /// Waits for the answer, for callers without async; see [`Call::wait`].
    pub fn wait(self) -> Result<Result<T, E>, QueryError> {
        smol::future::block_on(self)
    }

    /// Gets ready for another run, if there is to be one.
    fn repeat(&mut self, error: &E) -> bool {
        if self.repeated >= self.policy.times || !self.policy.holds(error) {
            return false;
        }
        let Some(request) = &self.request else { return false };
        self.call.again(request.clone());
        self.pause = Pause::new(self.policy.pause(self.repeated));
        self.repeated += 1;
        true
    }
}

impl<T, E, M> Future for Retried<T, E, M> {
    type Output = Result<Result<T, E>, QueryError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            if let Some(pause) = &self.pause {
                if pause.poll(cx).is_pending() {
                    return Poll::Pending;
                }
                self.pause = None;
            }
            match Pin::new(&mut self.call).poll(cx) {
                Poll::Ready(Ok(Err(error))) if self.repeat(&error) => {}
                other => return other,
            }
        }
    }
}

// Nothing in it is pinned.
impl<T, E, M> Unpin for Retried<T, E, M> {}

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

impl<T, E, M> fmt::Debug for Retried<T, E, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retried")
            .field("repeated", &self.repeated)
            .field("policy", &self.policy)
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
