use std::future::{self, Future};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Outbox;

/// The code of a stream: what it does with its inputs, in a worker.
///
/// It is implemented for a struct that is marked [`worker_stream`](crate::worker_stream). The struct
/// is the message that opens the stream, and its state. All streams of a worker share a thread: while
/// one waits, others go on, and one that blocks holds them all up. Nothing here need be `Send`.
///
/// ```
/// use pm_runtime::{Outbox, OutboxClosed, StreamWorker, worker_stream};
///
/// /// Adds up numbers, and tells the sum so far after each.
/// #[worker_stream(workers = 1)]
/// pub struct Sum {
///     pub start: u64,
/// }
///
/// impl StreamWorker for Sum {
///     type Input = u64;
///     type Output = u64;
///     type Error = OutboxClosed;
///
///     async fn write(&mut self, number: u64, out: &Outbox<u64>) -> Result<(), OutboxClosed> {
///         self.start += number;
///         out.send(self.start).await
///     }
/// }
///
/// #[pm_runtime::main]
/// async fn main() -> Result<(), pm_runtime::Error> {
///     let pool = SumPool::new();
///     let mut sum = pool.open(Sum { start: 10 }).await?;
///     sum.send(5).await?;
///     sum.send(6).await?;
///     sum.finish().await?;
///     assert_eq!(sum.next().await, Some(Ok(15)));
///     assert_eq!(sum.next().await, Some(Ok(21)));
///     assert_eq!(sum.next().await, None);
///     Ok(())
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no `impl StreamWorker`, which says what it does with its inputs",
    label = "without an `impl StreamWorker`",
    note = "write `impl StreamWorker for {Self}` with the types `Input`, `Output` and `Error`, and \
            `async fn write(&mut self, input: Self::Input, out: &Outbox<Self::Output>) -> Result<(), \
            Self::Error>`"
)]
pub trait StreamWorker: Serialize + DeserializeOwned + 'static {
    /// What is sent to the stream.
    type Input: Serialize + DeserializeOwned + 'static;
    /// What the stream sends.
    type Output: Serialize + DeserializeOwned + 'static;
    /// What may go wrong with one input: the reader hears of it, and the stream goes on. It travels, so
    /// that it is an enum with serde's traits, or a `String`, and no `Box<dyn Error>`.
    type Error: Serialize + DeserializeOwned + 'static;

    /// Runs before the stream is open, and may refuse that: with an error the opening fails with
    /// [`Refused`](crate::StreamError::Refused). Does nothing by default.
    ///
    /// It is under the pool's `timeout`. Its outputs are there for the reader when the stream is
    /// open; as nobody reads before, it must not send more than the window has room for.
    fn open(
        &mut self,
        out: &Outbox<Self::Output>,
    ) -> impl Future<Output = Result<(), Self::Error>> {
        let _ = out;
        future::ready(Ok(()))
    }

    /// Takes an input, one after the other.
    fn write(
        &mut self,
        input: Self::Input,
        out: &Outbox<Self::Output>,
    ) -> impl Future<Output = Result<(), Self::Error>>;

    /// The input is over. Does nothing by default.
    ///
    /// When this has returned, the stream is dropped, and over; unless there are clones of its
    /// outbox, which may go on.
    fn end(&mut self, out: &Outbox<Self::Output>) -> impl Future<Output = Result<(), Self::Error>> {
        let _ = out;
        future::ready(Ok(()))
    }
}

/// The messages of a stream, as the macro writes them.
#[doc(hidden)]
pub trait StreamMessages: StreamWorker {
    type Request: Serialize + DeserializeOwned;
    type Response: Serialize + DeserializeOwned;

    fn opening(self) -> Self::Request;
    fn input(input: Self::Input) -> Self::Request;
    fn into_opening(request: Self::Request) -> Option<Self>;
    fn into_input(request: Self::Request) -> Option<Self::Input>;
    fn output(output: Self::Output) -> Self::Response;
    fn failure(error: Self::Error) -> Self::Response;
    fn into_result(response: Self::Response) -> Result<Self::Output, Self::Error>;
}
