//! The threads of a raw worker: one runs its function, the watching one reads what comes.

use std::future::Future;
use std::os::fd::AsFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, PoisonError};

use super::{RawChannel, Return};
use crate::child::driver::Driver;
use crate::child::inbox::Inbox;
use crate::child::panics;
use crate::child::stream::Streams;
use crate::child::watch::Bell;
use crate::stream::{Carrier, Channel};
use crate::sync::lock;
use crate::transport::socket::{self, Wait};
use crate::wire::codec;
use crate::wire::message::{RAW, from_worker};

/// The function of a raw worker.
#[derive(Clone, Copy)]
pub(crate) enum RunRaw {
    Blocking(fn(RawChannel) -> Return),
    Async(fn(RawChannel) -> Pin<Box<dyn Future<Output = Return>>>),
}

/// The one stream of a raw worker is there before anything can come.
pub(in crate::child) fn enter(streams: &Streams, max_frame: usize) {
    streams.hub.enter(RAW, Arc::new(Channel::new(streams.window, max_frame)));
}

/// Runs the function, and tells how it ended. `None`: it never came to that, and the pool knows.
pub(in crate::child) fn serve(inbox: &Arc<Inbox>, driver: &Driver, run: RunRaw) -> Option<()> {
    let channel = inbox.streams.as_ref()?.hub.get(RAW)?;
    channel.attach(RAW, inbox.clone());
    // It may have to be said that something was read by now.
    channel.let_end();
    inbox.tell_ready();
    if !inbox.wait_for_gate() {
        // A spare that nobody has needed.
        inbox.end_raw();
        inbox.leave();
        return Some(());
    }
    inbox.impose_limits_for_good();
    let raw = RawChannel::new(inbox.clone(), channel.clone());
    let returned = catch_unwind(AssertUnwindSafe(|| match run {
        RunRaw::Blocking(run) => run(raw),
        RunRaw::Async(run) => driver.block_on(run(raw)),
    }));
    let (kind, bytes, code) = match returned {
        Ok(Return(Ok(()))) => (from_worker::CLOSED, Vec::new(), 0),
        Ok(Return(Err(error))) => (from_worker::FAILED, String::from(error).into_bytes(), 1),
        Err(payload) => {
            let note = panics::caught(payload);
            // As a program ends that panics.
            (from_worker::PANICKED, codec::encode(&note).unwrap_or_default(), 101)
        }
    };
    channel.finish(kind, bytes);
    inbox.clone().flush();
    // What it has sent is on its way before it ends.
    smol::future::block_on(std::future::poll_fn(|cx| channel.poll_finished(cx)));
    inbox.end_raw();
    inbox.leave_with(code);
    Some(())
}

impl Inbox {
    /// Waits until the function may begin. `false`: it never will.
    fn wait_for_gate(&self) -> bool {
        let mut state = lock(&self.state);
        while !state.gate_open && !state.ending && !state.orphaned {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.gate_open
    }

    /// Reads what comes, until the pool is gone. For the watching thread.
    pub(in crate::child) fn watch_raw(&self) {
        let Some(streams) = &self.streams else { return };
        loop {
            let mut busy = self.read_raw(streams);
            busy |= self.pull(Wait::No);
            match self.hear_bell() {
                Bell::Rang => busy = true,
                Bell::Silent => {}
                Bell::Gone => return self.orphan(),
            }
            if self.is_orphaned() {
                return;
            }
            if busy {
                continue;
            }
            if let Some(memory) = &self.memory {
                memory.sleep_on_socket();
                if streams.hub.has_news() || streams.hub.may_go_on() {
                    continue;
                }
            }
            socket::wait_for_either(self.control.as_fd(), self.data());
        }
    }

    /// Reads what has come, for who waits for it; looks for it for a moment, where that pays.
    pub(super) fn look_for_raw(&self) {
        let (Some(memory), Some(streams)) = (&self.memory, &self.streams) else { return };
        if self.read_raw(streams) || !self.luck.is_good() {
            return;
        }
        // As long as somebody looks, the pool need not ring.
        memory.wake();
        self.luck.look(|| streams.hub.has_news());
        memory.sleep_on_socket();
        self.read_raw(streams);
    }

    /// Reads what has come through the memory, and shows what had to wait for room, or was said of what
    /// nobody reads. `true`: there was something.
    fn read_raw(&self, streams: &Streams) -> bool {
        let busy = self.read_streams(streams);
        if busy {
            self.show_streams(streams);
        }
        busy
    }

    /// Nobody is there any more to hear it, or to be heard.
    pub(in crate::child) fn end_raw(&self) {
        if let Some(streams) = &self.streams {
            self.end_streams(streams);
        }
    }
}
