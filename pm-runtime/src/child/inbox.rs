//! A worker's side of its link: what it was handed, what it runs, and the gate between them.
//!
//! Whoever has time reads: a thread that waits for its next query, or, when all are busy, the
//! watching thread, at the ring of the bell. Locks are taken in the order writer, state, so that
//! what is told agrees with what is so.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use super::entries::Serve;
use super::job::{Ended, Job, Running};
use super::memory::Memory;
use super::outgoing::Writer;
use super::raw;
use super::records;
use super::stream::Streams;
use crate::conduct::Terms;
use crate::error::BootError;
use crate::fault::Injection;
use crate::listener::Listener;
use crate::options::Runtime;
use crate::process::limits::Bounds;
use crate::spin::Luck;
use crate::sync::lock;
use crate::trace::Local;
use crate::transport::socket::{self, Read, Wait};
use crate::wire::frame::{Assembler, Frame};
use crate::wire::handshake::Hello;
use crate::wire::message::{ToWorker, from_worker, longest};

/// Whether the worker is a process, or a thread of the pool's own process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Home {
    Process,
    Thread,
}

/// The worker's ends of its sockets.
pub(crate) struct Sockets {
    pub(crate) control: OwnedFd,
    pub(crate) data: OwnedFd,
    /// Where it accepts connections.
    pub(crate) listeners: Vec<Listener>,
}

pub(crate) struct Inbox {
    pub(super) control: OwnedFd,
    pub(super) data: OwnedFd,
    /// Where it accepts connections.
    pub(super) listeners: Vec<Listener>,
    /// Where queries come from, if not over the data socket.
    pub(super) memory: Option<Memory>,
    /// Where queries open streams.
    pub(super) streams: Option<Streams>,
    pub(super) home: Home,
    /// The pool's process.
    pub(super) parent: u32,
    pub(super) depth: u32,
    pub(crate) pool: String,
    /// The worker's number.
    pub(super) number: u64,
    pub(crate) concurrency: usize,
    pub(super) max_frame: usize,
    pub(super) runtime: Result<Runtime, BootError>,
    /// How long a query may run, unless it comes with another timeout.
    timeout: Option<Duration>,
    /// What it may use while it runs something.
    pub(super) bounds: Option<Bounds>,
    pub(super) serve: Serve,
    pub(super) state: Mutex<State>,
    pub(super) faults: Injection,
    /// What is traced in it, where it is a thread.
    #[cfg_attr(not(feature = "tracing"), allow(dead_code, reason = "nothing is"))]
    pub(super) traces: Local,
    /// There may be something to begin, or it is over.
    pub(super) changed: Condvar,
    pub(super) luck: Luck,
    /// Closed when the worker is to end.
    pub(super) released: async_channel::Receiver<Infallible>,
    /// Never sends anything.
    _release: async_channel::Sender<Infallible>,
    /// The same, for an executor.
    pub(super) notify: async_channel::Sender<()>,
    pub(super) notified: async_channel::Receiver<()>,
    pub(super) writer: Mutex<Writer>,
    pub(super) reader: Mutex<Assembler>,
}

pub(super) struct State {
    pub(super) queue: VecDeque<Job>,
    pub(super) running: Vec<Running>,
    /// Running queries that the pool wants dropped.
    pub(super) to_drop: Vec<u64>,
    /// Those and all that cannot be dropped, until they end.
    pub(super) cancelled: Vec<u64>,
    /// The timeout of the next query that comes, where it is another than usual.
    next_timeout: Option<Option<Duration>>,
    /// The terms of the next query that comes, where its bytes do not tell them.
    next_terms: Option<Terms>,
    pub(super) gate_open: bool,
    /// What runs changes the state, or is under suspicion, and runs alone.
    pub(super) alone: bool,
    /// Its limits are in force.
    pub(super) limited: bool,
    /// A panic has left the state half changed: nothing begins any more.
    pub(super) spoiled: bool,
    pub(super) ending: bool,
    /// The pool is gone.
    pub(super) orphaned: bool,
    /// A thread waits in a read.
    pub(super) reading: bool,
    /// The bell rang meanwhile.
    pub(super) rung: bool,
}

