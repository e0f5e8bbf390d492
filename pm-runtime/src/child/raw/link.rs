use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_core::Stream;

use super::{RawBytes, RawChannel, RawMessage, RawMessageOf};
use crate::error::RawError;
use crate::listener::{self, Listener};

/// The worker's end of what it speaks with its pool through: what a [`worker_raw`](crate::worker_raw)
/// function gets.
///
/// Messages are framed, come in order and none is lost as long as the worker lives. Each direction has
/// a window (the options `window` and `window_bytes`): who sends waits while the other side is behind by
/// so much. Without types they are bytes; `RawLink<In, Out>` receives `In` and sends `Out`, which are
/// any types that serde knows.
///
/// ```
/// use pm_runtime::{RawLink, worker_raw};
///
/// /// Answers each line with itself, and ends when the pool has nothing more to say.
/// #[worker_raw]
/// fn echo(link: RawLink) -> std::io::Result<()> {
///     while let Some(line) = link.recv_blocking()? {
///         link.send_blocking(&line)?;
///     }
///     Ok(())
/// }
///
/// #[pm_runtime::main]
/// async fn main() -> Result<(), pm_runtime::Error> {
///     let pool = EchoPool::new();
///     let worker = pool.spawn_one().await?;
///     worker.send(b"pikachu").await?;
///     assert_eq!(worker.recv().await?.as_deref(), Some(&b"pikachu"[..]));
///     pool.destroy().await;
///     assert_eq!(worker.recv().await?, None);
///     Ok(())
/// }
/// ```
pub struct RawLink<In = RawBytes, Out = RawBytes> {
    sender: RawSender<Out>,
    receiver: RawReceiver<In>,
}

impl<In, Out> RawLink<In, Out> {
    pub(crate) fn new(channel: RawChannel) -> Self {
        let channel = Arc::new(channel);
        Self {
            sender: RawSender { channel: channel.clone(), message: PhantomData },
            receiver: RawReceiver { channel, message: PhantomData },
        }
    }

    /// The worker's number in its pool: from 1; a replacement gets a new one.
    pub fn worker_id(&self) -> u64 {
        self.sender.channel.inbox.number
    }

    /// The first TCP socket that the pool was told of by
    /// [`listener`](crate::PoolBuilder::listener) or [`reuse_port`](crate::PoolBuilder::reuse_port).
    /// Each call gives another handle of it; `None` where there is none, and where this process may
    /// open no more descriptors.
    pub fn listener(&self) -> Option<TcpListener> {
        self.sender.channel.inbox.listeners.iter().find_map(Listener::tcp)
    }

    /// The same of Unix sockets.
    pub fn unix_listener(&self) -> Option<UnixListener> {
        self.sender.channel.inbox.listeners.iter().find_map(Listener::unix)
    }

    /// All of those sockets, in the order in which the pool was told of them.
    pub fn listeners(&self) -> Vec<Listener> {
        listener::others(&self.sender.channel.inbox.listeners)
    }

    /// Resolves when the worker is released: it ends well as soon as its function returns, and is
    /// killed if that has not happened when the pool's `grace` is over. It is the caller's own, for
    /// another task or for a `select!`.
    pub fn released(&self) -> Released {
        Released(Box::pin(self.sender.channel.inbox.released.clone()))
    }

    /// Whether the worker is released.
    pub fn is_released(&self) -> bool {
        self.sender.channel.inbox.released.is_closed()
    }

    /// Both directions apart, for two tasks or threads.
    pub fn split(self) -> (RawSender<Out>, RawReceiver<In>) {
        (self.sender, self.receiver)
    }
}

impl<In: RawMessage, Out> RawLink<In, Out> {
    /// The next message; `None` when the worker is released and all that was sent before was received.
    ///
    /// Where several wait at once, each message goes to one of them.
    ///
    /// # Errors
    ///
    /// [`Decode`](RawError::Decode): the message is no `In`. The next one may be.
    #[doc(alias("read", "next"))]
    pub async fn recv(&self) -> Result<Option<In::Received>, RawError> {
        self.receiver.recv().await
    }

    /// The same for code without async: it blocks the thread.
    pub fn recv_blocking(&self) -> Result<Option<In::Received>, RawError> {
        self.receiver.recv_blocking()
    }
}

