//! Faults that a worker injects into itself and its link, for tests.

use super::inbox::Inbox;
use super::memory::Memory;
use super::outgoing::Writer;
use crate::fault::{Doom, Fault, Injection};
use crate::process::isolate;
use crate::transport::socket;
use crate::wire::frame::Header;
use crate::wire::message::{from_worker, stream};

impl Inbox {
    /// Faults between a begin and the query's code. `true`: the query hangs.
    pub(crate) fn inject_during(&self) -> bool {
        self.inject(Fault::is_during)
    }

    pub(super) fn inject_before(&self) {
        if let Some(fault) = self.faults.strikes(Fault::is_before) {
            end_before(fault);
        }
    }

    /// Faults of nothing that is said. `true`: the query hangs.
    pub(super) fn inject(&self, which: impl Fn(Fault) -> bool) -> bool {
        match self.faults.strikes(which) {
            Some(Fault::Hang) => true,
            Some(Fault::Crash) => std::process::abort(),
            Some(_) => isolate::end_by(rustix::process::Signal::KILL),
            None => false,
        }
    }

    /// Faults of a worker that has put an answer into its buffer.
    pub(super) fn inject_after(&self, writer: &mut Writer) {
        if self.faults.strikes(|fault| fault == Fault::KillAfter).is_some() {
            self.flush(writer);
            isolate::end_by(rustix::process::Signal::KILL);
        }
    }

    /// Faults of how a query ended, as a worker says it through memory, told by `tell` otherwise.
    pub(super) fn inject_word(&self, memory: &Memory, slot: u32, tell: impl FnOnce(Doom)) {
        let fault = self.faults.strikes(Fault::is_of_link);
        match fault {
            None => tell(Doom::NONE),
            Some(Fault::KillTelling(steps)) => tell(Doom::after(steps)),
            Some(Fault::Truncate | Fault::DropLink) => {
                socket::end(&self.data);
                socket::end(&self.control);
            }
            // What the memory says once it cannot say twice: the socket says it, too.
            Some(Fault::Duplicate) => {
                tell(Doom::NONE);
                self.say(from_worker::ANSWER, None, &[]);
            }
            Some(_) => memory.spoil(slot),
        }
    }

    /// Faults of a frame. `true`: it is dealt with.
    pub(super) fn inject_frame(
        &self,
        writer: &mut Writer,
        header: &Header,
        [first, second]: [&[u8]; 2],
    ) -> bool {
        // What a worker says for the pool's sake alone, which nobody can count who writes a test.
        const BESIDE: [u8; 4] =
            [from_worker::BEGUN, from_worker::RETURNED, from_worker::GATED, stream::GRANT];
        if BESIDE.contains(&header.kind) {
            return false;
        }
        let Some(fault) = self.faults.strikes(Fault::is_of_link) else { return false };
        let frame = [&header.to_bytes(), first, second].concat();
        match fault {
            Fault::Corrupt => {
                let mut frame = frame;
                let middle = frame.len() / 2;
                frame[middle] ^= 0x10;
                writer.buffer.extend_from_slice(&frame);
            }
            Fault::Duplicate => {
                writer.buffer.extend_from_slice(&frame);
                writer.buffer.extend_from_slice(&frame);
            }
            Fault::KillTelling(bytes) => {
                let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
                writer.buffer.extend_from_slice(&frame[..bytes.min(frame.len())]);
                self.flush(writer);
                meet(&mut Doom::after(0));
            }
            Fault::Garbage => writer.buffer.extend((0..frame.len()).map(|i| 0xA5 ^ i as u8)),
            Fault::Truncate | Fault::DropLink => {
                if fault == Fault::Truncate {
                    writer.buffer.extend_from_slice(&frame[..frame.len() / 2]);
                }
                self.flush(writer);
                socket::end(&self.data);
                socket::end(&self.control);
            }
            _ => return false,
        }
        true
    }
}

/// Faults of a worker that starts.
pub(super) fn inject_at_boot(faults: &Injection) {
    match faults.strikes(Fault::is_of_boot) {
        Some(Fault::SlowBoot(delay)) => std::thread::sleep(delay),
        Some(Fault::ExitAtBoot(code)) => std::process::exit(code),
        _ => {}
    }
}

/// A step is done of something that a worker may be killed at.
pub(super) fn meet(doom: &mut Doom) {
    if doom.has_come() {
        isolate::end_by(rustix::process::Signal::KILL);
    }
}

/// The end of a worker that has a query and has not begun it.
pub(super) fn end_before(fault: Fault) -> ! {
    use rustix::process::Signal;
    let stops = fault == Fault::StopBefore;
    isolate::end_by(if stops { Signal::STOP } else { Signal::KILL })
}
