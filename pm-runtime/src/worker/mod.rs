//! What the code in a worker can know of it, and tell its pool.
//!
//! Outside a worker these functions do no harm: there is no [`id`], no [`deadline`], a [`message`]
//! is an error, and the rest does nothing.

// Beside that face, a worker as the pool's process holds it: its link, its process, and what came
// of both.

mod death;
mod hear;
mod launch;
mod output;
mod usage;

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, Weak};

pub use crate::child::itself::{
    attempt, deadline, debug, extend_deadline, id, is_cancelled, is_worker, message, report,
};
pub(crate) use launch::{Plan, launch};
use output::Output;

use crate::error::{BootError, PanicNote};
use crate::link::{Handing, Link, Reading, Word};
use crate::output::{OutputLine, OutputStream};
use crate::process::guard::Guard;
use crate::reactor::{Reactor, Source, Token};
use crate::spin::Luck;
use crate::stream::{Carrier, Channel};
use crate::supervisor::{Obituary, WorkerId};
use crate::surroundings::Limits;
use crate::sync::lock;
use crate::trace::Records;
use crate::transport::payload::Parts;
use crate::transport::poll::Interest;
use crate::wire::message::stream;
use hear::Hearing;

/// Who wants to know what becomes of a worker.
pub(crate) trait Owner: Send + Sync {
    /// It takes queries.
    fn ready(&self, worker: WorkerId);
    /// It said these, in this order; what follows from it waits for `settle`. `true`: it has
    /// more to tell. `Err`: one is what no worker says, and what comes after it does not count.
    fn heard(&self, worker: WorkerId, words: &mut Vec<Word>) -> Result<bool, String>;
    /// Everything that it said was told: nobody reads its link now.
    fn settle(&self);
    /// Its side of the link has ended, though its process may live.
    fn lost(&self, worker: WorkerId);
    /// It said what no worker says.
    fn broke(&self, worker: WorkerId, what: &str);
    /// Somebody wants to know what workers print.
    fn has_audience(&self) -> bool;
    /// It printed these lines.
    fn printed(&self, worker: WorkerId, stream: OutputStream, lines: Vec<OutputLine>);
    /// Something about it is odd, which does not matter to its queries.
    fn complained(&self, worker: WorkerId, what: &str);
    /// It is gone; everything that it had said was told before.
    fn died(&self, worker: WorkerId, obituary: Obituary);
}

/// The descriptors of a worker, as the reactor numbers them.
const CONTROL: u8 = 0;
const DATA: u8 = 1;
const PIDFD: u8 = 2;
const STDOUT: u8 = 3;
const STDERR: u8 = 4;

pub(crate) struct Worker {
    id: WorkerId,
    /// `None`: a thread of this process.
    pid: Option<u32>,
    /// Taken when the process is reaped, or given up.
    guard: Mutex<Option<Guard>>,
    link: Link,
    /// Where it is captured, until the worker is gone.
    output: Mutex<Option<Output>>,
    /// What it logs, for who wants to know.
    records: Records,
    owner: Weak<dyn Owner>,
    reactor: &'static Reactor,
    token: OnceLock<Token>,
    ready: AtomicBool,
    /// There is something in the outbox that wants a ring.
    urgent: AtomicBool,
    /// The reactor will read what comes next.
    listened: AtomicBool,
    /// A caller looks for what comes next.
    led: AtomicBool,
    /// The reactor is to hear it as soon as it gets to that.
    awaits_turn: AtomicBool,
    /// It broke the protocol: nothing that follows counts.
    broken: AtomicBool,
    /// How many pieces of streams it was sent, for who wants to know whether there were more.
    sent: AtomicU32,
    /// Whether it has paid lately to look for the next answer.
    luck: Luck,
    /// It was killed on behalf of its pool.
    killed: AtomicBool,
    /// What it may use.
    limits: Limits,
    /// How many processes the system had killed for want of memory when it was started.
    oom_kills: Option<u64>,
    finished: AtomicBool,
    notes: Mutex<Notes>,
}

