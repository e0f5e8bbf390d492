//! What has come of a stream, and is not read.

use std::task::Waker;

use super::flow::{Grant, Intake};
use crate::options::Window;
use crate::transport::memory::PIECE;
use crate::transport::piece::Piece;
use crate::wire::frame::FrameError;

/// Messages that were taken from a channel at once.
#[derive(Default)]
pub(crate) struct Batch {
    bytes: Vec<u8>,
    at: usize,
    /// What was read of it, and the channel does not know.
    read: Grant,
}

/// Bytes in front of a message.
const LENGTH: usize = 4;

/// So much memory a stream keeps while nothing comes.
const KEPT: usize = 256;

impl Batch {
    /// The next message.
    pub(crate) fn next(&mut self) -> Option<&[u8]> {
        let (length, rest) = self.bytes.get(self.at..)?.split_first_chunk::<LENGTH>()?;
        let length = u32::from_ne_bytes(*length) as usize;
        self.at += LENGTH + length;
        self.read.add(length);
        rest.get(..length)
    }

    /// Takes what was read of it, if that is enough to be told of; `all`: however little. What is used
    /// up is: nobody knows when its reader asks for more, and in a small window that is all there is.
    pub(super) fn take_read(&mut self, all: bool) -> Option<Grant> {
        const SOME: u64 = 64;
        let is_used_up = self.at >= self.bytes.len();
        let enough =
            all || is_used_up || self.read.messages >= SOME || self.read.bytes >= PIECE as u64;
        enough.then(|| std::mem::take(&mut self.read))
    }
}

/// One direction of a stream, at its end.
pub(super) struct Incoming {
    /// Whole messages, each behind its length.
    messages: Vec<u8>,
    /// What has come of the next one, and how much that was.
    partial: Vec<u8>,
    partial_size: usize,
    pub(super) intake: Intake,
    /// The other side sends no more.
    pub(super) over: bool,
    /// Nobody reads any more: what comes is thrown away.
    pub(super) unread: bool,
    pub(super) reader: Option<Waker>,
}

impl Incoming {
    pub(super) fn new(window: Window) -> Self {
        Self {
            messages: Vec::new(),
            partial: Vec::new(),
            partial_size: 0,
            intake: Intake::new(window),
            over: false,
            unread: false,
            reader: None,
        }
    }

    /// `Some`: the message is whole, and of this size.
    pub(super) fn take(
        &mut self,
        piece: &Piece<'_>,
        whole: bool,
        limit: usize,
    ) -> Result<Option<usize>, FrameError> {
        let size = self.partial_size + piece.body.len();
        if size > limit {
            let [length, limit] =
                [size, limit].map(|bytes| u32::try_from(bytes).unwrap_or(u32::MAX));
            return Err(FrameError::TooLong { length, limit });
        }
        self.intake.check(size).map_err(|_| FrameError::Window)?;
        self.partial_size = if whole { 0 } else { size };
        if !whole {
            if !self.unread {
                piece.body.append_to(&mut self.partial);
            }
            return Ok(None);
        }
        self.intake.received(size);
        if !self.unread {
            self.messages.extend_from_slice(&(size as u32).to_ne_bytes());
            self.messages.append(&mut self.partial);
            piece.body.append_to(&mut self.messages);
            self.partial.shrink_to(KEPT);
        }
        Ok(Some(size))
    }

    /// Moves all messages that are there into an empty batch. `false`: there are none.
    pub(super) fn move_into(&mut self, batch: &mut Batch) -> bool {
        batch.bytes.clear();
        batch.at = 0;
        std::mem::swap(&mut batch.bytes, &mut self.messages);
        !batch.bytes.is_empty()
    }

    /// Nothing is there: no more memory is kept than a little.
    pub(super) fn shrink(&mut self, batch: &mut Batch) {
        self.messages.shrink_to(KEPT);
        self.partial.shrink_to(KEPT);
        batch.bytes.shrink_to(KEPT);
    }

    /// Throws away what has come, and what will. What was read by that, with what is left of a batch.
    pub(super) fn discard(&mut self, batch: &mut Batch) -> Grant {
        let Batch { bytes, at, mut read } = std::mem::take(batch);
        for mut rest in [&bytes[at.min(bytes.len())..], &self.messages] {
            while let Some((length, behind)) = rest.split_first_chunk::<LENGTH>() {
                let length = u32::from_ne_bytes(*length) as usize;
                read.add(length);
                rest = behind.get(length..).unwrap_or_default();
            }
        }
        self.unread = true;
        self.messages = Vec::new();
        self.partial = Vec::new();
        read
    }
}
