//! The limits of a worker are in force while it runs something: from where that begins in an idle
//! worker until nothing runs there any more.

use std::os::fd::AsFd;

use super::inbox::{Inbox, State};
use super::stream::Streams;
use crate::process::limits::{self, Bounds};
use crate::sync::lock;
use crate::wire::frame::Header;
use crate::wire::handshake;

impl Inbox {
    /// Has the pool hear of it when this process dies of its memory limit.
    pub(super) fn tell_of_refused_memory(&self) {
        if self.bounds.as_ref().is_some_and(Bounds::has_memory) {
            let word = Header { length: 0, kind: handshake::OUT_OF_MEMORY, id: 0 };
            limits::tell_of_refusal(self.control.as_fd(), word.to_bytes());
        }
    }

    /// Something begins on this thread, and is among what runs.
    pub(super) fn impose_limits(&self, state: &mut State) {
        let Some(bounds) = &self.bounds else { return };
        limits::forget_refusals();
        if !std::mem::replace(&mut state.limited, true) {
            bounds.impose();
        } else {
            // What is beside others does not answer for what they have used.
            bounds.renew();
        }
    }

    /// The function of a raw worker begins: all that it uses counts.
    pub(super) fn impose_limits_for_good(&self) {
        self.impose_limits(&mut lock(&self.state));
    }

    /// A stream has ended.
    pub(super) fn lift_limits_of_stream(&self) {
        if self.bounds.is_some() {
            self.lift_limits(&mut lock(&self.state));
        }
    }

    /// Something has ended, and is not among what runs any more.
    pub(super) fn lift_limits(&self, state: &mut State) {
        let Some(bounds) = &self.bounds else { return };
        let streams = self.streams.as_ref().map_or(0, Streams::count);
        if state.limited && state.running.is_empty() && streams == 0 {
            state.limited = false;
            bounds.lift();
        }
    }
}