/// What a worker told of itself, for its obituary.
#[derive(Clone, Default)]
struct Notes {
    setting_up: bool,
    boot_error: Option<BootError>,
    panic: Option<PanicNote>,
    /// One that was caught, and has not been told of yet.
    caught: Option<PanicNote>,
    failure: Option<Box<str>>,
    /// How its function ended, where it was not heard by then that it was ready.
    early_end: Option<FunctionEnd>,
    /// It was refused memory, and is about to die of that.
    out_of_memory: bool,
    debug: Option<Debug>,
}

/// How the function of a raw worker has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FunctionEnd {
    Returned,
    /// It returned an error, or panicked.
    Failed,
}

/// A debug text, and whether a query said it.
#[derive(Clone)]
struct Debug {
    text: Arc<str>,
    by_query: bool,
}

impl Worker {
    pub(crate) fn id(&self) -> WorkerId {
        self.id
    }

    pub(crate) fn pid(&self) -> Option<u32> {
        self.pid
    }

    pub(crate) fn records(&self) -> &Records {
        &self.records
    }

    /// Puts a query into the outbox.
    pub(crate) fn hand(&self, handing: Handing<'_, impl Parts + Send + Sync + 'static>) {
        self.link.hand(handing);
    }

    /// Takes a query back at once, if it has not begun. `None`: the worker has to be asked.
    pub(crate) fn take_back(&self, id: u64) -> Option<bool> {
        self.link.take_back(id)
    }

    /// Lets no query begin any more, and says what runs. `None`: the worker has to be told.
    pub(crate) fn shut_gate(&self) -> Option<Vec<u64>> {
        self.link.shut_gate()
    }

    /// Lets queries begin again. `false`: the worker has to be told.
    pub(crate) fn open_gate(&self) -> bool {
        self.link.open_gate()
    }

    /// From now on it may speak of this stream, and be spoken to.
    pub(crate) fn enter_stream(self: &Arc<Self>, id: u64, channel: &Arc<Channel>) {
        channel.attach(id, self.clone());
        self.link.enter_stream(id, channel.clone());
    }

    /// Tells it that nobody wants this stream any more, behind all that was sent to it. `false`: there
    /// is no room for that.
    pub(crate) fn destroy_stream(&self, id: u64) -> bool {
        self.link.put_piece(stream::DESTROY, id, &[])
    }

    /// It has nothing more to say of it, or never had.
    pub(crate) fn leave_stream(&self, id: u64) {
        self.link.leave_stream(id);
    }

    /// Puts something else into the outbox, which even a busy worker has to hear at once.
    pub(crate) fn tell(&self, kind: u8, id: u64) {
        self.link.push(kind, id, None);
        self.urgent.store(true, Ordering::Release);
    }

    /// Sends what is in the outbox. `true`: all of it is gone.
    pub(crate) fn send(&self) -> bool {
        let sent = self.link.flush();
        // Nearly never; to look costs less than to swap.
        if self.urgent.load(Ordering::Acquire) && self.urgent.swap(false, Ordering::AcqRel) {
            self.link.ring();
        }
        sent
    }

    /// It has all that it was sent, and looks at it by itself. Whoever does not know may think it
    /// has not.
    pub(crate) fn is_awake(&self) -> bool {
        self.link.is_awake() && !self.urgent.load(Ordering::Acquire)
    }

    /// Has the reactor read what comes next, and send what could not be sent. `false`: the worker
    /// was faster, and somebody has to hear what it has done.
    #[must_use = "what came meanwhile is not told again"]
    pub(crate) fn listen(self: &Arc<Self>) -> bool {
        if self.link.has_memory() {
            // Whatever comes over its socket is heard anyway.
            if self.link.has_backlog() {
                self.rewatch(Interest::ReadOrRoom);
            }
            return self.link.sleep();
        }
        self.listen_to_socket();
        true
    }

