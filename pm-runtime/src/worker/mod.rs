//! What the code in a worker can know of it, and tell its pool.
//!
//! Outside a worker these functions do no harm: there is no [`id`], no [`deadline`], a [`message`]
//! is an error, and the rest does nothing.

// Beside that face, a worker as the pool's process holds it: its link, its process, and what came
// of both.

mod death;
mod launch;
mod output;
mod usage;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, Weak};

pub use crate::child::itself::{
    attempt, deadline, debug, id, is_cancelled, is_worker, message, report,
};
pub(crate) use launch::{Plan, launch};
use output::Output;

use crate::error::{BootError, PanicNote};
use crate::link::{Handing, Link, Word};
use crate::output::{OutputLine, OutputStream};
use crate::process::guard::Guard;
use crate::reactor::{Reactor, Source, Token};
use crate::spin::Luck;
use crate::supervisor::{Obituary, WorkerId};
use crate::sync::lock;
use crate::transport::poll::Interest;
use crate::transport::socket::Read;
use crate::wire::frame::Frame;
use crate::wire::handshake::{self, Reply};

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
    owner: Weak<dyn Owner>,
    reactor: &'static Reactor,
    token: OnceLock<Token>,
    ready: AtomicBool,
    /// There is something in the outbox that wants a ring.
    urgent: AtomicBool,
    /// The reactor will read what comes next.
    listened: AtomicBool,
    /// It broke the protocol: nothing that follows counts.
    broken: AtomicBool,
    /// Whether it has paid lately to look for the next answer.
    luck: Luck,
    finished: AtomicBool,
    notes: Mutex<Notes>,
}

/// What a worker told of itself, for its obituary.
#[derive(Clone, Default)]
struct Notes {
    setting_up: bool,
    boot_error: Option<BootError>,
    panic: Option<PanicNote>,
    debug: Option<Debug>,
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

