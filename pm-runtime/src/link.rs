//! The pool's end of a worker's link: the control socket, the data socket and, where there is any,
//! shared memory for the queries themselves.

mod memory;

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, TryLockError};
use std::time::Duration;

use crate::conduct::Terms;
use crate::stream::{Channel, Hub, Wakes};
use crate::sync::lock;
use crate::transport::memory::{Heard, Region, Shape, Side};
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
    /// Where queries open streams.
    streams: Option<Hub>,
    /// The worker adds nothing more.
    ended: AtomicBool,
    /// How long the worker believes that a query may run, in nanoseconds.
    timeout: u64,
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

/// The worker's end of a link, before it is handed over, but for its control socket.
pub(crate) struct FarEnd {
    pub(crate) data: OwnedFd,
    pub(crate) memory: Option<OwnedFd>,
    /// Where it writes what it logs, if anybody wants that.
    pub(crate) records: Option<OwnedFd>,
    /// Where it is to accept connections.
    pub(crate) listeners: Vec<OwnedFd>,
}

/// A query for a worker.
pub(crate) struct Handing<'a, P> {
    pub(crate) id: u64,
    pub(crate) request: &'a Arc<P>,
    pub(crate) terms: Terms,
    /// In nanoseconds; [`NONE`]: however long it takes.
    pub(crate) timeout: u64,
}

/// The two ends of a control socket, the pool's first.
pub(crate) fn control() -> Result<(OwnedFd, OwnedFd), rustix::io::Errno> {
    let (control, far) = socket::pair()?;
    socket::refuse_descriptors(control.as_fd());
    Ok((control, far))
}

impl Link {
    /// `longest` is the longest payload that the worker may send, `shape` what there has to be room for
    /// in shared memory: there is none, if it has no slots, or if the system refuses it.
    pub(crate) fn new(
        control: OwnedFd,
        longest: u32,
        concurrency: u32,
        shape: Shape,
        timeout: Option<Duration>,
    ) -> Result<(Self, FarEnd), rustix::io::Errno> {
        let (data, far_data) = socket::pair()?;
        socket::refuse_descriptors(data.as_fd());
        let (region, memory) = match shape.slots {
            0 => None,
            _ => Region::create(shape).ok(),
        }
        .unzip();
        let region = region.map(Arc::new);
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
            streams: shape.lanes.then(|| Hub::new(region.clone(), Side::Pool)),
            ended: AtomicBool::new(false),
            memory: region.map(|region| Memory::new(region, longest, concurrency)),
            timeout: nanos(timeout),
        };
        Ok((link, FarEnd { data: far_data, memory, records: None, listeners: Vec::new() }))
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

    /// Says hello, and hands the worker its ends of the data socket and of the memory. What becomes
    /// of one that is gone already shows at its death.
    pub(crate) fn greet(&self, hello: &[u8], far: &FarEnd) -> Result<(), Gone> {
        let FarEnd { data, memory, records, listeners } = far;
        let descriptors = std::iter::once(data).chain(memory).chain(records).chain(listeners);
        let descriptors: Vec<_> = descriptors.map(AsFd::as_fd).collect();
        socket::send_with_descriptors(self.control(), hello, &descriptors)
    }

    /// Puts a query into the outbox; [`flush`](Self::flush) sends it.
    pub(crate) fn hand(&self, handing: Handing<'_, impl Parts + Send + Sync + 'static>) {
        if let Some(memory) = &self.memory {
            return memory.hand(handing);
        }
        let Handing { id, request, terms, timeout } = handing;
        if timeout != self.timeout {
            self.push(to_worker::TIMEOUT, timeout, None);
        }
        if !terms.is_usual() {
            self.push(to_worker::TERMS, u64::from(terms.to_wire()), None);
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
        if let Some(streams) = &self.streams {
            streams.show();
        }
        if let Some(memory) = &self.memory
            && memory.flush()
        {
            self.ring_socket();
        }
        self.flush_socket()
    }

    /// Everything is posted, and the worker does not sleep. Streams may have something to show.
    pub(crate) fn is_awake(&self) -> bool {
        self.streams.is_none()
            && self.memory.as_ref().is_some_and(Memory::is_awake)
            && !self.has_backlog()
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
    /// so that they stay in order. `moved`: some of a long message was read or written, or something
    /// came for a stream; who waits for that is to be woken.
    pub(crate) fn read(
        &self,
        reading: Reading,
        moved: &mut bool,
        wakes: &mut Wakes,
        mut handle: impl FnMut(&mut Vec<Word>),
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
        // Before queries are looked at: what was said of a stream by now, its opening's end comes
        // before.
        let all = self.ended.load(Ordering::Relaxed);
        let said = self.streams.as_ref().map_or(Ok(0), |streams| streams.written(all));
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
                for frame in frames {
                    let taken = match &self.streams {
                        Some(streams) => streams.take_frame(frame, wakes),
                        None => Ok(Some(frame)),
                    };
                    let word = taken.map(|frame| frame.map(FromWorker::try_from));
                    words.extend(word.unwrap_or_else(|error| Some(Err(error))));
                }
                read
            }
        };
        // What came before a fault counts.
        if !words.is_empty() {
            handle(words);
        }
        words.clear();
        let read = match &self.streams {
            Some(streams) => self.read_streams(streams, said, read, words, moved, wakes),
            None => read,
        };
        if !words.is_empty() {
            handle(words);
        }
        words.clear();
        // A burst keeps no memory.
        words.shrink_to(KEPT);
        heard.shrink_to(KEPT);
        read
    }

