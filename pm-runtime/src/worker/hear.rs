//! Hearing what a worker says, whoever reads it: the reactor, or a caller that looks for answers.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Worker;
use crate::link::Reading;
use crate::stream::Wakes;
use crate::sync::lock;
use crate::transport::socket::Read;
use crate::wire::frame::Frame;
use crate::wire::handshake::{self, Reply};
use crate::wire::message::FromWorker;

/// What came of reading.
#[derive(Default)]
pub(super) struct Hearing {
    /// There is more to come.
    pub(super) more: bool,
    /// A query has ended.
    pub(super) ended: bool,
    /// A long message has come or gone, or some of it.
    pub(super) moved: bool,
    /// Somebody has a message of a stream who had waited for it.
    pub(super) woke_reader: bool,
}

impl Worker {
    pub(super) fn hear_control(self: &Arc<Self>) {
        let mut frames = Vec::new();
        // One reply and bells are all that should come; who floods this waits its turn like
        // everybody.
        let read = self.link.read_control(&mut frames);
        for frame in &frames {
            match frame.kind {
                handshake::BELL if frame.payload.is_empty() => {}
                // Of one that lives on it means nothing.
                handshake::OUT_OF_MEMORY if frame.payload.is_empty() => {
                    lock(&self.notes).out_of_memory = true;
                }
                _ => self.hear_reply(frame),
            }
        }
        if frames.iter().any(|frame| frame.kind == handshake::BELL) {
            match self.link.has_memory() {
                true => self.hear_until_it_rings(Reading::Memory),
                false => self.listen_to_socket(),
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

    /// Reads and tells what has come, until the worker will ring for what comes next through the
    /// memory.
    pub(super) fn hear_until_it_rings(self: &Arc<Self>, reading: Reading) {
        // Bounded, because others wait for this thread.
        for _ in 0..16 {
            if self.is_finished() {
                // What it has left half said stays there, and is never read.
                return;
            }
            self.link.attend();
            if !self.hear_data(reading).more {
                return;
            }
            if self.led.load(Ordering::Acquire) {
                // Whoever leads has it listened to afterwards.
                return;
            }
            // While answers come fast, to look for the next costs less than to be rung for it.
            let soon = self.luck.is_good() && self.luck.look(|| self.link.has_news());
            if !soon && self.link.sleep() {
                return;
            }
        }
        // What its socket has makes that ready again by itself.
        self.hear_soon();
    }

    /// Hears what the worker has done, until it will ring for what comes next: for a caller that has
    /// found something there, and would have to wait for the reactor to hear it.
    pub(crate) fn hear_now(self: &Arc<Self>) {
        for _ in 0..4 {
            self.link.attend();
            let more = self.hear_data(Reading::Glance).more;
            if !more || self.led.load(Ordering::Acquire) || self.link.sleep() {
                return;
            }
        }
        // Others are at it, or there is more than this caller asked for.
        self.hear_soon();
    }

    /// Reads and tells what has come.
    pub(super) fn hear_data(self: &Arc<Self>, reading: Reading) -> Hearing {
        let mut hearing = Hearing { more: true, ..Hearing::default() };
        match self.read(reading, &mut hearing) {
            Ok(Read::Some) => hearing.more = true,
            // It may be about to say the rest, and nobody else listens.
            Ok(Read::Empty) if reading != Reading::Glance => {
                hearing.more |= self.link.is_amid_frame()
            }
            Ok(Read::Empty) => {}
            Ok(Read::Closed) => {
                self.lost();
                hearing.more = false;
            }
            Err(what) => {
                self.broke(&what);
                hearing.more = false;
            }
        }
        hearing
    }

    /// Reads what the worker has said, and tells it.
    pub(super) fn read(&self, reading: Reading, hearing: &mut Hearing) -> Result<Read, String> {
        if self.broken.load(Ordering::Relaxed) {
            hearing.more = false;
            return Ok(Read::Empty);
        }
        let Some(owner) = self.owner.upgrade() else {
            // A pool that is gone has no use for its workers.
            return Ok(Read::Closed);
        };
        let most = match reading {
            // Whoever looks for what comes looks again.
            Reading::Glance if self.link.has_memory() => 1,
            // Bounded, so that a worker that never stops talking does not keep its reader.
            Reading::Glance | Reading::Memory | Reading::Everything => 64,
        };
        for _ in 0..most {
            let mut heard = false;
            let mut breach = None;
            let mut moved = false;
            let mut wakes = Wakes::default();
            let read = self.link.read(reading, &mut moved, &mut wakes, |words| {
                // What follows a breach does not count, even if it came along.
                if self.broken.load(Ordering::Relaxed) {
                    return;
                }
                heard = true;
                hearing.ended |= words.iter().flatten().any(FromWorker::is_end);
                match owner.heard(self.id, words) {
                    Ok(more) => hearing.more = more,
                    Err(what) => {
                        self.stop_reading();
                        hearing.more = false;
                        breach = Some(what);
                    }
                }
            });
            hearing.moved |= moved;
            hearing.woke_reader |= wakes.has_reader();
            // Not while nobody else can read: it wakes code of the application.
            wakes.wake();
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
    pub(super) fn broke(self: &Arc<Self>, what: &str) {
        if self.stop_reading() {
            return;
        }
        if let Some(owner) = self.owner.upgrade() {
            owner.broke(self.id, what);
        }
    }

    /// Nothing that it says counts any more. `true`: nor did it before.
    pub(super) fn stop_reading(&self) -> bool {
        self.reactor.unwatch(self.link.control());
        self.reactor.unwatch(self.link.data());
        self.broken.swap(true, Ordering::Relaxed)
    }

    /// Its side of the link is closed: it is dying, as a rule, and whoever owns it kills what is not.
    pub(super) fn lost(self: &Arc<Self>) {
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