    /// Puts a query into the outbox.
    pub(crate) fn hand(&self, handing: Handing) {
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

    /// Puts something else into the outbox, which even a busy worker has to hear at once.
    pub(crate) fn tell(&self, kind: u8, id: u64) {
        self.link.push(kind, id, None);
        self.urgent.store(true, Ordering::Release);
    }

    /// Sends what is in the outbox. `true`: all of it is gone.
    pub(crate) fn send(&self) -> bool {
        let sent = self.link.flush();
        if self.urgent.swap(false, Ordering::AcqRel) {
            self.link.ring();
        }
        sent
    }

    /// Has the reactor read what comes next, and send what could not be sent.
    pub(crate) fn listen(self: &Arc<Self>) {
        if self.link.has_memory() {
            // Whatever comes over its socket is heard anyway.
            if self.link.has_backlog() {
                self.rewatch(Interest::ReadOrRoom);
            }
            if !self.link.sleep() {
                // It was faster. Here it cannot be heard: who listens may be in the middle of
                // hearing something.
                let worker = self.clone();
                self.reactor.submit(move || worker.hear_until_it_rings());
            }
            return;
        }
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

    /// Somebody looks, and will until it has the reactor [`listen`](Self::listen) again.
    pub(crate) fn attend(&self) {
        self.link.attend();
    }

    /// Reads what is there, unless somebody is at it.
    pub(crate) fn read_now(self: &Arc<Self>) {
        self.hear_data(false);
    }

    /// Kills the worker, and everything that it started. Its death is told when it has come.
    pub(crate) fn kill(self: &Arc<Self>) {
        match &*lock(&self.guard) {
            Some(guard) => guard.kill(),
            None => self.abandon(),
        }
    }

    /// Counts the worker as dead, whatever the system says.
    pub(crate) fn abandon(self: &Arc<Self>) {
        self.link.end();
        let worker = self.clone();
        self.reactor.submit(move || worker.finish(None));
    }

    /// What its last panic said, before anybody knows whether it is the end.
    pub(crate) fn note_panic(&self, note: PanicNote) {
        lock(&self.notes).panic = Some(note);
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

    fn hear_control(self: &Arc<Self>) {
        let mut frames = Vec::new();
        // One reply and bells are all that should come; who floods this waits its turn like
        // everybody.
        let read = self.link.read_control(&mut frames);
        for frame in &frames {
            match frame.kind {
                handshake::BELL if frame.payload.is_empty() => {}
                _ => self.hear_reply(frame),
            }
        }
        if frames.iter().any(|frame| frame.kind == handshake::BELL) {
            match self.link.has_memory() {
                true => self.hear_until_it_rings(),
                false => self.listen(),
            }
        }
        match read {
            Ok(Read::Some | Read::Empty) => {}
            Ok(Read::Closed) => self.lost(),
            Err(error) => self.broke(&error.to_string()),
        }
    }

    fn hear_reply(self: &Arc<Self>, frame: &Frame) {
        if self.broken.load(Ordering::Relaxed) {
            return;
        }
        if self.ready.load(Ordering::Relaxed) {
            return self.broke("it sent a second reply to the handshake");
        }
        match Reply::parse(frame) {
            Ok(Reply::SettingUp) => lock(&self.notes).setting_up = true,
            Ok(Reply::Ready) => {
                self.ready.store(true, Ordering::Relaxed);
                if let Some(owner) = self.owner.upgrade() {
                    owner.ready(self.id);
                }
            }
            Ok(Reply::Failed(error)) | Err(error) => {
                self.stop_reading();
                lock(&self.notes).boot_error = Some(error);
                self.kill();
            }
        }
    }

    /// Reads and tells what has come through the memory, until the worker will ring for what
    /// comes next.
    fn hear_until_it_rings(self: &Arc<Self>) {
        loop {
            self.link.attend();
            if !self.hear_data(true) {
                return;
            }
            // While answers come fast, to look for the next costs less than to be rung for it.
            let soon = self.luck.is_good() && self.luck.look(|| self.link.has_news());
            if !soon && self.link.sleep() {
                return;
            }
        }
    }

    /// Reads and tells what has come. `true`: more will.
    fn hear_data(self: &Arc<Self>, wait_for_lock: bool) -> bool {
        let mut more = true;
        match self.read(wait_for_lock, &mut more) {
            Ok(Read::Some) => true,
            // It may be about to say the rest, and nobody else listens.
            Ok(Read::Empty) => more || self.link.is_amid_frame(),
            Ok(Read::Closed) => {
                self.lost();
                false
            }
            Err(what) => {
                self.broke(&what);
                false
            }
        }
    }

    /// Reads what the worker has said, and tells it; `awaited` is whether it has more to tell.
    fn read(&self, wait_for_lock: bool, awaited: &mut bool) -> Result<Read, String> {
        if self.broken.load(Ordering::Relaxed) {
            *awaited = false;
            return Ok(Read::Empty);
        }
        let Some(owner) = self.owner.upgrade() else {
            // A pool that is gone has no use for its workers.
            return Ok(Read::Closed);
        };
        // Bounded, so that a worker that never stops talking does not keep its reader.
        for _ in 0..64 {
            let mut heard = false;
            let mut breach = None;
            let read = self.link.read(wait_for_lock, |words| {
                // What follows a breach does not count, even if it came along.
                heard = !self.broken.load(Ordering::Relaxed);
                if !heard {
                    return;
                }
                match owner.heard(self.id, words) {
                    Ok(more) => *awaited = more,
                    Err(what) => {
                        self.stop_reading();
                        *awaited = false;
                        breach = Some(what);
                    }
                }
            });
            // Not while nobody else can read: it wakes code of the application.
            if heard {
                owner.settle();
            }
            if let Some(what) = breach {
                owner.broke(self.id, &what);
                return Ok(Read::Empty);
            }
            match read {
                Ok(Read::Some) => {}
                end => return end.map_err(|error| error.to_string()),
            }
        }
        Ok(Read::Some)
    }

    /// The worker broke the protocol: nothing more is read, and its owner has it killed.
    fn broke(self: &Arc<Self>, what: &str) {
        if self.stop_reading() {
            return;
        }
        if let Some(owner) = self.owner.upgrade() {
            owner.broke(self.id, what);
        }
    }

    /// Nothing that it says counts any more. `true`: nor did it before.
    fn stop_reading(&self) -> bool {
        self.reactor.unwatch(self.link.control());
        self.reactor.unwatch(self.link.data());
        self.broken.swap(true, Ordering::Relaxed)
    }

    /// Its side of the link is closed: it is dying, as a rule, and whoever owns it kills what is not.
    fn lost(self: &Arc<Self>) {
        // What is closed is always ready.
        self.reactor.unwatch(self.link.control());
        self.reactor.unwatch(self.link.data());
        // Whoever kills has the pool's lock, and wants this one.
        let is_process = lock(&self.guard).is_some();
        match self.owner.upgrade() {
            Some(owner) if is_process => owner.lost(self.id),
            None if is_process => self.kill(),
            _ => {
                let worker = self.clone();
                self.reactor.submit(move || worker.finish(None));
            }
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
                    return worker.hear_until_it_rings();
                }
                // Before anything is read: who wants to be listened to from now on says so anew.
                worker.listened.store(false, Ordering::Release);
                let sent = !writable || worker.send();
                if worker.hear_data(true) || !sent {
                    worker.listen();
                }
            }
            STDOUT => worker.hear_output(OutputStream::Stdout),
            STDERR => worker.hear_output(OutputStream::Stderr),
            _ => worker.look_for_end(),
        }
    }
}
