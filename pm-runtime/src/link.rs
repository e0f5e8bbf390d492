//! The pool's end of a worker's link: the control socket, the data socket and, where there is any,
//! shared memory for the queries themselves.

mod memory;

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, TryLockError};
use std::time::Duration;

use crate::conduct::Conduct;
use crate::sync::lock;
use crate::transport::memory::{Heard, Region};
use crate::transport::payload::{Parts, Payload};
use crate::transport::socket::{self, Gone, Outbox, Read, Wait};
use crate::wire::frame::{Assembler, Frame, FrameError, Header};
use crate::wire::handshake;
use crate::wire::message::{FromWorker, NONE, to_worker};
use memory::Memory;

/// What a worker has said; what makes no sense is the last of it that counts.
pub(crate) type Word = Result<FromWorker, FrameError>;

/// How a link is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    /// What has come through the memory, unless somebody is at it; of the socket only what comes
    /// before that.
    Glance,
    /// The same, after whoever is at it.
    Memory,
    /// All that has come.
    Everything,
}

/// The pool's end of a link.
pub(crate) struct Link {
    control: OwnedFd,
    data: OwnedFd,
    outbox: Mutex<Outbox>,
    /// There is something in it.
    unsent: AtomicBool,
    inbox: Mutex<Inbox>,
    replies: Mutex<Assembler>,
    memory: Option<Memory>,
    /// How long the worker believes that a query may run.
    timeout: Option<Duration>,
}

/// Room for so many words stays with a link.
const KEPT: usize = 64;

/// What is read: who reads has it.
struct Inbox {
    assembler: Assembler,
    /// Room for what was read last, to be used again.
    heard: Vec<Heard>,
    words: Vec<Word>,
}

/// The worker's end of a link, before it is handed over.
pub(crate) struct FarEnd {
    pub(crate) control: OwnedFd,
    pub(crate) data: OwnedFd,
    pub(crate) memory: Option<OwnedFd>,
}

/// A query for a worker.
pub(crate) struct Handing<'a, P> {
    pub(crate) id: u64,
    pub(crate) request: &'a Arc<P>,
    pub(crate) conduct: Conduct,
    pub(crate) timeout: Option<Duration>,
}

impl Link {
    /// `longest` is the longest payload that the worker may send, `slots` how many queries fit
    /// into shared memory: none, if it is 0, or if the system refuses the memory.
    pub(crate) fn new(
        longest: u32,
        concurrency: u32,
        slots: usize,
        timeout: Option<Duration>,
    ) -> Result<(Self, FarEnd), rustix::io::Errno> {
        let (control, far_control) = socket::pair()?;
        let (data, far_data) = socket::pair()?;
        socket::refuse_descriptors(control.as_fd());
        socket::refuse_descriptors(data.as_fd());
        let (region, memory) = match slots {
            0 => None,
            slots => Region::create(slots).ok(),
        }
        .unzip();
        let link = Self {
            control,
            data,
            outbox: Mutex::default(),
            unsent: AtomicBool::new(false),
            inbox: Mutex::new(Inbox {
                assembler: Assembler::new(longest),
                heard: Vec::new(),
                words: Vec::new(),
            }),
            replies: Mutex::new(Assembler::new(handshake::LIMIT)),
            memory: region.map(|region| Memory::new(Arc::new(region), longest, concurrency)),
            timeout,
        };
        Ok((link, FarEnd { control: far_control, data: far_data, memory }))
    }