    /// The same, where all that it says comes over its socket.
    fn listen_to_socket(&self) {
        let mut backlog = self.link.has_backlog();
        if self.listened.swap(true, Ordering::AcqRel) && !backlog {
            return;
        }
        loop {
            let interest = if backlog { Interest::NextReadOrRoom } else { Interest::NextRead };
            self.rewatch(interest);
            // Who has found no backlog may have undone the wish of somebody who has.
            if backlog || !self.link.has_backlog() {
                return;
            }
            backlog = true;
        }
    }

    fn rewatch(&self, interest: Interest) {
        if let Some(token) = self.token.get() {
            self.reactor.rewatch(*token, DATA, self.link.data(), interest);
        }
    }

    /// Somebody looks for what comes through the memory.
    pub(crate) fn attend(&self) {
        self.link.attend();
    }

    /// The worker will ring for what comes next. `false`: it has come.
    pub(crate) fn will_ring(&self) -> bool {
        self.link.sleep()
    }

    /// A caller looks for what comes, until [`end_lead`](Self::end_lead). `false`: one did already.
    pub(crate) fn start_lead(&self) -> bool {
        // As a rule one does; to look costs less than to swap.
        let starts = !self.led.load(Ordering::Acquire) && !self.led.swap(true, Ordering::AcqRel);
        if starts {
            self.attend();
        }
        starts
    }

    /// No caller looks any more: as long as something is to come, the reactor has to
    /// [`listen`](Self::listen).
    pub(crate) fn end_lead(&self) {
        self.led.store(false, Ordering::Release);
    }

    /// A caller looks for what comes.
    pub(crate) fn is_led(&self) -> bool {
        self.led.load(Ordering::Acquire)
    }

    /// Reads what is there, unless somebody is at it.
    pub(crate) fn read_now(self: &Arc<Self>) {
        self.hear_data(Reading::Glance);
    }

    /// The same, also what only its socket tells.
    pub(crate) fn read_all(self: &Arc<Self>) {
        self.hear_data(Reading::Everything);
    }

    /// The same, if anything is. `true`: a query has ended, or some of a long one has gone or come.
    pub(crate) fn read_news(self: &Arc<Self>) -> bool {
        self.read_pieces() != Came::Nothing
    }

    /// The same, for who waits for a message of a stream.
    pub(crate) fn read_pieces(self: &Arc<Self>) -> Came {
        if self.link.has_memory() && !self.link.has_news() {
            return Came::Nothing;
        }
        match self.hear_data(Reading::Glance) {
            Hearing { woke_reader: true, .. } => Came::ForReader,
            Hearing { ended, moved, .. } if ended || moved => Came::Something,
            _ => Came::Nothing,
        }
    }

    /// Kills the worker, and everything that it started. Its death is told when it has come.
    pub(crate) fn kill(self: &Arc<Self>) {
        self.killed.store(true, Ordering::Relaxed);
        match &*lock(&self.guard) {
            Some(guard) => guard.kill(),
            None => self.abandon(),
        }
    }

    /// Has the reactor hear what the worker has done: for whoever cannot, because it may be in the
    /// middle of hearing something.
    pub(crate) fn hear_soon(self: &Arc<Self>) {
        // Once is enough: a worker that has others ask for it again and again takes one turn after
        // the other, and no more memory than that of one.
        if self.awaits_turn.swap(true, Ordering::AcqRel) {
            return;
        }
        let worker = self.clone();
        self.reactor.submit(move || {
            // Before anything is heard: what comes from now on is asked for anew.
            worker.awaits_turn.swap(false, Ordering::AcqRel);
            worker.hear_until_it_rings(Reading::Memory);
        });
    }

    /// It is gone, and all that it had said was heard.
    pub(super) fn is_finished(&self) -> bool {
        self.finished.load(Ordering::Relaxed)
    }

    /// Counts the worker as dead, whatever the system says.
    pub(crate) fn abandon(self: &Arc<Self>) {
        self.link.end();
        let worker = self.clone();
        self.reactor.submit(move || worker.finish(None));
    }

