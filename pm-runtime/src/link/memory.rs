//! The queries of a worker with which the pool shares memory.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use super::{Handing, Word};
use crate::sync::lock;
use crate::transport::memory::{self, About, Heard, Near, Posting, Region};
use crate::transport::payload::Parts;
use crate::transport::socket::Read;
use crate::wire::frame::{Frame, FrameError};
use crate::wire::message::{FromWorker, NONE, from_worker};

pub(super) struct Memory {
    region: Arc<Region>,
    near: Mutex<Near>,
    /// Something was handed over and not posted at once.
    unposted: AtomicBool,
    /// What was said for queries whose begins were not known yet.
    early: Mutex<Vec<Frame>>,
}

impl Memory {
    pub(super) fn new(region: Arc<Region>, longest: u32, concurrency: u32) -> Self {
        Self {
            near: Mutex::new(Near::new(region.clone(), longest as usize, concurrency as usize)),
            region,
            unposted: AtomicBool::new(false),
            early: Mutex::default(),
        }
    }

    /// Posts a query that takes no time to copy; [`flush`](Self::flush) wakes the worker for it,
    /// and posts others.
    pub(super) fn hand(&self, handing: Handing<'_, impl Parts + Send + Sync + 'static>) {
        let Handing { id, request, terms, timeout } = handing;
        let about = About { id, terms: terms.to_wire(), timeout };
        let mut near = lock(&self.near);
        if let [[], bytes] = request.parts()
            && near.post(about, bytes)
        {
            return;
        }
        near.push(Posting { about, payload: request.clone() });
        self.unposted.store(true, Ordering::Release);
    }

    pub(super) fn take_back(&self, id: u64) -> bool {
        lock(&self.near).take_back(id)
    }

    pub(super) fn shut_gate(&self) -> Vec<u64> {
        lock(&self.near).shut_gate()
    }

    pub(super) fn open_gate(&self) {
        let mut near = lock(&self.near);
        near.open_gate();
        // What came meanwhile, or waited before.
        self.unposted.store(near.has_backlog(), Ordering::Release);
    }

    /// Posts what fits. `true`: the worker sleeps where only its socket wakes it.
    pub(super) fn flush(&self) -> bool {
        let mut ring = false;
        // Nearly never; to look costs less than to swap.
        if self.unposted.load(Ordering::Acquire) && self.unposted.swap(false, Ordering::AcqRel) {
            let mut near = lock(&self.near);
            // What makes no sense shows when the worker is read from.
            let _ = near.flush();
            if near.is_sending() {
                // It reads the first of it meanwhile.
                ring = memory::wake(&self.region);
                let _ = near.flush();
            }
        }
        memory::wake(&self.region) | ring
    }

    /// Wakes the worker, if it sleeps. `true`: only its socket wakes it.
    pub(super) fn wake(&self) -> bool {
        memory::wake(&self.region)
    }

    /// Everything is posted, and the worker does not sleep.
    pub(super) fn is_awake(&self) -> bool {
        !self.unposted.load(Ordering::Acquire) && !memory::sleeps(&self.region)
    }

    pub(super) fn sleep(&self) -> bool {
        lock(&self.near).sleep()
    }

    pub(super) fn has_news(&self) -> bool {
        lock(&self.near).has_news()
    }

    pub(super) fn begun(&self) -> Vec<Word> {
        let begun = lock(&self.near).begun();
        let at = Some(Instant::now());
        begun.into_iter().map(|id| Ok(FromWorker::Begun { id, at })).collect()
    }

    pub(super) fn attend(&self) {
        lock(&self.near).attend();
    }