    pub(crate) fn control(&self) -> BorrowedFd<'_> {
        self.control.as_fd()
    }

    pub(crate) fn data(&self) -> BorrowedFd<'_> {
        self.data.as_fd()
    }

    /// The queries go through shared memory.
    pub(crate) fn has_memory(&self) -> bool {
        self.memory.is_some()
    }

    /// Says hello, and hands the worker its ends of the data socket and of the memory.
    pub(crate) fn greet(&self, hello: &[u8], far: &FarEnd) -> Result<(), Gone> {
        let memory = far.memory.as_ref().map(AsFd::as_fd);
        let descriptors = [Some(far.data.as_fd()), memory];
        let descriptors: Vec<_> = descriptors.into_iter().flatten().collect();
        socket::send_with_descriptors(self.control(), hello, &descriptors)
    }

    /// Puts a query into the outbox; [`flush`](Self::flush) sends it.
    pub(crate) fn hand(&self, handing: Handing<'_, impl Parts + Send + Sync + 'static>) {
        if let Some(memory) = &self.memory {
            return memory.hand(handing);
        }
        let Handing { id, request, timeout, .. } = handing;
        if timeout != self.timeout {
            self.push(to_worker::TIMEOUT, nanos(timeout), None);
        }
        self.push(to_worker::QUERY, id, Some(request.clone()));
    }

    /// Takes a query back at once, if it has not begun. `None`: the worker has to be asked.
    pub(crate) fn take_back(&self, id: u64) -> Option<bool> {
        self.memory.as_ref().map(|memory| memory.take_back(id))
    }

    /// Lets no query begin any more, and says what runs. `None`: the worker has to be told.
    pub(crate) fn shut_gate(&self) -> Option<Vec<u64>> {
        self.memory.as_ref().map(Memory::shut_gate)
    }

    /// Lets queries begin again. `false`: the worker has to be told.
    pub(crate) fn open_gate(&self) -> bool {
        self.memory.as_ref().map(Memory::open_gate).is_some()
    }

    /// Puts a frame into the outbox; [`flush`](Self::flush) sends it.
    pub(crate) fn push(&self, kind: u8, id: u64, payload: Option<Payload>) {
        let length = payload.as_ref().map_or(0, |payload| payload.length()) as u32;
        let mut outbox = lock(&self.outbox);
        outbox.push(Header { length, kind, id }, payload);
        self.unsent.store(true, Ordering::Release);
    }

    /// Sends what is in the outbox; `false`: some of it has to wait until the socket is writable.
    ///
    /// A worker that is gone takes everything; what becomes of it shows at the worker's death.
    pub(crate) fn flush(&self) -> bool {
        if let Some(memory) = &self.memory
            && memory.flush()
        {
            self.ring_socket();
        }
        self.flush_socket()
    }

    /// Wakes a worker that waits for its socket. What could not be sent yet is as good as a bell:
    /// the socket is full before it, and a worker that never reads costs no more than that.
    fn ring_socket(&self) {
        let mut outbox = lock(&self.outbox);
        // Under the lock: otherwise all of it could be sent, and read, by now.
        if outbox.is_empty() {
            outbox.push(Header { length: 0, kind: to_worker::BELL, id: 0 }, None);
            self.unsent.store(true, Ordering::Release);
        }
        drop(outbox);
        self.flush_socket();
    }

    fn flush_socket(&self) -> bool {
        if !self.has_backlog() {
            return true;
        }
        let mut outbox = lock(&self.outbox);
        let is_gone = outbox.flush(self.data()).is_err();
        self.unsent.store(!outbox.is_empty(), Ordering::Release);
        is_gone || outbox.is_empty()
    }

    /// Something could not be sent yet.
    pub(crate) fn has_backlog(&self) -> bool {
        self.unsent.load(Ordering::Acquire)
    }

    /// Makes even a busy worker look at what it was sent.
    pub(crate) fn ring(&self) {
        // A worker that is gone needs no bell.
        let _ = socket::ring(self.control(), &[0]);
    }

    /// Reads what has arrived, or some of it; `handle` gets the words while nobody else can read,
    /// so that they stay in order. `moved`: some of a long message was read or written.
    pub(crate) fn read(
        &self,
        reading: Reading,
        moved: &mut bool,
        handle: impl FnOnce(&mut Vec<Word>),
    ) -> Result<Read, FrameError> {
        let mut inbox = match reading {
            Reading::Memory | Reading::Everything => lock(&self.inbox),
            Reading::Glance => match self.inbox.try_lock() {
                Ok(inbox) => inbox,
                Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                Err(TryLockError::WouldBlock) => return Ok(Read::Empty),
            },
        };
        let Inbox { assembler, heard, words } = &mut *inbox;
        let mut read_socket =
            |frames: &mut Vec<Frame>| socket::read(self.data(), assembler, frames, Wait::No);
        let read = match &self.memory {
            Some(memory) => {
                let all = reading == Reading::Everything;
                memory.read(heard, words, all, moved, || self.ring_socket(), read_socket)
            }
            None => {
                let mut frames = Vec::new();
                let read = read_socket(&mut frames);
                words.extend(frames.into_iter().map(FromWorker::try_from));
                read
            }
        };
        // What came before a fault counts.
        if !words.is_empty() {
            handle(words);
        }
        words.clear();
        // A burst keeps no memory.
        words.shrink_to(KEPT);
        heard.shrink_to(KEPT);
        read
    }

    /// The rest of a frame is still to come.
    pub(crate) fn is_amid_frame(&self) -> bool {
        lock(&self.inbox).assembler.is_amid_frame()
    }

    /// What has begun, as the memory shows it, and was not told.
    pub(crate) fn begun(&self) -> Vec<Word> {
        self.memory.as_ref().map(Memory::begun).unwrap_or_default()
    }

    /// Has the worker ring when something comes through the memory. `false`: something has.
    pub(crate) fn sleep(&self) -> bool {
        self.memory.as_ref().is_none_or(Memory::sleep)
    }

    /// Something has come through the memory.
    pub(crate) fn has_news(&self) -> bool {
        self.memory.as_ref().is_some_and(Memory::has_news)
    }

    /// Somebody looks for what comes through the memory; the worker need not ring.
    pub(crate) fn attend(&self) {
        if let Some(memory) = &self.memory {
            memory.attend();
        }
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

/// A timeout, as it travels.
fn nanos(timeout: Option<Duration>) -> u64 {
    timeout.and_then(|timeout| u64::try_from(timeout.as_nanos()).ok()).unwrap_or(NONE)
}