    /// What its last panic said, before anybody knows whether it is the end.
    pub(crate) fn note_panic(&self, note: PanicNote) {
        let mut notes = lock(&self.notes);
        if notes.caught.take_if(|caught| *caught == note).is_none() {
            notes.panic = Some(note);
        }
    }

    /// That was not the end. The two may come in either order.
    pub(crate) fn note_caught(&self, note: &PanicNote) {
        let mut notes = lock(&self.notes);
        if notes.panic.take_if(|panic| panic == note).is_none() {
            notes.caught = Some(note.clone());
        }
    }

    /// What its function returned.
    pub(crate) fn note_failure(&self, error: Box<str>) {
        lock(&self.notes).failure = Some(error);
    }

    /// Its function has ended, and it was not heard by now that it was ready.
    pub(crate) fn note_early_end(&self, end: FunctionEnd) {
        lock(&self.notes).early_end.get_or_insert(end);
    }

    pub(crate) fn early_end(&self) -> Option<FunctionEnd> {
        lock(&self.notes).early_end
    }

    /// What it is at, in its own words.
    pub(crate) fn note_debug(&self, text: Arc<str>, by_query: bool) {
        lock(&self.notes).debug = Some(Debug { text, by_query });
    }

    /// Its last debug text.
    pub(crate) fn debug(&self) -> Option<Arc<str>> {
        lock(&self.notes).debug.as_ref().map(|debug| debug.text.clone())
    }

    /// The same, if it is about no query.
    pub(crate) fn debug_of_no_query(&self) -> Option<Arc<str>> {
        let debug = lock(&self.notes).debug.clone();
        debug.filter(|debug| !debug.by_query).map(|debug| debug.text)
    }
}

impl Worker {
    /// How many pieces of streams it was sent, about.
    pub(crate) fn sent(&self) -> u32 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Whether it may pay to look for what streams say.
    pub(crate) fn is_lucky(&self) -> bool {
        self.luck.is_good()
    }

    /// Looks for what streams say, for a moment.
    pub(crate) fn look_for_pieces(self: &Arc<Self>) -> Came {
        match self.luck.look(|| self.link.has_news()) {
            true => self.read_pieces(),
            false => Came::Nothing,
        }
    }
}

/// What came of reading, for who waits for a message of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Came {
    Nothing,
    /// It was for somebody who waited for a message of another stream, and will look for the next.
    ForReader,
    /// Nobody had waited for it: it may have been this one's, or about what goes the other way.
    Something,
}

impl Carrier for Worker {
    fn put(&self, kind: u8, id: u64, bytes: &[u8]) -> bool {
        // A hint: one that is lost does not matter.
        self.sent.store(self.sent().wrapping_add(1), Ordering::Relaxed);
        self.link.put_piece(kind, id, bytes)
    }

    fn line_up(&self, channel: Arc<Channel>) {
        self.link.line_up(channel);
    }

    fn flush(self: Arc<Self>) {
        if (!self.send() && !self.listen()) || self.link.is_broken() {
            self.hear_soon();
        }
    }
}

/// What the reactor holds: a source is called through a shared reference, a worker wants its
/// own handle.
struct Watched(Arc<Worker>);

impl Source for Watched {
    fn ready(&self, which: u8, writable: bool) {
        let worker = &self.0;
        match which {
            CONTROL => worker.hear_control(),
            DATA => {
                if worker.link.has_memory() {
                    if writable && worker.send() {
                        worker.rewatch(Interest::Read);
                    }
                    return worker.hear_until_it_rings(Reading::Everything);
                }
                // Before anything is read: who wants to be listened to from now on says so anew.
                worker.listened.store(false, Ordering::Release);
                let sent = !writable || worker.send();
                if worker.hear_data(Reading::Everything).more || !sent {
                    worker.listen_to_socket();
                }
            }
            STDOUT => worker.hear_output(OutputStream::Stdout),
            STDERR => worker.hear_output(OutputStream::Stderr),
            _ => worker.look_for_end(),
        }
    }
}
