//! One query for each of many inputs.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;
use std::task::{Context, Poll};

use smol::stream::Stream;

use super::{Call, Pool};
use crate::error::QueryError;

/// The results of a query for each of many inputs, as a stream in the order of the inputs.
///
/// It takes so many inputs at a time as keep every worker busy, and the next ones as results are
/// taken, so that the inputs may be endless. An input is the query's argument, or a tuple of its
/// arguments. It keeps the pool alive; dropping it cancels what is on its way.
///
/// Inputs that come as a stream need no `Map`: a call owns its bytes, so that
/// `inputs.map(|input| pool.query(&input)).buffered(n)` of the crate `futures` does the same, with n
/// queries on their way.
///
/// ```
/// use pm_runtime::worker_query;
/// use smol::stream::StreamExt; // or that of `futures`, `futures_lite` or `tokio_stream`
///
/// #[worker_query(workers = 2)]
/// fn double(n: u32) -> u32 {
///     2 * n
/// }
///
/// #[pm_runtime::main]
/// async fn main() -> Result<(), pm_runtime::Error> {
///     let pool = DoublePool::new();
///     let doubles: Vec<u32> = pool.map(0..).take(4).try_collect().await?;
///     assert_eq!(doubles, [0, 2, 4, 6]);
///     let sum = pool.map([1, 2, 3]).unordered().try_fold(0, |sum, n| Ok(sum + n)).await?;
///     assert_eq!(sum, 12);
///     Ok(())
/// }
/// ```
#[must_use = "it does nothing until it is polled"]
pub struct Map<P, I: Iterator, T, M = String> {
    pool: P,
    inputs: std::iter::Fuse<I>,
    call: fn(&P, I::Item) -> Call<T, M>,
    /// By the order of their inputs.
    running: VecDeque<Turn<T, M>>,
    ordered: bool,
}

enum Turn<T, M> {
    Running(Call<T, M>),
    /// It is over, and others were before it.
    Over(Option<Result<T, QueryError>>),
}

impl<T, M> Turn<T, M> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<T, QueryError>> {
        match self {
            Self::Running(call) => Pin::new(call).poll(cx),
            Self::Over(result) => result.take().map_or(Poll::Pending, Poll::Ready),
        }
    }

    /// Has it look for the answers of all, if that is upon it.
    fn lead(&mut self, cx: &mut Context<'_>) {
        if let Self::Running(call) = self
            && call.leads()
            && let Poll::Ready(result) = Pin::new(call).poll(cx)
        {
            *self = Self::Over(Some(result));
        }
    }
}

impl<P: Deref<Target = Pool> + Clone, I: Iterator, T, M> Map<P, I, T, M> {
    /// The results of any call for each input, such as a method of a service, which has no `map` of
    /// its own.
    ///
    /// ```
    /// use pm_runtime::{Map, worker_query};
    /// use smol::stream::StreamExt;
    ///
    /// #[derive(Default)]
    /// struct Dex;
    ///
    /// #[worker_query(workers = 2)]
    /// impl Dex {
    ///     fn letters(&self, name: &str) -> usize {
    ///         name.len()
    ///     }
    /// }
    ///
    /// #[pm_runtime::main]
    /// async fn main() -> Result<(), pm_runtime::Error> {
    ///     let pool = DexPool::new();
    ///     let names = ["pikachu", "mew"];
    ///     let letters: Vec<_> = Map::new(&pool, names, DexPool::letters).try_collect().await?;
    ///     assert_eq!(letters, [7, 3]);
    ///     let mut alone = Map::new(&pool, names, |pool, name| pool.letters(name).temporary());
    ///     assert_eq!(alone.try_fold(0, |sum, n| Ok(sum + n)).await?, 10);
    ///     Ok(())
    /// }
    /// ```
    pub fn new(
        pool: &P,
        inputs: impl IntoIterator<IntoIter = I, Item = I::Item>,
        call: fn(&P, I::Item) -> Call<T, M>,
    ) -> Self {
        let (pool, inputs) = (pool.clone(), inputs.into_iter().fuse());
        Self { pool, inputs, call, running: VecDeque::new(), ordered: true }
    }
}

impl<P, I: Iterator, T, M> Map<P, I, T, M> {
    /// The results as they come, rather than in the order of the inputs.
    pub fn unordered(mut self) -> Self {
        self.ordered = false;
        self
    }

    /// The first result that is there, in its turn.
    fn poll_running(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T, QueryError>>> {
        // What is behind the first has its outcome kept until its turn comes.
        let looked_at = if self.ordered { 1 } else { self.running.len() };
        for index in 0..looked_at.min(self.running.len()) {
            if let Poll::Ready(result) = self.running[index].poll(cx) {
                self.running.remove(index);
                return Poll::Ready(Some(result));
            }
        }
        // The first one's answer is read by whoever leads.
        self.running.iter_mut().skip(looked_at).for_each(|turn| turn.lead(cx));
        if self.running.is_empty() { Poll::Ready(None) } else { Poll::Pending }
    }
}

impl<P: Deref<Target = Pool>, I: Iterator, T, M> Map<P, I, T, M> {
    /// Submits queries until enough are on their way.
    fn fill(&mut self, cx: &mut Context<'_>) {
        let width = self.pool.width();
        while self.running.len() < width {
            let Some(input) = self.inputs.next() else { return };
            let mut call = (self.call)(&self.pool, input);
            // One that is over already has its turn behind those that are on their way.
            self.running.push_back(match Pin::new(&mut call).poll(cx) {
                Poll::Ready(result) => Turn::Over(Some(result)),
                Poll::Pending => Turn::Running(call),
            });
        }
    }
}

impl<P: Deref<Target = Pool>, I: Iterator, T, M> Stream for Map<P, I, T, M> {
    type Item = Result<T, QueryError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.fill(cx);
        self.poll_running(cx)
    }
}

// Nothing in it is pinned.
impl<P, I: Iterator, T, M> Unpin for Map<P, I, T, M> {}

impl<P, I: Iterator, T, M> fmt::Debug for Map<P, I, T, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Map")
            .field("running", &self.running.len())
            .field("ordered", &self.ordered)
            .finish_non_exhaustive()
    }
}
