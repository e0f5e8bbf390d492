use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_core::{FusedStream, Stream};
use futures_sink::Sink;

use super::receiver::Receiving;
use super::sender::Sending;
use super::{Open, StreamReceiver, StreamSender};
use crate::child::stream::StreamMessages;
use crate::error::{StreamError, TrySendError};

/// An open stream: inputs go to its code in a worker, and outputs come back.
///
/// It is a [`Sink`] of inputs and a [`Stream`] of outputs. Each direction has a window (the options
/// `window` and `window_bytes`): who sends waits while the other side is behind by so much, and
/// neighbours notice nothing. Dropping it destroys the stream in its worker.
///
/// See [`StreamWorker`](crate::StreamWorker) for an example.
pub struct StreamHandle<S: StreamMessages> {
    open: Arc<Open>,
    sending: Sending<S>,
    receiving: Receiving<S>,
}

impl<S: StreamMessages> StreamHandle<S> {
    pub(super) fn new(open: Arc<Open>) -> Self {
        Self { open, sending: Sending::new(), receiving: Receiving::new() }
    }

    /// Sends an input; waits while the stream is behind with its input.
    ///
    /// # Errors
    ///
    /// [`Closed`](StreamError::Closed) where the stream is over, or its input was finished, or why it
    /// has ended. [`Encode`](StreamError::Encode) and [`TooLarge`](StreamError::TooLarge) are about
    /// this input alone.
    #[doc(alias = "write")]
    pub async fn send(&mut self, input: S::Input) -> Result<(), StreamError<S::Error>> {
        self.sending.send(&self.open, input).await
    }

    /// Sends an input, if there is room for it.
    ///
    /// # Errors
    ///
    /// [`Full`](TrySendError::Full), with the input, where the stream is behind.
    pub fn try_send(&mut self, input: S::Input) -> Result<(), TrySendError<S::Input, S::Error>> {
        self.sending.try_send(&self.open, input)
    }

    /// Says that no more input comes. Outputs go on until the stream ends them.
    #[doc(alias("end", "close"))]
    pub async fn finish(&mut self) -> Result<(), StreamError<S::Error>> {
        poll_fn(|cx| self.sending.poll_close(&self.open, cx)).await
    }

    /// The next output, or an error of the stream's own; `None` when it is over.
    ///
    /// Any error but [`Failed`](StreamError::Failed) is the last that comes.
    #[doc(alias("read", "recv"))]
    pub async fn next(&mut self) -> Option<Result<S::Output, StreamError<S::Error>>> {
        poll_fn(|cx| self.receiving.poll_next(&self.open, cx)).await
    }

    /// Nothing more can be sent: the stream is over, or its input was finished.
    pub fn is_closed(&self) -> bool {
        self.open.is_closed()
    }

    /// Both directions apart, for two tasks. The stream is destroyed when both are dropped.
    pub fn split(self) -> (StreamSender<S>, StreamReceiver<S>) {
        let Self { open, sending, receiving } = self;
        (StreamSender::new(open.clone(), sending), StreamReceiver::new(open, receiving))
    }
}

impl<S: StreamMessages> Sink<S::Input> for StreamHandle<S> {
    type Error = StreamError<S::Error>;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        let Self { open, sending, .. } = &mut *self;
        sending.poll_ready(open, cx)
    }

    fn start_send(mut self: Pin<&mut Self>, input: S::Input) -> Result<(), Self::Error> {
        let Self { open, sending, .. } = &mut *self;
        sending.start_send(open, input)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        let Self { open, sending, .. } = &mut *self;
        sending.poll_flush(open, cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        let Self { open, sending, .. } = &mut *self;
        sending.poll_close(open, cx)
    }
}

impl<S: StreamMessages> Stream for StreamHandle<S> {
    type Item = Result<S::Output, StreamError<S::Error>>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Self { open, receiving, .. } = &mut *self;
        receiving.poll_next(open, cx)
    }
}

impl<S: StreamMessages> FusedStream for StreamHandle<S> {
    fn is_terminated(&self) -> bool {
        self.receiving.is_over()
    }
}

impl<S: StreamMessages> fmt::Debug for StreamHandle<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamHandle")
            .field("closed", &self.is_closed())
            .field("over", &self.receiving.is_over())
            .finish_non_exhaustive()
    }
}
