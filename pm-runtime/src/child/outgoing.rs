//! What a worker says.

use std::io::IoSlice;
use std::os::fd::AsFd;

use super::inbox::{Home, Inbox};
use super::job::{Ended, Outcome, Running};
use crate::conduct::Conduct;
use crate::error::{BootError, PanicNote};
use crate::sync::lock;
use crate::transport::socket::{self, Gone};
use crate::wire::bulk::{Bulk, Parcel};
use crate::wire::codec;
use crate::wire::frame::Header;
use crate::wire::handshake;
use crate::wire::message::{self, Refusal, from_worker};

/// Frames on their way out; kept so that an answer and the next begin leave together.
#[derive(Default)]
pub(super) struct Writer {
    pub(super) buffer: Vec<u8>,
    /// The pool may not listen to what is written next.
    unexpected: bool,
}

impl Inbox {
    /// Tells the pool that this worker takes queries.
    pub(crate) fn tell_ready(&self) {
        self.reply(&handshake::Reply::Ready);
    }

    /// Tells the pool that from here on a death is the doing of the application's `init`.
    pub(super) fn tell_setting_up(&self) {
        self.reply(&handshake::Reply::SettingUp);
    }

    fn reply(&self, reply: &handshake::Reply) {
        if let Ok(bytes) = reply.to_bytes()
            && socket::write_all(self.control.as_fd(), &mut [IoSlice::new(&bytes)]).is_err()
        {
            self.orphan();
        }
    }

    /// Tells the pool that the system refuses what this worker needs, and ends it.
    pub(crate) fn tell_refused(&self, reason: &std::io::Error) {
        self.tell_failed(BootError::Refused { reason: reason.to_string().into() });
    }

    /// Tells the pool why this worker cannot be of use, and ends it.
    pub(crate) fn tell_failed(&self, error: BootError) {
        if let Ok(bytes) = handshake::Reply::Failed(error).to_bytes() {
            // A pool that is gone need not be told.
            let _ = socket::write_all(self.control.as_fd(), &mut [IoSlice::new(&bytes)]);
        }
        match self.home {
            Home::Process => std::process::exit(70),
            Home::Thread => self.leave(),
        }
    }

    /// Tells of a panic before anybody knows whether it will be caught.
    pub(crate) fn tell_panic(&self, note: &PanicNote) {
        // Where the writer is taken, this thread may have it.
        if let Ok(mut writer) = self.writer.try_lock()
            && let Ok(bytes) = codec::encode(note)
        {
            writer.unexpected = self.state.try_lock().is_ok_and(|state| state.running.is_empty());
            self.frame(&mut writer, from_worker::LAST_PANIC, 0, &bytes);
            self.flush(&mut writer);
        }
    }

    /// Tells the pool what the application's code has to say, before that goes on.
    pub(super) fn say(&self, kind: u8, query: Option<u64>, payload: &[u8]) {
        let mut writer = lock(&self.writer);
        // Of what runs the pool awaits the end, which comes after this; otherwise it may not
        // listen.
        {
            let mut state = lock(&self.state);
            writer.unexpected = state.running.is_empty();
            let running = state.running.iter_mut().find(|running| Some(running.id) == query);
            if let Some(running) = running {
                running.said = true;
            }
        }
        self.frame(&mut writer, kind, query.unwrap_or(message::NONE), payload);
        self.flush(&mut writer);
    }

    /// Makes a pool listen that expects nothing.
    pub(super) fn ring(&self) {
        let bell = Header { length: 0, kind: handshake::BELL, id: 0 }.to_bytes();
        // A pool that is gone shows where there is something to read.
        let _ = socket::ring(self.control.as_fd(), &bell);
    }

    /// Tells how a query ended, and begins no other.
    pub(super) fn tell_outcome(&self, id: u64, outcome: Outcome) {
        if let Some(memory) = &self.memory {
            return self.end_in_memory(memory, Ended { id, outcome, untold: false });
        }
        let mut writer = lock(&self.writer);
        self.tell_end(&mut writer, id, outcome);
        self.flush(&mut writer);
    }

    /// The writer is held from before the query stops to count as running until its end is
    /// told, so that a gate that is shut meanwhile tells of one or the other.
    pub(super) fn tell_end(&self, writer: &mut Writer, id: u64, outcome: Outcome) {
        self.stop_running(id, &outcome);
        let (kind, parcel) = self.parcel(outcome);
        self.frame_of_parts(writer, kind, id, parcel.parts());
        if kind == from_worker::ANSWER {
            self.inject_after(writer);
        }
    }

