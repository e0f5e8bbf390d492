use std::fmt;
use std::future::poll_fn;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_core::{FusedStream, Stream};

use super::Open;
use crate::child::stream::StreamMessages;
use crate::error::StreamError;
use crate::process::fork;
use crate::stream::{Batch, Taken};
use crate::wire::codec;
use crate::worker::Worker;

/// After so many turns in vain the next ones are not given; and after so many of those one is.
const ALONE: u8 = 4;
const PROBE: u8 = 20;

/// Where more messages than these come at once, nobody waits for each.
const FEW: u32 = 2;

/// What a stream gives.
type Item<S> =
    Result<<S as crate::StreamWorker>::Output, StreamError<<S as crate::StreamWorker>::Error>>;

/// The receiving side of a stream, beside what owns it.
pub(super) struct Receiving<S> {
    batch: Batch,
    /// Its end was told.
    over: bool,
    /// There was nothing, and its task has itself polled again; what its worker had been sent then.
    yielded: Option<u32>,
    /// How often in a row nothing more was sent meanwhile.
    alone: u8,
    /// Messages that came since there was nothing.
    got: u32,
    stream: PhantomData<fn() -> S>,
}

impl<S: StreamMessages> Receiving<S> {
    pub(super) fn new() -> Self {
        Self {
            batch: Batch::default(),
            over: false,
            yielded: None,
            alone: 0,
            got: 0,
            stream: PhantomData,
        }
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
        loop {
            if let Some(message) = self.batch.next() {
                self.got += 1;
                let item = read::<S>(message);
                open.channel.read(&mut self.batch);
                return Poll::Ready(Some(item.map_err(|error| match error {
                    Ok(failed) => StreamError::Failed(failed),
                    Err(error) => {
                        self.over = true;
                        open.handles.shared().unread(error).into()
                    }
                })));
            }
            match self.take(open, cx) {
                Taken::Some => {}
                Taken::Later => return Poll::Pending,
                Taken::Over(how) => {
                    self.over = true;
                    return Poll::Ready(how.err().map(|error| Err(error.into())));
                }
            }
        }
    }

    /// Takes what has come, or looks for it; then the task is woken when it comes.
    fn take(&mut self, open: &Open, cx: &mut Context<'_>) -> Taken {
        let Some(worker) = &open.worker else {
            // Its end is on its way.
            return open.channel.poll_take(&mut self.batch, Some(cx));
        };
        let taken = open.channel.poll_take(&mut self.batch, None);
        let Taken::Later = taken else {
            self.yielded = None;
            return taken;
        };
        let shared = open.handles.shared();
        let mut came = worker.read_news();
        let looks = !came && worker.is_lucky();
        let yields = looks && self.yields(worker);
        if looks {
            shared.lead_streams(worker);
            came = !yields && worker.look_for_pieces();
        }
        let taken = open.channel.poll_take(&mut self.batch, Some(cx));
        let nothing = matches!(taken, Taken::Later);
        self.yielded = (nothing && yields).then(|| worker.sent());
        if self.yielded.is_some() {
            cx.waker().wake_by_ref();
        } else if nothing && !(came && worker.is_led()) {
            shared.end_streams_lead(worker);
        }
        taken
    }

    /// Whether others of its task are to have their turn first, which may want to send something. Where
    /// that was in vain for a few times, only now and then.
    fn yields(&mut self, worker: &Worker) -> bool {
        self.alone = match self.yielded {
            _ if self.got > FEW => 0,
            Some(then) if then == worker.sent() => (self.alone + 1).min(ALONE),
            Some(_) => 0,
            None if self.alone >= PROBE => ALONE - 1,
            None if self.alone >= ALONE => self.alone + 1,
            None => self.alone,
        };
        self.got = 0;
        self.yielded.is_none() && self.alone < ALONE
    }

    pub(super) fn discard(&mut self, open: &Open) {
        open.channel.discard(&mut self.batch);
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