impl<In, Out> RawLink<In, Out> {
    /// Sends a message; waits while the pool's side is behind by more than the window. The message is
    /// lent: a `&Out`, or where the link has no types whatever is bytes, such as `"done"` or `&reply`.
    ///
    /// # Errors
    ///
    /// [`TooLarge`](RawError::TooLarge) and [`Encode`](RawError::Encode) are about this message;
    /// [`Closed`](RawError::Closed): the pool is gone.
    #[doc(alias = "write")]
    pub async fn send<T: ?Sized>(&self, message: &T) -> Result<(), RawError>
    where
        Out: RawMessageOf<T>,
    {
        self.sender.send(message).await
    }

    /// The same for code without async: it blocks the thread.
    pub fn send_blocking<T: ?Sized>(&self, message: &T) -> Result<(), RawError>
    where
        Out: RawMessageOf<T>,
    {
        self.sender.send_blocking(message)
    }

    /// Sends a message if there is room for it now.
    ///
    /// # Errors
    ///
    /// [`Full`](RawError::Full) where there is none.
    pub fn try_send<T: ?Sized>(&self, message: &T) -> Result<(), RawError>
    where
        Out: RawMessageOf<T>,
    {
        self.sender.try_send(message)
    }
}

impl<In, Out> fmt::Debug for RawLink<In, Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawLink").field("worker", &self.worker_id()).finish_non_exhaustive()
    }
}

/// The half of a [`RawLink`] that sends: a cheap clone.
pub struct RawSender<Out = RawBytes> {
    channel: Arc<RawChannel>,
    message: PhantomData<fn(Out)>,
}

impl<Out> RawSender<Out> {
    /// As [`RawLink::send`].
    #[doc(alias = "write")]
    pub async fn send<T: ?Sized>(&self, message: &T) -> Result<(), RawError>
    where
        Out: RawMessageOf<T>,
    {
        self.channel.send(Out::encode(message)?).await
    }

    /// As [`RawLink::send_blocking`].
    pub fn send_blocking<T: ?Sized>(&self, message: &T) -> Result<(), RawError>
    where
        Out: RawMessageOf<T>,
    {
        smol::future::block_on(self.send(message))
    }

    /// As [`RawLink::try_send`].
    pub fn try_send<T: ?Sized>(&self, message: &T) -> Result<(), RawError>
    where
        Out: RawMessageOf<T>,
    {
        self.channel.try_send(Out::encode(message)?)
    }
}

impl<Out> Clone for RawSender<Out> {
    fn clone(&self) -> Self {
        Self { channel: self.channel.clone(), message: PhantomData }
    }
}

impl<Out> fmt::Debug for RawSender<Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawSender").finish_non_exhaustive()
    }
}

/// The half of a [`RawLink`] that receives. When it is dropped, what comes is thrown away.
pub struct RawReceiver<In = RawBytes> {
    channel: Arc<RawChannel>,
    message: PhantomData<fn() -> In>,
}

impl<In: RawMessage> RawReceiver<In> {
    /// As [`RawLink::recv`].
    #[doc(alias("read", "next"))]
    pub async fn recv(&self) -> Result<Option<In::Received>, RawError> {
        self.channel.recv(In::decode).await.transpose()
    }

    /// As [`RawLink::recv_blocking`].
    pub fn recv_blocking(&self) -> Result<Option<In::Received>, RawError> {
        smol::future::block_on(self.recv())
    }
}

impl<In> Drop for RawReceiver<In> {
    fn drop(&mut self) {
        self.channel.discard();
    }
}

impl<In> fmt::Debug for RawReceiver<In> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawReceiver").finish_non_exhaustive()
    }
}

/// Resolves when a worker is released: what [`RawLink::released`] gives.
#[must_use = "futures do nothing unless they are awaited"]
pub struct Released(Pin<Box<async_channel::Receiver<Infallible>>>);

impl Future for Released {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        // Nothing is ever sent: it comes to its end.
        self.0.as_mut().poll_next(cx).map(|_| ())
    }
}

impl fmt::Debug for Released {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Released").finish_non_exhaustive()
    }
}