    /// Reads what streams say through the memory, up to there; and says what they have to say, where
    /// there was no room.
    fn read_streams(
        &self,
        streams: &Hub,
        said: Result<u64, FrameError>,
        read: Result<Read, FrameError>,
        words: &mut Vec<Word>,
        moved: &mut bool,
        wakes: &mut Wakes,
    ) -> Result<Read, FrameError> {
        let other = |frame| words.push(FromWorker::try_from(frame));
        let progress = said.and_then(|until| streams.read(until, wakes, other));
        let progress = progress.and_then(|progress| read.map(|read| (progress, read)));
        let (progress, read) = progress?;
        *moved |= progress.came;
        if progress.made_room && self.memory.as_ref().is_some_and(Memory::wake) {
            self.ring_socket();
        }
        // Also what was read and nobody wants may be granted again.
        if streams.go_on(wakes) || streams.has_hidden() || self.has_backlog() {
            self.flush();
        }
        match read {
            _ if streams.is_broken() => Err(FrameError::Memory),
            Read::Empty if progress.came => Ok(Read::Some),
            read => Ok(read),
        }
    }

    /// From now on the worker may speak of this stream.
    pub(crate) fn enter_stream(&self, id: u64, channel: Arc<Channel>) {
        if let Some(streams) = &self.streams {
            streams.enter(id, channel);
        }
    }

    /// It has nothing more to say of it.
    pub(crate) fn leave_stream(&self, id: u64) {
        if let Some(streams) = &self.streams {
            drop(streams.leave(id));
        }
    }

    /// Nothing goes or comes any more.
    pub(crate) fn forget_streams(&self) {
        if let Some(streams) = &self.streams {
            drop(streams.clear());
        }
    }

    /// Puts a piece of a stream into the memory, or into the outbox; [`flush`](Self::flush) sends
    /// it. `false`: there is no room now.
    pub(crate) fn put_piece(&self, kind: u8, id: u64, bytes: &[u8]) -> bool {
        match self.streams.as_ref().and_then(|streams| streams.put(kind, id, bytes)) {
            Some(put) => put,
            None => {
                self.push(kind, id, Some(Arc::new(bytes.to_vec())));
                true
            }
        }
    }

    /// What the worker has read of what streams say makes no sense, and is to be found out.
    pub(crate) fn is_broken(&self) -> bool {
        self.streams.as_ref().is_some_and(Hub::is_broken)
    }

    /// Puts a stream in line for room.
    pub(crate) fn line_up(&self, channel: Arc<Channel>) {
        if let Some(streams) = &self.streams {
            streams.line_up(channel);
        }
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
        self.memory.as_ref().is_none_or(Memory::sleep) && !self.has_said()
    }

    /// Something has come through the memory.
    pub(crate) fn has_news(&self) -> bool {
        self.memory.as_ref().is_some_and(Memory::has_news) || self.has_said()
    }

    /// Something has come for a stream.
    fn has_said(&self) -> bool {
        self.streams.as_ref().is_some_and(Hub::has_news)
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
        self.ended.store(true, Ordering::Relaxed);
        socket::end(&self.data);
        socket::end(&self.control);
    }
}

/// A timeout, as it travels.
fn nanos(timeout: Option<Duration>) -> u64 {
    timeout.and_then(|timeout| u64::try_from(timeout.as_nanos()).ok()).unwrap_or(NONE)
}
