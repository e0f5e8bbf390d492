use std::fmt;
use std::future::poll_fn;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_sink::Sink;

use super::Open;
use crate::child::stream::StreamMessages;
use crate::error::{StreamError, TrySendError};
use crate::process::fork;
use crate::stream::Over;
use crate::wire::codec;
use crate::wire::message::stream as kind;

/// After so many inputs that were only fed the other side is to see them: it may as well begin.
const BURST: u32 = 32;

/// The sending side of a stream, beside what owns it.
pub(super) struct Sending<S> {
    /// An input that the stream has no room for yet.
    message: Vec<u8>,
    /// There is one in it.
    holds: bool,
    /// Inputs that were sent and that the other side cannot see yet, perhaps.
    unseen: u32,
    stream: PhantomData<fn(S)>,
}

impl<S: StreamMessages> Sending<S> {
    pub(super) fn new() -> Self {
        Self { message: Vec::new(), holds: false, unseen: 0, stream: PhantomData }
    }

    fn encode(
        &mut self,
        open: &Open,
        input: S::Input,
    ) -> Result<S::Request, StreamError<S::Error>> {
        let request = S::input(input);
        let shared = open.handles.shared();
        let message = codec::encode(&request).map_err(StreamError::Encode)?;
        let limit = shared.options.max_frame;
        if message.len() > limit {
            return Err(StreamError::TooLarge { size: message.len(), limit });
        }
        self.message = message;
        Ok(request)
    }

    /// Sends the input that waits for room.
    pub(super) fn poll_ready(
        &mut self,
        open: &Open,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), StreamError<S::Error>>> {
        if fork::is_fork() {
            return Poll::Ready(Err(StreamError::Forked));
        }
        if !self.holds {
            return Poll::Ready(Ok(()));
        }
        let Poll::Ready(sent) = open.channel.poll_send(&mut self.message, Some(cx)) else {
            // Room comes when what was sent is read, and what nobody sees nobody reads.
            self.flush(open);
            return Poll::Pending;
        };
        self.holds = false;
        Poll::Ready(sent.map_err(|Over(how)| open.over(how)))
    }

    pub(super) fn start_send(
        &mut self,
        open: &Open,
        input: S::Input,
    ) -> Result<(), StreamError<S::Error>> {
        if fork::is_fork() {
            return Err(StreamError::Forked);
        }
        self.encode(open, input)?;
        match open.channel.poll_send(&mut self.message, None) {
            Poll::Ready(Ok(())) => {
                self.unseen += 1;
                if self.unseen >= BURST {
                    self.flush(open);
                }
                Ok(())
            }
            Poll::Ready(Err(Over(how))) => Err(open.over(how)),
            Poll::Pending => {
                self.holds = true;
                Ok(())
            }
        }
    }

    fn flush(&mut self, open: &Open) {
        self.unseen = 0;
        open.channel.flush();
    }

    pub(super) fn try_send(
        &mut self,
        open: &Open,
        input: S::Input,
    ) -> Result<(), TrySendError<S::Input, S::Error>> {
        if fork::is_fork() {
            return Err(StreamError::Forked.into());
        }
        // What waits goes first, if it can.
        if self.holds {
            match open.channel.poll_send(&mut self.message, None) {
                Poll::Ready(Ok(())) => self.holds = false,
                Poll::Ready(Err(Over(how))) => return Err(open.over(how).into()),
                Poll::Pending => return Err(TrySendError::Full(input)),
            }
        }
        let request = self.encode(open, input)?;
        match open.channel.poll_send(&mut self.message, None) {
            Poll::Ready(Ok(())) => {
                open.channel.flush();
                Ok(())
            }
            Poll::Ready(Err(Over(how))) => Err(open.over(how).into()),
            Poll::Pending => {
                // It is an input, as it was made of one.
                let input = S::into_input(request);
                Err(input.map_or(TrySendError::Stream(StreamError::Closed), TrySendError::Full))
            }
        }
    }

    pub(super) fn poll_flush(
        &mut self,
        open: &Open,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), StreamError<S::Error>>> {
        ready!(self.poll_ready(open, cx))?;
        self.flush(open);
        open.channel.poll_sent(cx).map_err(|Over(how)| open.over(how))
    }

    pub(super) fn poll_close(
        &mut self,
        open: &Open,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), StreamError<S::Error>>> {
        ready!(self.poll_ready(open, cx))?;
        open.channel.finish(kind::OVER, Vec::new());
        open.channel.flush();
        Poll::Ready(Ok(()))
    }

    pub(super) async fn send(
        &mut self,
        open: &Open,
        input: S::Input,
    ) -> Result<(), StreamError<S::Error>> {
        poll_fn(|cx| self.poll_ready(open, cx)).await?;
        self.start_send(open, input)?;
        poll_fn(|cx| self.poll_flush(open, cx)).await
    }
}

/// The half of a [stream](crate::StreamHandle) that sends inputs.
///
/// It is a [`Sink`] of them. Dropping it finishes the input; what it has not sent by then, because the
/// stream is behind, is lost.
pub struct StreamSender<S: StreamMessages> {
    open: Arc<Open>,
    sending: Sending<S>,
}

impl<S: StreamMessages> StreamSender<S> {
    pub(super) fn new(open: Arc<Open>, sending: Sending<S>) -> Self {
        Self { open, sending }
    }

    /// As [`StreamHandle::send`](crate::StreamHandle::send).
    #[doc(alias = "write")]
    pub async fn send(&mut self, input: S::Input) -> Result<(), StreamError<S::Error>> {
        self.sending.send(&self.open, input).await
    }

    /// As [`StreamHandle::try_send`](crate::StreamHandle::try_send).
    pub fn try_send(&mut self, input: S::Input) -> Result<(), TrySendError<S::Input, S::Error>> {
        self.sending.try_send(&self.open, input)
    }

    /// As [`StreamHandle::finish`](crate::StreamHandle::finish).
    #[doc(alias("end", "close"))]
    pub async fn finish(&mut self) -> Result<(), StreamError<S::Error>> {
        poll_fn(|cx| self.sending.poll_close(&self.open, cx)).await
    }

    /// As [`StreamHandle::is_closed`](crate::StreamHandle::is_closed).
    pub fn is_closed(&self) -> bool {
        self.open.is_closed()
    }
}

impl<S: StreamMessages> Sink<S::Input> for StreamSender<S> {
    type Error = StreamError<S::Error>;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        let Self { open, sending } = &mut *self;
        sending.poll_ready(open, cx)
    }

    fn start_send(mut self: Pin<&mut Self>, input: S::Input) -> Result<(), Self::Error> {
        let Self { open, sending } = &mut *self;
        sending.start_send(open, input)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        let Self { open, sending } = &mut *self;
        sending.poll_flush(open, cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        let Self { open, sending } = &mut *self;
        sending.poll_close(open, cx)
    }
}

impl<S: StreamMessages> Drop for StreamSender<S> {
    fn drop(&mut self) {
        if !fork::is_fork() {
            self.open.channel.finish(kind::OVER, Vec::new());
            self.open.channel.flush();
        }
    }
}

impl<S: StreamMessages> fmt::Debug for StreamSender<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamSender").field("closed", &self.is_closed()).finish_non_exhaustive()
    }
}
