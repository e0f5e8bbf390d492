use std::fmt;
use std::future::poll_fn;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_core::{FusedStream, Stream};

use super::Open;
use crate::child::stream::StreamMessages;
use crate::error::StreamError;
use crate::pool::reader::{Origin, Reader};
use crate::process::fork;
use crate::wire::codec;

/// What a stream gives.
type Item<S> =
    Result<<S as crate::StreamWorker>::Output, StreamError<<S as crate::StreamWorker>::Error>>;

/// The receiving side of a stream, beside what owns it.
pub(super) struct Receiving<S> {
    reader: Reader,
    /// Its end was told.
    over: bool,
    stream: PhantomData<fn() -> S>,
}

impl<S: StreamMessages> Receiving<S> {
    pub(super) fn new() -> Self {
        Self { reader: Reader::default(), over: false, stream: PhantomData }
    }

    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    pub(super) fn poll_next(&mut self, open: &Open, cx: &mut Context<'_>) -> Poll<Option<Item<S>>> {
        if self.over {
            return Poll::Ready(None);
        }
        if fork::is_fork() {
            self.over = true;
            return Poll::Ready(Some(Err(StreamError::Forked)));
        }
        let shared = open.handles.shared();
        let origin = Origin { shared, channel: &open.channel, worker: open.worker.as_ref() };
        let item = match ready!(self.reader.poll_next(&origin, cx, read::<S>)) {
            Ok(item) => item.map_err(|error| match error {
                Ok(failed) => StreamError::Failed(failed),
                Err(error) => {
                    self.over = true;
                    shared.unread(error).into()
                }
            }),
            Err(how) => {
                self.over = true;
                return Poll::Ready(how.err().map(|error| Err(error.into())));
            }
        };
        Poll::Ready(Some(item))
    }

    pub(super) fn discard(&mut self, open: &Open) {
        self.reader.discard(&open.channel);
    }
}

/// `Err(Ok(_))`: the stream's own error.
fn read<S: StreamMessages>(
    message: &[u8],
) -> Result<S::Output, Result<S::Error, crate::error::DecodeError>> {
    let response = codec::decode::<S::Response>(message).map_err(Err)?;
    S::into_result(response).map_err(Ok)
}

/// The half of a [stream](crate::StreamHandle) that receives outputs.
///
/// It is a [`Stream`] of them. Dropping it throws away what comes; the stream lives on as long as
/// there is the other half.
pub struct StreamReceiver<S: StreamMessages> {
    open: Arc<Open>,
    receiving: Receiving<S>,
}

impl<S: StreamMessages> StreamReceiver<S> {
    pub(super) fn new(open: Arc<Open>, receiving: Receiving<S>) -> Self {
        Self { open, receiving }
    }

    /// As [`StreamHandle::next`](crate::StreamHandle::next).
    #[doc(alias("read", "recv"))]
    pub async fn next(&mut self) -> Option<Item<S>> {
        poll_fn(|cx| self.receiving.poll_next(&self.open, cx)).await
    }
}

impl<S: StreamMessages> Stream for StreamReceiver<S> {
    type Item = Item<S>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Self { open, receiving } = &mut *self;
        receiving.poll_next(open, cx)
    }
}

impl<S: StreamMessages> FusedStream for StreamReceiver<S> {
    fn is_terminated(&self) -> bool {
        self.receiving.is_over()
    }
}

impl<S: StreamMessages> Drop for StreamReceiver<S> {
    fn drop(&mut self) {
        if !fork::is_fork() {
            self.receiving.discard(&self.open);
        }
    }
}

impl<S: StreamMessages> fmt::Debug for StreamReceiver<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamReceiver").field("over", &self.receiving.over).finish_non_exhaustive()
    }
}
