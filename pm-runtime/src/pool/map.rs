//! One query for each of many inputs.

use std::collections::VecDeque;
use std::fmt;
use std::future::{Future, poll_fn};
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
/// Where the function takes a reference, inputs may own what it borrows: for a `&str` or a slice they
/// are whatever is [`AsRef`] of it (`String`, `&String`, `Vec<T>`), for another `&T` whatever is
/// [`Borrow<T>`](std::borrow::Borrow) (`T` or `&T`; for a `&Path` a `PathBuf`). Anything else becomes an
/// argument in the iterator, or in the call of [`Map::new`].
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
///
/// Without async:
///
/// ```
/// use pm_runtime::{block_on, worker_query};
///
/// #[worker_query(workers = 2)]
/// fn words(line: &str) -> usize {
///     line.split_whitespace().count()
/// }
///
/// #[pm_runtime::main]
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let file = std::io::Cursor::new("a charmander\na wild mew\n");
///     let lines = std::io::BufRead::lines(file).collect::<Result<Vec<String>, _>>()?;
///     let mut counts = WordsPool::new().map(lines);
///     let mut sum = 0;
///     while let Some(count) = block_on(counts.next()) {
///         sum += count?;
///     }
///     assert_eq!(sum, 5);
///     Ok(())
/// }
/// ```
#[must_use = "it does nothing until it is polled"]
pub struct Map<P, I: Iterator, T, M = String> {
    source: Source<P, I, T, M>,
    flight: Flight<(), T, M>,
}

/// The results of a query for each of many inputs, each beside its input:
/// [`Map::with_inputs`].
#[must_use = "it does nothing until it is polled"]
pub struct WithInputs<P, I: Iterator, T, M = String> {
    source: Source<P, I, T, M>,
    flight: Flight<I::Item, T, M>,
}

/// The inputs, and what is asked of each.
struct Source<P, I: Iterator, T, M> {
    pool: P,
    inputs: std::iter::Fuse<I>,
    call: fn(&P, I::Item) -> Call<T, M>,
}

/// Calls that are on their way, by the order of their inputs, each with something of its own.
struct Flight<K, T, M> {
    turns: VecDeque<(K, Turn<T, M>)>,
    ordered: bool,
}

enum Turn<T, M> {
    Running(Call<T, M>),
    /// It is over, and others were before it.
    Over(Option<Result<T, QueryError>>),
}

impl<T, M> Turn<T, M> {
    /// Submits a call.
    fn begin(mut call: Call<T, M>, cx: &mut Context<'_>) -> Self {
        // One that is over already has its turn behind those that are on their way.
        match Pin::new(&mut call).poll(cx) {
            Poll::Ready(result) => Self::Over(Some(result)),
            Poll::Pending => Self::Running(call),
        }
    }

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

impl<K, T, M> Flight<K, T, M> {
    /// The first result that is there, in its turn.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<(K, Result<T, QueryError>)>> {
        // What is behind the first has its outcome kept until its turn comes.
        let looked_at = if self.ordered { 1 } else { self.turns.len() };
        for index in 0..looked_at.min(self.turns.len()) {
            if let Poll::Ready(result) = self.turns[index].1.poll(cx) {
                return Poll::Ready(self.turns.remove(index).map(|(key, _)| (key, result)));
            }
        }
        // The first one's answer is read by whoever leads.
        self.turns.iter_mut().skip(looked_at).for_each(|(_, turn)| turn.lead(cx));
        if self.turns.is_empty() { Poll::Ready(None) } else { Poll::Pending }
    }
}

