use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};

use smol::lock::Mutex;

use crate::child::inbox::Inbox;
use crate::error::RawError;
use crate::stream::{Batch, Carrier, Channel, Over, Taken};

/// What a worker speaks with its pool through, before it has a type.
pub struct RawChannel {
    pub(super) inbox: Arc<Inbox>,
    channel: Arc<Channel>,
    /// What has come and was not asked for; whoever waits for the next message has it.
    unread: Mutex<Batch>,
}

impl RawChannel {
    pub(super) fn new(inbox: Arc<Inbox>, channel: Arc<Channel>) -> Self {
        Self { inbox, channel, unread: Mutex::default() }
    }

    /// The next message, as `read` has it. `None`: no more will come.
    pub(super) async fn recv<T>(&self, read: impl Fn(&[u8]) -> T) -> Option<T> {
        let mut unread = self.unread.lock().await;
        let next = |cx: &mut Context<'_>| loop {
            if let Some(message) = unread.next() {
                let message = read(message);
                self.channel.read(&mut unread);
                return Poll::Ready(Some(message));
            }
            match self.take(&mut unread, cx) {
                Taken::Some => {}
                Taken::Later => return Poll::Pending,
                Taken::Over(_) => return Poll::Ready(None),
            }
        };
        poll_fn(next).await
    }

    /// Takes what has come, or looks for it; then the task is woken when it comes.
    fn take(&self, unread: &mut Batch, cx: &mut Context<'_>) -> Taken {
        match self.channel.poll_take(unread, None) {
            Taken::Later => {}
            taken => return taken,
        }
        self.inbox.look_for_raw();
        self.channel.poll_take(unread, Some(cx))
    }

    pub(super) async fn send(&self, message: Vec<u8>) -> Result<(), RawError> {
        let sent = self.channel.send(self.measured(message)?).await;
        self.sent(sent)
    }

    pub(super) fn try_send(&self, message: Vec<u8>) -> Result<(), RawError> {
        let mut message = self.measured(message)?;
        match self.channel.poll_send(&mut message, None) {
            Poll::Ready(sent) => self.sent(sent),
            Poll::Pending => Err(RawError::Full),
        }
    }

    fn measured(&self, message: Vec<u8>) -> Result<Vec<u8>, RawError> {
        let (size, limit) = (message.len(), self.channel.limit());
        if size > limit {
            return Err(RawError::TooLarge { size, limit });
        }
        Ok(message)
    }

    fn sent(&self, sent: Result<(), Over>) -> Result<(), RawError> {
        // Nobody ends it on this side, so that the pool is gone.
        sent.map_err(|_| RawError::Closed)?;
        self.inbox.clone().flush();
        Ok(())
    }

    /// Nobody takes messages any more: what comes is thrown away.
    pub(super) fn discard(&self) {
        if let Some(mut unread) = self.unread.try_lock() {
            self.channel.discard(&mut unread);
        }
    }
}
