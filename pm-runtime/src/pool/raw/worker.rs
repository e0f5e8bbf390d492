use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::child::raw::{RawMessage, RawMessageOf};
use crate::error::RawError;
use crate::pool::Worker;

/// A [`Worker`] of a pool whose messages have types: those of its [`RawLink<In, Out>`](crate::RawLink).
///
/// ```
/// use pm_runtime::{RawLink, worker_raw};
///
/// /// Doubles numbers.
/// #[worker_raw]
/// async fn double(link: RawLink<u32, u64>) -> std::io::Result<()> {
///     while let Some(number) = link.recv().await? {
///         link.send(&(2 * u64::from(number))).await?;
///     }
///     Ok(())
/// }
///
/// #[pm_runtime::main]
/// async fn main() -> Result<(), pm_runtime::Error> {
///     let pool = DoublePool::new();
///     let worker = pool.spawn_one().await?;
///     worker.send(&21).await?;
///     assert_eq!(worker.recv().await?, Some(42));
///     Ok(())
/// }
/// ```
pub struct RawWorker<In, Out> {
    worker: Worker,
    messages: PhantomData<fn(In) -> Out>,
}

impl<In, Out> RawWorker<In, Out> {
    pub(crate) fn new(worker: Worker) -> Self {
        Self { worker, messages: PhantomData }
    }
}

impl<In, Out> RawWorker<In, Out>
where
    In: Serialize + DeserializeOwned,
    Out: Serialize + DeserializeOwned,
{
    /// As [`Worker::send`].
    #[doc(alias = "write")]
    pub async fn send(&self, message: &In) -> Result<(), RawError> {
        self.worker.send(In::encode(message)?).await
    }

    /// As [`Worker::try_send`].
    pub fn try_send(&self, message: &In) -> Result<(), RawError> {
        self.worker.try_send(In::encode(message)?)
    }

    /// As [`Worker::recv`].
    ///
    /// # Errors
    ///
    /// Also [`Decode`](RawError::Decode): the message is no `Out`. The next one may be.
    #[doc(alias("read", "next"))]
    pub async fn recv(&self) -> Result<Option<Out>, RawError> {
        self.worker.recv_with(Out::decode).await?.transpose()
    }
}

impl<In, Out> Deref for RawWorker<In, Out> {
    type Target = Worker;

    fn deref(&self) -> &Worker {
        &self.worker
    }
}

impl<In, Out> Clone for RawWorker<In, Out> {
    fn clone(&self) -> Self {
        Self::new(self.worker.clone())
    }
}

impl<In, Out> fmt::Debug for RawWorker<In, Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.worker.fmt(f)
    }
}