    /// A query runs no longer; what it was.
    pub(super) fn stop_running(&self, id: u64, outcome: &Outcome) -> Option<Running> {
        let mut state = lock(&self.state);
        let index = state.running.iter().position(|running| running.id == id)?;
        let running = state.running.swap_remove(index);
        // A stream that was opened lives on, and so does the wish to be rid of it.
        if !matches!(outcome, Outcome::Opened) {
            state.to_drop.retain(|dropping| *dropping != id);
        }
        state.cancelled.retain(|cancelled| *cancelled != id);
        let changes_state = running.conduct == Conduct::Exclusive;
        state.spoiled |= changes_state && matches!(outcome, Outcome::Panicked(_));
        if std::mem::take(&mut state.alone) {
            // Others may begin, in more threads than this one.
            self.changed.notify_all();
        }
        self.lift_limits(&mut state);
        Some(running)
    }

    /// How a query ended, as it travels.
    pub(super) fn parcel(&self, outcome: Outcome) -> (u8, Parcel) {
        let parcel = |bytes: Vec<u8>| Parcel::new(bytes, Bulk::new());
        let refuse = |refusal: &Refusal| parcel(codec::encode(refusal).unwrap_or_default());
        match outcome {
            Outcome::Answer(answer) if answer.size() > self.max_frame => {
                let refusal = Refusal::TooLarge { size: answer.size() as u64 };
                (from_worker::REFUSED, refuse(&refusal))
            }
            Outcome::Answer(answer) => (from_worker::ANSWER, answer),
            Outcome::Refused(refusal) => (from_worker::REFUSED, refuse(&refusal)),
            Outcome::Panicked(note) => {
                (from_worker::PANICKED, parcel(codec::encode(&note).unwrap_or_default()))
            }
            Outcome::Dropped => (from_worker::DROPPED, Parcel::default()),
            Outcome::Opened => (from_worker::OPENED, Parcel::default()),
        }
    }

    /// Puts a frame into the buffer; a large one leaves at once, uncopied.
    pub(super) fn frame(&self, writer: &mut Writer, kind: u8, id: u64, payload: &[u8]) {
        self.frame_of_parts(writer, kind, id, [&[], payload]);
    }

    fn frame_of_parts(&self, writer: &mut Writer, kind: u8, id: u64, parts: [&[u8]; 2]) {
        const LARGE: usize = 16 << 10;
        let length = parts[0].len() + parts[1].len();
        let header = Header { length: length as u32, kind, id };
        if self.inject_frame(writer, &header, parts) {
            return;
        }
        writer.buffer.extend_from_slice(&header.to_bytes());
        if length < LARGE {
            writer.buffer.extend(parts.into_iter().flatten());
            return;
        }
        self.write(writer, parts);
    }

    pub(super) fn flush(&self, writer: &mut Writer) {
        if !writer.buffer.is_empty() {
            self.write(writer, [&[]; 2]);
        }
    }

    /// Writes what is in the buffer, and this.
    fn write(&self, writer: &mut Writer, [first, second]: [&[u8]; 2]) {
        let mut parts = [&writer.buffer, first, second].map(IoSlice::new);
        let mut rest = &mut parts[..];
        let begun = match std::mem::take(&mut writer.unexpected) {
            true => self.begin_unexpected(rest),
            false => Ok(0),
        };
        let all = begun.and_then(|written| {
            IoSlice::advance_slices(&mut rest, written);
            socket::write_all(self.data(), rest)
        });
        writer.buffer.clear();
        if let Err(Gone) = all {
            self.orphan();
        }
    }

    /// Writes as much as there is room for, and rings, so that the pool listens before anybody
    /// waits for room. Not the other way round: who hears the bell, and has read all, before the
    /// first of this is there would not listen again. Of what has begun to come it awaits the rest.
    fn begin_unexpected(&self, parts: &[IoSlice<'_>]) -> Result<usize, Gone> {
        loop {
            let written = socket::write_now(self.data(), parts)?;
            self.ring();
            if written > 0 {
                return Ok(written);
            }
            socket::wait_for_room(self.data());
        }
    }
}