    /// Reads what the worker has done, and what it says over its socket: unless `all` is to be
    /// read, which is a system call, only if a query that has ended said something. `moved`: some of a long message was
    /// read or written.
    ///
    /// What a query says belongs between its begin and its end, which come another way.
    pub(super) fn read(
        &self,
        heard: &mut Vec<Heard>,
        words: &mut Vec<Word>,
        all: bool,
        moved: &mut bool,
        ring_socket: impl FnOnce(),
        mut read_socket: impl FnMut(&mut Vec<Frame>) -> Result<Read, FrameError>,
    ) -> Result<Read, FrameError> {
        let mut near = lock(&self.near);
        let posted = near.flush();
        let read = posted.and_then(|_| near.poll(heard));
        // Slots may be free again for what still waits to be posted.
        let posted_later = read.and_then(|_| near.flush());
        drop(near);
        // Who has nothing new to look at sleeps on.
        let posts = posted == Ok(true) || posted_later == Ok(true);
        *moved |= posts || read == Ok(true);
        if posts && memory::wake(&self.region) {
            ring_socket();
        }
        let said = heard.iter().any(|heard| matches!(heard, Heard::Ended { said: true, .. }));
        let mut frames = Vec::new();
        let mut socket = Ok(Read::Empty);
        // All that was sent before the ends is there; whoever floods this has to wait.
        for _ in 0..if said { 64 } else { usize::from(all) } {
            socket = read_socket(&mut frames);
            if !matches!(socket, Ok(Read::Some)) {
                break;
            }
        }
        let came = !heard.is_empty() || !frames.is_empty();
        let mut early = lock(&self.early);
        let waited = std::mem::take(&mut *early).into_iter().map(|frame| (frame, true));
        let mut rest: Vec<_> =
            waited.chain(frames.into_iter().map(|frame| (frame, false))).collect();
        let mut ticks = Ticks::new();
        let begun = |id, at| Ok(FromWorker::Begun { id, at: Some(at) });
        for heard in heard.drain(..) {
            match heard {
                Heard::Took { nanos } => {
                    words.push(Ok(FromWorker::Took { time: Duration::from_nanos(nanos) }));
                }
                Heard::Begun { id, at } => words.push(begun(id, ticks.instant(at))),
                Heard::Ended {
                    id,
                    begun: Some(at),
                    kind: from_worker::ANSWER,
                    said: false,
                    untold: false,
                    bytes,
                } => {
                    let at = ticks.instant(at);
                    match FromWorker::answered(id, at, bytes) {
                        Ok(answer) => words.push(Ok(answer)),
                        Err(error) => words.extend([begun(id, at), Err(error)]),
                    }
                }
                Heard::Ended { id, begun: at, kind, said, untold, bytes } => {
                    words.extend(at.map(|at| begun(id, ticks.instant(at))));
                    words.extend(untold.then_some(Ok(FromWorker::Untold { id })));
                    if let Some(last) = rest.iter().rposition(|(frame, _)| frame.id == id && said) {
                        // What was said before that for no query keeps its place.
                        let is_due = |frame: &Frame| frame.id == id || frame.id == NONE;
                        let said = rest.extract_if(..=last, |(frame, _)| is_due(frame));
                        words.extend(said.map(|(frame, _)| FromWorker::try_from(frame)));
                    }
                    words.push(FromWorker::try_from(Frame { kind, id, payload: bytes }));
                }
            }
        }
        let near = lock(&self.near);
        for (frame, has_waited) in rest {
            // Its query has begun since the memory was read: that will be known the next time.
            match !has_waited && speaks(&frame) && !near.is_begun(frame.id) {
                true => early.push(frame),
                false => words.push(FromWorker::try_from(frame)),
            }
        }
        drop(near);
        match (posted_later, socket) {
            (Err(_), _) => Err(FrameError::Memory),
            (Ok(_), Ok(Read::Empty)) if came => Ok(Read::Some),
            (Ok(_), socket) => socket,
        }
    }
}

/// It is about a query that runs.
fn speaks(frame: &Frame) -> bool {
    let kinds = [from_worker::DEBUG, from_worker::MESSAGE, from_worker::EXTENDED];
    kinds.contains(&frame.kind) && frame.id != NONE
}

/// The times that a worker read, as this process has them. Many of them are the same, because that
/// clock is a coarse one.
struct Ticks {
    last: Option<(u64, Instant)>,
}

impl Ticks {
    fn new() -> Self {
        Self { last: None }
    }

    fn instant(&mut self, nanos: u64) -> Instant {
        match self.last {
            Some((last, instant)) if last == nanos => instant,
            _ => self.last.insert((nanos, CLOCK.instant(nanos))).1,
        }
    }
}

/// What the clock that workers read has to do with this process's.
static CLOCK: LazyLock<Clock> = LazyLock::new(Clock::read);

/// Both clocks at the same time: they go on alike.
struct Clock {
    theirs: u64,
    ours: Instant,
}

impl Clock {
    fn read() -> Self {
        let clock = clock_gettime(ClockId::Monotonic);
        let theirs = (clock.tv_sec as u64).saturating_mul(1_000_000_000) + clock.tv_nsec as u64;
        Self { theirs, ours: Instant::now() }
    }

    /// The time that a worker read, in nanoseconds; the time of the first such question, if that
    /// cannot be.
    fn instant(&self, nanos: u64) -> Instant {
        let instant = match nanos.checked_sub(self.theirs) {
            Some(after) => self.ours.checked_add(Duration::from_nanos(after)),
            None => self.ours.checked_sub(Duration::from_nanos(self.theirs - nanos)),
        };
        instant.unwrap_or(self.ours)
    }
}
