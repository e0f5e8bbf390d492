//! The pool's end of a worker's link: the control socket and the data socket.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Mutex, TryLockError};

use crate::sync::lock;
use crate::transport::socket::{self, Gone, Outbox, Payload, Read, Wait};
use crate::wire::frame::{Assembler, Frame, FrameError, Header};
use crate::wire::handshake;

/// The pool's end of a link.
pub(crate) struct Link {
    control: OwnedFd,
    data: OwnedFd,
    outbox: Mutex<Outbox>,
    inbox: Mutex<Assembler>,
    replies: Mutex<Assembler>,
}

/// The worker's end of a link, before it is handed over.
pub(crate) struct FarEnd {
    pub(crate) control: OwnedFd,
    pub(crate) data: OwnedFd,
}

impl Link {
    /// `longest` is the longest payload that the worker may send.
    pub(crate) fn new(longest: u32) -> Result<(Self, FarEnd), rustix::io::Errno> {
        let (control, far_control) = socket::pair()?;
        let (data, far_data) = socket::pair()?;
        socket::refuse_descriptors(control.as_fd());
        socket::refuse_descriptors(data.as_fd());
        let link = Self {
            control,
            data,
            outbox: Mutex::default(),
            inbox: Mutex::new(Assembler::new(longest)),
            replies: Mutex::new(Assembler::new(handshake::LIMIT)),
        };
        Ok((link, FarEnd { control: far_control, data: far_data }))
    }

    pub(crate) fn control(&self) -> BorrowedFd<'_> {
        self.control.as_fd()
    }

    pub(crate) fn data(&self) -> BorrowedFd<'_> {
        self.data.as_fd()
    }

    /// Says hello, and hands the worker its end of the data socket.
    pub(crate) fn greet(&self, hello: &[u8], data: BorrowedFd<'_>) -> Result<(), Gone> {
        socket::send_with_descriptor(self.control(), hello, data)
    }

    /// Puts a frame into the outbox; [`flush`](Self::flush) sends it.
    pub(crate) fn push(&self, kind: u8, id: u64, payload: Option<Payload>) {
        let length = payload.as_ref().map_or(0, |payload| (**payload).as_ref().len()) as u32;
        lock(&self.outbox).push(Header { length, kind, id }, payload);
    }

    /// Sends what is in the outbox; `false`: some of it has to wait until the socket is writable.
    ///
    /// A worker that is gone takes everything; what becomes of it shows at the worker's death.
    pub(crate) fn flush(&self) -> bool {
        let mut outbox = lock(&self.outbox);
        outbox.flush(self.data()).is_err() || outbox.is_empty()
    }

    /// Something could not be sent yet.
    pub(crate) fn has_backlog(&self) -> bool {
        !lock(&self.outbox).is_empty()
    }

    /// Makes even a busy worker look at what it was sent.
    pub(crate) fn ring(&self) {
        // A worker that is gone needs no bell.
        let _ = socket::ring(self.control(), &[0]);
    }

    /// Reads what has arrived, or some of it, unless somebody is at it; `handle` gets the frames
    /// while nobody else can read, so that they stay in order.
    pub(crate) fn read(
        &self,
        wait_for_lock: bool,
        handle: impl FnOnce(&mut Vec<Frame>),
    ) -> Result<Read, FrameError> {
        let mut inbox = match wait_for_lock {
            true => lock(&self.inbox),
            false => match self.inbox.try_lock() {
                Ok(inbox) => inbox,
                Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                Err(TryLockError::WouldBlock) => return Ok(Read::Empty),
            },
        };
        let mut frames = Vec::new();
        let read = socket::read(self.data(), &mut inbox, &mut frames, Wait::No);
        // What came before a fault counts.
        if !frames.is_empty() {
            handle(&mut frames);
        }
        read
    }

    /// The rest of a frame is still to come.
    pub(crate) fn is_amid_frame(&self) -> bool {
        lock(&self.inbox).is_amid_frame()
    }

    /// Reads from the control socket.
    pub(crate) fn read_control(&self, frames: &mut Vec<Frame>) -> Result<Read, FrameError> {
        socket::read(self.control(), &mut lock(&self.replies), frames, Wait::No)
    }

    /// Ends the link for both sides.
    pub(crate) fn end(&self) {
        socket::end(&self.data);
        socket::end(&self.control);
    }
}