impl State {
    pub(super) fn may_begin(&self) -> bool {
        self.gate_open && !self.alone && !self.spoiled
    }

    pub(super) fn runs(&self, id: u64) -> bool {
        self.running.iter().any(|running| running.id == id)
    }
}

impl Inbox {
    pub(crate) fn new(
        sockets: Sockets,
        memory: Option<Memory>,
        hello: &Hello,
        serve: Serve,
        faults: Injection,
        home: Home,
        traces: Local,
    ) -> Arc<Self> {
        let (notify, notified) = async_channel::bounded(1);
        let (release, released) = async_channel::bounded(1);
        Arc::new(Self {
            control: sockets.control,
            data: sockets.data,
            listeners: sockets.listeners,
            streams: hello.window.map(|window| {
                let streams = Streams::new(window, memory.as_ref().map(Memory::region));
                if serve.is_raw() {
                    raw::enter(&streams, hello.max_frame as usize);
                }
                streams
            }),
            memory,
            home,
            parent: hello.parent,
            depth: hello.depth,
            pool: hello.pool.clone(),
            number: hello.worker,
            concurrency: hello.concurrency as usize,
            max_frame: hello.max_frame as usize,
            runtime: Runtime::named(&hello.runtime),
            timeout: hello.timeout,
            bounds: match home {
                Home::Process => Bounds::new(&hello.attributes.limits),
                // They would be those of the application.
                Home::Thread => None,
            },
            serve,
            state: Mutex::new(State {
                queue: VecDeque::new(),
                running: Vec::new(),
                to_drop: Vec::new(),
                cancelled: Vec::new(),
                next_timeout: None,
                next_terms: None,
                gate_open: !hello.waits,
                alone: false,
                limited: false,
                spoiled: false,
                ending: false,
                orphaned: false,
                reading: false,
                rung: false,
            }),
            faults,
            traces,
            changed: Condvar::new(),
            luck: Luck::new(),
            released,
            _release: release,
            notify,
            notified,
            writer: Mutex::default(),
            reader: Mutex::new(Assembler::new(longest(hello.max_frame))),
        })
    }

    pub(crate) fn control(&self) -> &OwnedFd {
        &self.control
    }

