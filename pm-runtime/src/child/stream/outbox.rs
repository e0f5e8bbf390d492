use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;

use crate::child::inbox::Inbox;
use crate::error::{EncodeError, OutboxClosed};
use crate::stream::{Carrier, Channel};
use crate::wire::codec;
use crate::wire::message::{Refusal, from_worker};

/// Where a stream's code sends its outputs.
///
/// It is a cheap handle: tasks and threads that a stream starts can have clones of it, and send
/// outputs that no input asked for. The stream is over when its input is, its
/// [`end`](crate::StreamWorker::end) has returned, and the last clone is dropped.
///
/// ```
/// use pm_runtime::{Outbox, OutboxClosed, StreamWorker, worker_stream};
/// use std::time::Duration;
///
/// /// Ticks, until nobody listens.
/// #[worker_stream(workers = 1)]
/// #[derive(Default)]
/// pub struct Clock;
///
/// impl StreamWorker for Clock {
///     type Input = ();
///     type Output = u32;
///     type Error = OutboxClosed;
///
///     async fn open(&mut self, out: &Outbox<u32>) -> Result<(), OutboxClosed> {
///         let out = out.clone();
///         std::thread::spawn(move || {
///             for tick in 0.. {
///                 if out.send_blocking(tick).is_err() {
///                     return;
///                 }
///                 std::thread::sleep(Duration::from_millis(1));
///             }
///         });
///         Ok(())
///     }
///
///     async fn write(&mut self, (): (), _: &Outbox<u32>) -> Result<(), OutboxClosed> {
///         Ok(())
///     }
/// }
///
/// #[pm_runtime::main]
/// async fn main() -> Result<(), pm_runtime::Error> {
///     let mut clock = ClockPool::new().create_stream().await?;
///     assert_eq!(clock.next().await, Some(Ok(0)));
///     assert_eq!(clock.next().await, Some(Ok(1)));
///     Ok(())
/// }
/// ```
pub struct Outbox<T> {
    outlet: Arc<Outlet>,
    encode: Encode<T>,
}

/// Encodes an output, and gives it back.
pub(super) type Encode<T> = fn(T) -> (Result<Vec<u8>, EncodeError>, Option<T>);

/// The way out of a stream. With the last holder its outputs are over.
pub(crate) struct Outlet {
    pub(super) id: u64,
    pub(super) channel: Arc<Channel>,
    pub(super) inbox: Arc<Inbox>,
}

impl<T> Outbox<T> {
    pub(super) fn new(outlet: Arc<Outlet>, encode: Encode<T>) -> Self {
        Self { outlet, encode }
    }

    /// Sends an output; waits while the reader is behind by more than the stream's window.
    ///
    /// An output that cannot be encoded, or is larger than `max_frame`, ends the stream: its reader
    /// gets the error.
    ///
    /// # Errors
    ///
    /// Nobody takes outputs any more.
    #[doc(alias = "write")]
    pub async fn send(&self, output: T) -> Result<(), OutboxClosed> {
        let (mut message, _) = self.encoded(output)?;
        let channel = &self.outlet.channel;
        let sent = poll_fn(|cx| channel.poll_send(&mut message, Some(cx))).await;
        sent.map_err(|_| OutboxClosed)?;
        self.flush();
        Ok(())
    }

    /// Sends an output, and blocks the thread while the reader is behind: for threads of the
    /// stream's own. In the stream's code use [`send`](Self::send): it shares its thread with other
    /// streams, and with what takes outputs to the reader.
    ///
    /// # Errors
    ///
    /// Nobody takes outputs any more.
    pub fn send_blocking(&self, output: T) -> Result<(), OutboxClosed> {
        smol::future::block_on(self.send(output))
    }

    /// Sends an output if there is room. `Some`: there is none, and the output comes back.
    ///
    /// # Errors
    ///
    /// Nobody takes outputs any more.
    pub fn try_send(&self, output: T) -> Result<Option<T>, OutboxClosed> {
        let (mut message, output) = self.encoded(output)?;
        match self.outlet.channel.poll_send(&mut message, None) {
            Poll::Ready(Ok(())) => {
                self.flush();
                Ok(None)
            }
            Poll::Ready(Err(_)) => Err(OutboxClosed),
            Poll::Pending => Ok(output),
        }
    }

    /// Nobody takes outputs any more.
    pub fn is_closed(&self) -> bool {
        self.outlet.channel.is_over()
    }

    /// Ends the stream behind what was sent: the reader hears that it is over, and the stream's code
    /// is dropped where it next waits.
    pub fn close(&self) {
        self.outlet.close(from_worker::CLOSED, Vec::new());
    }

    fn encoded(&self, output: T) -> Result<(Vec<u8>, Option<T>), OutboxClosed> {
        let limit = self.outlet.channel.limit();
        let (encoded, output) = (self.encode)(output);
        let refusal = match encoded {
            Ok(message) if message.len() <= limit => return Ok((message, output)),
            Ok(message) => Refusal::TooLarge { size: message.len() as u64 },
            Err(error) => Refusal::Encode(error.note()),
        };
        self.outlet.close(from_worker::REFUSED, codec::encode(&refusal).unwrap_or_default());
        Err(OutboxClosed)
    }

    /// Has the pool see what was sent by now: for code on the thread of the streams, which does that
    /// anyway when it has run what there is to run.
    pub(super) fn show(&self) {
        let inbox = &self.outlet.inbox;
        if let Some(streams) = &inbox.streams {
            inbox.show_streams(streams);
            streams.shown_soon.store(true, Ordering::SeqCst);
        }
    }

    pub(super) fn flush(&self) {
        self.outlet.inbox.clone().flush();
    }
}

impl Outlet {
    /// Says this behind all outputs, unless something was said already.
    pub(super) fn close(&self, kind: u8, bytes: Vec<u8>) {
        if self.channel.finish(kind, bytes) {
            if let Some(streams) = &self.inbox.streams {
                drop(streams.hub.leave(self.id));
            }
            self.inbox.lift_limits_of_stream();
            self.inbox.clone().flush();
            // There is room for another one.
            self.inbox.wake_executor();
        }
    }
}

impl Drop for Outlet {
    fn drop(&mut self) {
        self.close(from_worker::CLOSED, Vec::new());
    }
}

impl<T> Clone for Outbox<T> {
    fn clone(&self) -> Self {
        Self { outlet: self.outlet.clone(), encode: self.encode }
    }
}

impl<T> fmt::Debug for Outbox<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox").field("closed", &self.is_closed()).finish_non_exhaustive()
    }
}
