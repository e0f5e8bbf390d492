//! Streams in a worker: the code of each, its outbox, and the thread that runs them all.

mod outbox;
mod run;
mod serve;
mod worker;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::ThreadId;

pub use outbox::Outbox;
pub(crate) use run::{RunStream, run_stream};
pub(super) use serve::serve;
pub use worker::{StreamMessages, StreamWorker};

use super::inbox::Inbox;
use super::memory::Memory;
use crate::error::QueryError;
use crate::options::Window;
use crate::stream::{Carrier, Channel, Hub, Wakes};
use crate::sync::lock;
use crate::transport::memory::{self, Region, Side};
use crate::wire::frame::{Frame, FrameError};

/// The streams of a worker.
pub(crate) struct Streams {
    pub(super) hub: Hub,
    pub(super) window: Window,
    region: Option<Arc<Region>>,
    /// The thread that runs them.
    home: OnceLock<ThreadId>,
    /// What is put is shown soon: that thread is about to.
    shown_soon: AtomicBool,
}

impl Streams {
    pub(super) fn new(window: Window, region: Option<Arc<Region>>) -> Self {
        Self {
            hub: Hub::new(region.clone(), Side::Worker),
            window,
            region,
            home: OnceLock::new(),
            shown_soon: AtomicBool::new(false),
        }
    }

    /// How many there are, those included that are about to be open.
    pub(super) fn count(&self) -> usize {
        self.hub.len()
    }

    pub(super) fn take_frame(&self, frame: Frame) -> Result<Option<Frame>, FrameError> {
        let mut wakes = Wakes::default();
        let taken = self.hub.take_frame(frame, &mut wakes);
        wakes.wake();
        taken
    }

    /// The pool does not want a stream any more.
    pub(super) fn destroy(&self, id: u64) {
        if let Some(channel) = self.hub.get(id) {
            let mut wakes = Wakes::default();
            channel.destroy(&mut wakes);
            wakes.wake();
        }
    }
}

impl Inbox {
    /// Reads what has come for streams through the memory. `true`: something has, or somebody who
    /// waited for room went on.
    pub(super) fn read_streams(&self, streams: &Streams) -> bool {
        let mut wakes = Wakes::default();
        let read = streams.hub.written(false).and_then(|until| {
            // A pool says nothing else there.
            streams.hub.read(until, &mut wakes, drop)
        });
        let Ok(progress) = read else {
            // A pool that does not keep to the protocol is none.
            self.orphan();
            return true;
        };
        let went = streams.hub.go_on(&mut wakes);
        wakes.wake();
        if progress.made_room {
            self.ring();
        }
        progress.came || went
    }

    /// Shows the pool what was put.
    pub(super) fn show_streams(&self, streams: &Streams) {
        // Not a store: what was put by those that left it to this is to be seen here.
        streams.shown_soon.swap(false, Ordering::SeqCst);
        if let Some(region) = &streams.region
            && streams.hub.show()
        {
            self.ring_if(memory::pool_sleeps(region));
        }
    }

    /// Nobody is there any more to hear them, or to be heard.
    pub(super) fn end_streams(&self, streams: &Streams) {
        let mut wakes = Wakes::default();
        for channel in streams.hub.clear() {
            channel.end(Err(QueryError::Cancelled), &mut wakes);
        }
        wakes.wake();
    }

    /// There is something to read, to begin, or to go on with.
    fn has_stream_news(&self, streams: &Streams) -> bool {
        // The pool rings for room only where it sees that this side sleeps.
        streams.hub.has_news()
            || streams.hub.may_go_on()
            || (self.memory.as_ref().is_some_and(Memory::is_there) && self.beginnable() > 0)
    }
}

impl Carrier for Inbox {
    fn put(&self, kind: u8, id: u64, bytes: &[u8]) -> bool {
        match self.streams.as_ref().and_then(|streams| streams.hub.put(kind, id, bytes)) {
            Some(put) => put,
            None => {
                // What is sent is there, whatever becomes of this worker.
                let mut writer = lock(&self.writer);
                self.frame(&mut writer, kind, id, bytes);
                self.flush(&mut writer);
                true
            }
        }
    }

    fn line_up(&self, channel: Arc<Channel>) {
        if let Some(streams) = &self.streams {
            streams.hub.line_up(channel);
        }
    }

    fn flush(self: Arc<Self>) {
        let Some(streams) = &self.streams else { return };
        if streams.shown_soon.swap(true, Ordering::SeqCst) {
            return;
        }
        match streams.home.get() {
            // It does, when it has run what else there is to run.
            Some(home) if *home == std::thread::current().id() => self.wake_executor(),
            _ => self.show_streams(streams),
        }
    }
}