    pub(crate) fn data(&self) -> BorrowedFd<'_> {
        self.data.as_fd()
    }

    /// Resolves when there may be something to do.
    pub(crate) async fn notified(&self) {
        // It fails only where the inbox is gone, which holds both ends.
        let _ = self.notified.recv().await;
    }

    /// This worker cannot go on: the pool has to know, and to start another.
    pub(crate) fn give_up(&self) {
        match self.home {
            Home::Process => std::process::abort(),
            Home::Thread => self.leave(),
        }
    }

    /// Tells how a query ended, if one has, and begins the next, if there is one and the gate is
    /// open: the pool knows of the begin before its code runs.
    pub(crate) fn turn(&self, ended: Option<Ended>) -> Option<Job> {
        if let Some(memory) = &self.memory {
            return self.turn_in_memory(memory, ended);
        }
        let mut writer = lock(&self.writer);
        if let Some(Ended { id, outcome, .. }) = ended {
            self.tell_end(&mut writer, id, outcome);
        }
        let job = self.begin_next(&mut writer);
        self.flush(&mut writer);
        job
    }

    /// How many queries could run at once now, those included that do.
    pub(crate) fn startable(&self) -> usize {
        let state = lock(&self.state);
        let waiting = match &self.memory {
            _ if !self.may_begin_next(&state) => 0,
            Some(memory) => memory.count(self.concurrency),
            None => state.queue.len(),
        };
        let startable = (self.occupied(&state) + waiting).min(self.concurrency);
        drop(state);
        if let Some(memory) = &self.memory {
            self.ring_for_passed(memory);
        }
        startable
    }

    /// How many queries could begin now.
    pub(crate) fn beginnable(&self) -> usize {
        self.startable().saturating_sub(self.occupied(&lock(&self.state)))
    }

    /// How many there are that run, or have opened streams.
    pub(super) fn occupied(&self, state: &State) -> usize {
        // Those that open some are among the streams from their begins.
        self.streams.as_ref().map_or(state.running.len(), Streams::count)
    }

    /// What has to run alone waits for what runs, and lets nothing overtake it.
    fn may_begin_next(&self, state: &State) -> bool {
        let next = || match &self.memory {
            Some(memory) => memory.terms(),
            None => state.queue.front().map(|job| job.terms),
        };
        state.may_begin() && (state.running.is_empty() || !next().is_some_and(Terms::is_alone))
    }

    /// Nothing waits to begin.
    fn is_empty(&self, state: &State) -> bool {
        match &self.memory {
            Some(memory) => !memory.is_there(),
            None => state.queue.is_empty(),
        }
    }

    fn begin_next(&self, writer: &mut Writer) -> Option<Job> {
        let mut state = lock(&self.state);
        let full = self.occupied(&state) >= self.concurrency;
        if !self.may_begin_next(&state) || state.orphaned || full {
            return None;
        }
        let job = state.queue.pop_front()?;
        state.alone = job.terms.is_alone();
        let (id, conduct) = (job.id, job.terms.conduct);
        state.running.push(Running { id, conduct, slot: 0, said: false, since: None });
        self.impose_limits(&mut state);
        drop(state);
        self.frame(writer, from_worker::BEGUN, job.id, &[]);
        Some(job)
    }

    /// A process whose pool is gone ends at once: its watching thread kills all that there is, and
    /// nothing that a query changes is to be dropped half-way before that.
    pub(crate) fn leave_if_orphaned(&self) {
        if self.home == Home::Process && lock(&self.state).orphaned {
            self.leave();
        }
    }

    /// This worker has nothing left to do, and was told to end, or its pool is gone.
    pub(crate) fn leave(&self) {
        self.leave_with(0);
    }

    /// The same, where a process has another exit code.
    pub(super) fn leave_with(&self, code: i32) {
        match self.home {
            Home::Process => {
                records::finish();
                std::process::exit(code)
            }
            Home::Thread => {
                socket::end(&self.data);
                socket::end(&self.control);
            }
        }
    }

    /// Waits until there is something to begin; reads, if nobody does. `false`: it is over.
    pub(crate) fn wait(&self) -> bool {
        let mut state = lock(&self.state);
        loop {
            let empty = self.is_empty(&state);
            if self.may_leave(&state, empty) {
                return false;
            }
            if !empty && self.may_begin_next(&state) {
                return true;
            }
            // In memory, what may not begin yet is there all the same.
            if state.reading || (self.memory.is_some() && !empty) {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            state.reading = true;
            drop(state);
            match &self.memory {
                Some(memory) => memory.wait(&self.luck, || lock(&self.state).rung),
                None => self.pull_soon(),
            }
            state = lock(&self.state);
            state.reading = false;
            while std::mem::take(&mut state.rung) {
                drop(state);
                self.pull(Wait::No);
                state = lock(&self.state);
            }
            // Somebody else may have to begin what came, or to read on.
            if self.concurrency > 1 {
                self.changed.notify_all();
            }
        }
    }

    /// Whether the worker is to end now.
    pub(crate) fn is_over(&self) -> bool {
        let state = lock(&self.state);
        let empty = self.is_empty(&state) && state.running.is_empty();
        self.may_leave(&state, empty)
    }

    /// A spoiled worker leaves what it was handed where it is: the pool has taken it back.
    fn may_leave(&self, state: &State, empty: bool) -> bool {
        state.orphaned || (state.ending && (empty || state.spoiled))
    }

    /// Running queries that the pool wants dropped.
    pub(crate) fn take_drops(&self) -> Vec<u64> {
        std::mem::take(&mut lock(&self.state).to_drop)
    }

    /// Nobody waits any more for what this query comes to.
    pub(super) fn is_cancelled(&self, id: u64) -> bool {
        lock(&self.state).cancelled.contains(&id)
    }

    /// Reads as soon as there is something: looks for it for a moment, then sleeps.
    fn pull_soon(&self) {
        let came = self.luck.is_good() && self.luck.look(|| self.pull(Wait::No));
        if !came {
            self.pull(Wait::Yes);
        }
    }

    /// Reads what the pool has sent, and does what needs no query to end.
    ///
    /// `true`: there was something.
    pub(crate) fn pull(&self, mut wait: Wait) -> bool {
        let mut came = false;
        let mut reader = lock(&self.reader);
        let mut frames = Vec::new();
        loop {
            let read = socket::read(self.data(), &mut reader, &mut frames, wait);
            for frame in frames.drain(..) {
                self.take(frame);
            }
            match read {
                // What else is there comes along, without waiting for more.
                Ok(Read::Some) => {
                    wait = Wait::No;
                    came = true;
                }
                Ok(Read::Empty) => return came,
                // A pool that sends no frames is none.
                Ok(Read::Closed) | Err(_) => {
                    self.orphan();
                    return true;
                }
            }
        }
    }

    /// Gives a piece of a stream to that. `Some`: it is another frame.
    fn take_piece(&self, frame: Frame) -> Option<Frame> {
        let Some(streams) = &self.streams else { return Some(frame) };
        match streams.take_frame(frame) {
            Ok(other) => other,
            // A pool that does not keep to the protocol is none.
            Err(_) => {
                self.orphan();
                None
            }
        }
    }

    pub(super) fn wake_executor(&self) {
        // A full channel has been notified.
        let _ = self.notify.try_send(());
    }

    fn take(&self, frame: Frame) {
        let Some(frame) = self.take_piece(frame) else { return };
        let Ok(message) = ToWorker::try_from(frame) else {
            return self.orphan();
        };
        match message {
            ToWorker::Query { id, request } => {
                let usual = Terms::usual(self.serve.conduct(request.value()));
                let mut state = lock(&self.state);
                let timeout = state.next_timeout.take().unwrap_or(self.timeout);
                let terms = state.next_terms.take().unwrap_or(usual);
                state.queue.push_back(Job { id, request, terms, timeout });
                drop(state);
                self.inject_before();
            }
            ToWorker::TakeBack { id } => {
                self.take_back(id);
            }
            ToWorker::Drop { id } => {
                if !self.take_back(id) {
                    let mut state = lock(&self.state);
                    if state.runs(id) {
                        state.to_drop.push(id);
                        state.cancelled.push(id);
                    } else if let Some(streams) = &self.streams {
                        drop(state);
                        streams.destroy(id);
                    }
                }
            }
            ToWorker::ShutGate => {
                let mut writer = lock(&self.writer);
                let running: Vec<u8> = {
                    let mut state = lock(&self.state);
                    state.gate_open = false;
                    state.running.iter().flat_map(|running| running.id.to_le_bytes()).collect()
                };
                self.frame(&mut writer, from_worker::GATED, 0, &running);
                self.flush(&mut writer);
            }
            ToWorker::OpenGate => {
                lock(&self.state).gate_open = true;
                self.changed.notify_all();
            }
            // What it tells of is seen.
            ToWorker::Bell => {}
            ToWorker::End => {
                lock(&self.state).ending = true;
                self.changed.notify_all();
                self.tell_released();
            }
            ToWorker::Timeout { nanos } => {
                lock(&self.state).next_timeout = Some(nanos.map(Duration::from_nanos));
            }
            ToWorker::Terms { number } => {
                lock(&self.state).next_terms = Some(Terms::from_wire(number));
            }
        }
    }

    /// Gives a query back that has not begun.
    fn take_back(&self, id: u64) -> bool {
        let mut writer = lock(&self.writer);
        let mut state = lock(&self.state);
        let Some(index) = state.queue.iter().position(|job| job.id == id) else {
            return false;
        };
        state.queue.remove(index);
        drop(state);
        self.frame(&mut writer, from_worker::RETURNED, id, &[]);
        self.flush(&mut writer);
        true
    }
}
