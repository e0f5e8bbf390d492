use std::fmt;
use std::future::Future;
use std::hash::Hash;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::{Open, StreamHandle};
use crate::child::stream::StreamMessages;
use crate::error::{QueryError, StreamError};
use crate::pool::{Call, Handles, Worker};
use crate::stream::Channel;
use crate::supervisor::QueryKey;
use crate::wire::bulk::Parcel;
use crate::wire::codec;

/// A stream, not yet open: a future of its handle.
///
/// Its opening message is encoded. It is submitted when it is first polled, or by
/// [`wait`](Self::wait), waits for a worker as a query does, and resolves when the stream's
/// [`open`](crate::StreamWorker::open) has returned. Dropping it cancels it.
#[must_use = "a stream is opened when this is awaited"]
pub struct Opening<S: StreamMessages> {
    call: Call<Parcel>,
    handles: Arc<Handles>,
    channel: Arc<Channel>,
    stream: std::marker::PhantomData<fn() -> S>,
}

impl<S: StreamMessages> Opening<S> {
    pub(in crate::pool) fn new(handles: Arc<Handles>, request: Result<Parcel, QueryError>) -> Self {
        let options = &handles.shared().options;
        let channel = Arc::new(Channel::new(options.window, options.max_frame));
        let take = |answer: &mut Parcel| Ok(std::mem::take(answer));
        let call = Call::of_stream(handles.clone(), request, take, channel.clone());
        Self { call, handles, channel, stream: std::marker::PhantomData }
    }

    fn told(mut self, wish: impl FnOnce(Call<Parcel>) -> Call<Parcel>) -> Self {
        self.call = wish(self.call);
        self
    }

    /// Another `timeout` than the pool's: how long the stream's
    /// [`open`](crate::StreamWorker::open) may take. `None`: no limit. An open stream has none.
    pub fn timeout(self, timeout: impl Into<Option<Duration>>) -> Self {
        self.told(|call| call.timeout(timeout))
    }

    /// Another `queue_timeout` than the pool's: how long it may wait for a worker. `None`: no
    /// limit.
    pub fn queue_timeout(self, timeout: impl Into<Option<Duration>>) -> Self {
        self.told(|call| call.queue_timeout(timeout))
    }

    /// Fails with [`QueueFull`](StreamError::QueueFull) where it would have to wait for a place in
    /// the queue.
    pub fn immediate(self) -> Self {
        self.told(Call::immediate)
    }

    /// Opens it in a worker of its own, which no other stream can reach and which is gone
    /// afterwards; its crash does not count against the pool.
    pub fn temporary(self) -> Self {
        self.told(Call::temporary)
    }

    /// Opens it in this worker. It fails with [`WorkerGone`](StreamError::WorkerGone) once the
    /// worker is released or dead.
    pub fn on(self, worker: &Worker) -> Self {
        self.told(|call| call.on(worker))
    }

    /// Opens it where the last stream with the same key was opened, as long as that worker lives.
    pub fn key<K: Hash + ?Sized>(self, key: &K) -> Self {
        self.told(|call| call.key(key))
    }

    /// Opens it in a process even where [`set_disabled`](crate::set_disabled) has put its pool's
    /// workers into threads.
    pub fn force(self) -> Self {
        self.told(Call::force)
    }

    /// Waits until it is open, for callers without async. It blocks the thread.
    #[doc(alias("join", "result"))]
    pub fn wait(self) -> Result<StreamHandle<S>, StreamError<S::Error>> {
        smol::future::block_on(self)
    }
}

impl<S: StreamMessages> Future for Opening<S> {
    type Output = Result<StreamHandle<S>, StreamError<S::Error>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let opening = &mut *self;
        let answer = ready!(Pin::new(&mut opening.call).poll(cx))?;
        let shared = opening.handles.shared();
        if !answer.value().is_empty() {
            // What an opening answers is why there is no stream.
            let refused = codec::decode(answer.value()).map(S::into_result);
            return Poll::Ready(Err(match refused {
                Ok(Err(error)) => StreamError::Refused(error),
                // It cannot be an output.
                Ok(Ok(_)) => StreamError::Closed,
                Err(error) => shared.unread(error).into(),
            }));
        }
        let Some(key) = opening.channel.id().map(QueryKey::from_wire) else {
            return Poll::Ready(Err(StreamError::Cancelled));
        };
        let worker = shared.look(|state| {
            let id = state.core.runs_at(key)?;
            state.worker(id).cloned()
        });
        let open = Open {
            handles: opening.handles.clone(),
            key,
            channel: opening.channel.clone(),
            worker,
        };
        Poll::Ready(Ok(StreamHandle::new(Arc::new(open))))
    }
}

impl<S: StreamMessages> fmt::Debug for Opening<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opening").field("call", &self.call).finish()
    }
}
