//! Faults that a worker injects into itself and its link, for tests.

use super::inbox::Inbox;
use super::memory::Memory;
use super::outgoing::Writer;
use crate::fault::{Doom, FaultKind};
use crate::process::isolate;
use crate::transport::socket;
use crate::wire::message::from_worker;

impl Inbox {
    /// Faults between a begin and the query's code. `true`: the query hangs.
    pub(crate) fn inject_during(&self) -> bool {
        self.inject(|kind| matches!(kind, FaultKind::KillDuring | FaultKind::Hang))
    }

    pub(super) fn inject_before(&self) {
        if let Some(fault) = self.faults.strikes(FaultKind::is_before) {
            end_before(fault);
        }
    }

    /// Faults of nothing that is said. `true`: the query hangs.
    pub(super) fn inject(&self, which: impl Fn(FaultKind) -> bool) -> bool {
        match self.faults.strikes(which) {
            Some(FaultKind::Hang) => true,
            Some(_) => isolate::end_by(rustix::process::Signal::KILL),
            None => false,
        }
    }

    /// Faults of a worker that has put an answer into its buffer.
    pub(super) fn inject_after(&self, writer: &mut Writer) {
        if self.faults.strikes(|kind| kind == FaultKind::KillAfter).is_some() {
            self.flush(writer);
            isolate::end_by(rustix::process::Signal::KILL);
        }
    }

    /// Faults of what a worker says of a query through memory, told by `tell` otherwise.
    pub(super) fn inject_word(&self, memory: &Memory, slot: u32, tell: impl FnOnce(Doom)) {
        let fault = self.faults.strikes(FaultKind::is_of_link);
        match fault {
            None => tell(Doom::NONE),
            Some(FaultKind::KillTelling(steps)) => tell(Doom::after(steps)),
            Some(FaultKind::Truncate | FaultKind::DropLink) => {
                socket::end(&self.data);
                socket::end(&self.control);
            }
            // What the memory says once it cannot say twice: the socket says it, too.
            Some(FaultKind::Duplicate) => {
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
        header: &[u8],
        [first, second]: [&[u8]; 2],
    ) -> bool {
        let fault = self.faults.strikes(FaultKind::is_of_link);
        let Some(fault) = fault else { return false };
        let frame = [header, first, second].concat();
        match fault {
            FaultKind::Corrupt => {
                let mut frame = frame;
                let middle = frame.len() / 2;
                frame[middle] ^= 0x10;
                writer.buffer.extend_from_slice(&frame);
            }
            FaultKind::Duplicate => {
                writer.buffer.extend_from_slice(&frame);
                writer.buffer.extend_from_slice(&frame);
            }
            FaultKind::KillTelling(bytes) => {
                let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
                writer.buffer.extend_from_slice(&frame[..bytes.min(frame.len())]);
                self.flush(writer);
                meet(&mut Doom::after(0));
            }
            FaultKind::Garbage => writer.buffer.extend((0..frame.len()).map(|i| 0xA5 ^ i as u8)),
            FaultKind::Truncate | FaultKind::DropLink => {
                if fault == FaultKind::Truncate {
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

/// A step is done of something that a worker may be killed at.
pub(super) fn meet(doom: &mut Doom) {
    if doom.has_come() {
        isolate::end_by(rustix::process::Signal::KILL);
    }
}

/// The end of a worker that has a query and has not begun it.
pub(super) fn end_before(fault: FaultKind) -> ! {
    use rustix::process::Signal;
    let stops = fault == FaultKind::StopBefore;
    isolate::end_by(if stops { Signal::STOP } else { Signal::KILL })
}
