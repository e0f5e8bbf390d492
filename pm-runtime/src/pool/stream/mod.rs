//! Streams, as applications hold them.

mod handle;
mod opening;
mod receiver;
mod sender;

use std::sync::Arc;

pub use handle::StreamHandle;
pub use opening::Opening;
pub use receiver::StreamReceiver;
pub use sender::StreamSender;

use super::Handles;
use crate::error::{QueryError, StreamError};
use crate::process::fork;
use crate::stream::{Channel, Wakes};
use crate::supervisor::QueryKey;
use crate::worker::Worker;

/// An open stream, which lives as long as one of its halves.
struct Open {
    handles: Arc<Handles>,
    key: QueryKey,
    channel: Arc<Channel>,
    /// `None`: it is gone already.
    worker: Option<Arc<Worker>>,
}

impl Open {
    /// Nothing more can be sent.
    fn is_closed(&self) -> bool {
        fork::is_fork() || self.channel.is_over()
    }

    /// Why nothing more can be sent.
    fn over<E>(&self, how: Result<(), QueryError>) -> StreamError<E> {
        how.map_or_else(StreamError::from, |()| StreamError::Closed)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if fork::is_fork() || self.channel.has_ended() {
            return;
        }
        let shared = self.handles.shared();
        shared.change(|state, now| state.core.cancel(self.key, now));
        let mut wakes = Wakes::default();
        self.channel.end(Err(QueryError::Cancelled), &mut wakes);
        wakes.wake();
    }
}