impl<P: Deref<Target = Pool>, I: Iterator, T, M> Source<P, I, T, M> {
    /// Submits queries until enough are on their way.
    fn fill<K>(
        &mut self,
        flight: &mut Flight<K, T, M>,
        key: impl Fn(&I::Item) -> K,
        cx: &mut Context<'_>,
    ) {
        let width = self.pool.width();
        while flight.turns.len() < width {
            let Some(input) = self.inputs.next() else { return };
            let key = key(&input);
            let call = (self.call)(&self.pool, input);
            flight.turns.push_back((key, Turn::begin(call, cx)));
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
    ///     // What the method borrows may be owned here: a call has encoded it when it is made.
    ///     let owned = names.map(String::from);
    ///     let mut letters = Map::new(&pool, owned, |pool, name| pool.letters(&name));
    ///     assert_eq!(letters.next().await, Some(Ok(7)));
    ///     Ok(())
    /// }
    /// ```
    pub fn new(
        pool: &P,
        inputs: impl IntoIterator<IntoIter = I, Item = I::Item>,
        call: fn(&P, I::Item) -> Call<T, M>,
    ) -> Self {
        let source = Source { pool: pool.clone(), inputs: inputs.into_iter().fuse(), call };
        Self { source, flight: Flight { turns: VecDeque::new(), ordered: true } }
    }
}

impl<P, I: Iterator, T, M> Map<P, I, T, M> {
    /// The results as they come, rather than in the order of the inputs.
    pub fn unordered(mut self) -> Self {
        self.flight.ordered = false;
        self
    }

    /// Each result beside its input, such as to tell which one failed. The input is cloned before it is
    /// sent: where that is dear, have references for inputs. To be said before the first result is
    /// asked for: what is on its way by then is cancelled. Without async, the loop is
    /// `while let Some((input, result)) = block_on(results.next())`, with
    /// [`block_on`](crate::block_on).
    ///
    /// ```
    /// use pm_runtime::worker_query;
    ///
    /// #[worker_query(workers = 2)]
    /// fn parse(text: &str) -> Result<u32, String> {
    ///     text.parse().map_err(|error| format!("{error}"))
    /// }
    ///
    /// #[pm_runtime::main]
    /// async fn main() -> Result<(), pm_runtime::Error> {
    ///     let pool = ParsePool::new();
    ///     let mut results = pool.map(["1", "2", "three"]).unordered().with_inputs();
    ///     let mut sum = 0;
    ///     while let Some((text, result)) = results.next().await {
    ///         match result? {
    ///             Ok(n) => sum += n,
    ///             Err(error) => assert_eq!((text, &*error), ("three", "invalid digit found in string")),
    ///         }
    ///     }
    ///     assert_eq!(sum, 3);
    ///     Ok(())
    /// }
    /// ```
    pub fn with_inputs(self) -> WithInputs<P, I, T, M>
    where
        I::Item: Clone,
    {
        let flight = Flight { turns: VecDeque::new(), ordered: self.flight.ordered };
        WithInputs { source: self.source, flight }
    }
}

impl<P: Deref<Target = Pool>, I: Iterator, T, M> Map<P, I, T, M> {
    /// The next result; `None`: there are no more inputs.
    ///
    /// It may be dropped before it is there: none is lost.
    #[doc(alias("read", "recv"))]
    #[expect(
        clippy::should_implement_trait,
        reason = "it is that of a stream, whose future is `Unpin`"
    )]
    pub fn next(&mut self) -> impl Future<Output = Option<Result<T, QueryError>>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx))
    }
}

impl<P: Deref<Target = Pool>, I: Iterator<Item: Clone>, T, M> WithInputs<P, I, T, M> {
    /// The next input with its result; `None`: there are no more.
    ///
    /// It may be dropped before it is there: none is lost.
    #[doc(alias("read", "recv"))]
    #[expect(
        clippy::should_implement_trait,
        reason = "it is that of a stream, whose future is `Unpin`"
    )]
    pub fn next(&mut self) -> impl Future<Output = Option<(I::Item, Result<T, QueryError>)>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx))
    }
}

impl<P: Deref<Target = Pool>, I: Iterator, T, M> Stream for Map<P, I, T, M> {
    type Item = Result<T, QueryError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Self { source, flight } = &mut *self;
        source.fill(flight, |_| (), cx);
        flight.poll(cx).map(|next| next.map(|((), result)| result))
    }
}

impl<P: Deref<Target = Pool>, I: Iterator<Item: Clone>, T, M> Stream for WithInputs<P, I, T, M> {
    type Item = (I::Item, Result<T, QueryError>);

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Self { source, flight } = &mut *self;
        source.fill(flight, Clone::clone, cx);
        flight.poll(cx)
    }
}

// Nothing in them is pinned.
impl<P, I: Iterator, T, M> Unpin for Map<P, I, T, M> {}
impl<P, I: Iterator, T, M> Unpin for WithInputs<P, I, T, M> {}

impl<P, I: Iterator, T, M> fmt::Debug for Map<P, I, T, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.flight.fmt_as("Map", f)
    }
}

impl<P, I: Iterator, T, M> fmt::Debug for WithInputs<P, I, T, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.flight.fmt_as("WithInputs", f)
    }
}

impl<K, T, M> Flight<K, T, M> {
    fn fmt_as(&self, name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(name)
            .field("running", &self.turns.len())
            .field("ordered", &self.ordered)
            .finish_non_exhaustive()
    }
}
