//! The worker's end of shared memory. It trusts its pool.

use std::sync::Arc;

use super::atomic::{Ordering, fence};
use super::layout::{self, INLINE, Slot, TOOK, state};
use super::stream::{Reader, Writer};
use super::{Region, SAID, UNTOLD, buffer, futex};
use crate::transport::payload::after;
use crate::wire::small::SmallBytes;

/// A query that the worker has begun.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) slot: u32,
    pub(crate) id: u64,
    pub(crate) terms: u32,
    pub(crate) timeout: u64,
}

/// Which query the worker begins next.
pub(crate) struct Next {
    region: Arc<Region>,
    cursor: u32,
    /// Slots were given back that the pool may be waiting for.
    passed: bool,
}

impl Next {
    pub(crate) fn new(region: Arc<Region>) -> Self {
        Self { region, cursor: 0, passed: false }
    }

    /// Whether slots were given back since.
    pub(crate) fn take_passed(&mut self) -> bool {
        std::mem::take(&mut self.passed)
    }

    /// The slot of the next query.
    pub(crate) fn cursor(&self) -> u32 {
        self.cursor
    }

    /// Whether there is something that may begin now, or was taken back.
    pub(crate) fn is_there(&self) -> bool {
        is_there(&self.region, self.cursor)
    }

    /// How many may begin now; counts to `most`.
    pub(crate) fn count(&mut self, most: usize) -> usize {
        // Where nothing will begin, nobody else gives back what was taken.
        self.terms();
        let (mut count, mut cursor) = (0, self.cursor);
        while count < most {
            let slot = self.slot(cursor);
            match slot.state.load(Ordering::Acquire) {
                state::POSTED => count += 1,
                state::TAKEN => {}
                _ => break,
            }
            cursor = slot.next.load(Ordering::Relaxed);
        }
        count
    }

    /// On what terms the next query runs, if there is one.
    pub(crate) fn terms(&mut self) -> Option<u32> {
        loop {
            let slot = self.slot(self.cursor);
            match slot.state.load(Ordering::Acquire) {
                state::POSTED => return Some(slot.kind.load(Ordering::Relaxed)),
                state::TAKEN => self.pass(),
                _ => return None,
            }
        }
    }

    /// Begins the next query, if there is one.
    pub(crate) fn begin(&mut self, now: u64) -> Option<Claim> {
        loop {
            let index = self.cursor;
            let slot = self.slot(index);
            match slot.state.load(Ordering::Acquire) {
                state::POSTED => {}
                state::TAKEN => {
                    self.pass();
                    continue;
                }
                _ => return None,
            }
            let claim = Claim {
                slot: index,
                id: slot.id.load(Ordering::Relaxed),
                terms: slot.kind.load(Ordering::Relaxed),
                timeout: slot.timeout.load(Ordering::Relaxed),
            };
            let next = slot.next.load(Ordering::Relaxed);
            slot.begun_at.store(now, Ordering::Relaxed);
            let begun = slot.state.compare_exchange(
                state::POSTED,
                state::BEGUN,
                Ordering::AcqRel,
                Ordering::Acquire,
            );
            if begun.is_ok() {
                self.cursor = next;
                return Some(claim);
            }
        }
    }

    /// Goes on behind a query that was taken back.
    fn pass(&mut self) {
        let slot = self.slot(self.cursor);
        let next = slot.next.load(Ordering::Relaxed);
        slot.state.store(state::PASSED, Ordering::Release);
        self.cursor = next;
        self.passed = true;
    }

    /// Says that nobody looks until the pool wakes this side, in this way. `false`: there is
    /// something already.
    pub(crate) fn sleep(&self, how: Sleep) -> bool {
        sleep(&self.region, how);
        !self.is_there()
    }

    fn slot(&self, index: u32) -> &Slot {
        &self.region.slots()[index as usize]
    }
}

/// Whether there is something in this slot that may begin now, or was taken back.
pub(crate) fn is_there(region: &Region, slot: u32) -> bool {
    let seen = region.slots()[slot as usize].state.load(Ordering::Acquire);
    seen == state::POSTED || seen == state::TAKEN
}

/// Where the worker reads its requests. One thread at a time, from a begin until all of that
/// query is there, so that they are read in order.
#[derive(Default)]
pub(crate) struct Requests {
    reader: Reader,
}

impl Requests {
    /// The whole request of a query that has just begun. `wait` waits until more of it has come;
    /// `false`: it never will.
    pub(crate) fn receive(
        &mut self,
        region: &Region,
        slot: u32,
        mut wait: impl FnMut(&dyn Fn() -> bool) -> bool,
    ) -> Option<SmallBytes> {
        let slot = &region.slots()[slot as usize];
        let length = slot.length.load(Ordering::Relaxed) as usize;
        if length <= INLINE {
            return Some(layout::load_inline(slot, length));
        }
        let mut request = buffer(length).unwrap_or_default();
        self.reader.seek(slot.offset().load(Ordering::Relaxed));
        while request.len() < length {
            let missing = length - request.len();
            if let Ok(0) | Err(_) = self.reader.read(region.requests(), missing, &mut request) {
                let reader = &self.reader;
                if !wait(&|| reader.available(region.requests()) != Ok(0)) {
                    return None;
                }
            }
        }
        Some(request.into())
    }
}

/// How a side sleeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sleep {
    /// On the word itself.
    OnWord = 1,
    /// Until its socket has something.
    OnSocket = 2,
}

/// Says that nobody looks until the pool wakes this side; what could have come has to be looked
/// for after this.
pub(crate) fn sleep(region: &Region, how: Sleep) {
    region.head().bells.worker_sleeps.0.store(how as u32, Ordering::SeqCst);
    fence(Ordering::SeqCst);
}

/// Sleeps until the pool, or [`wake`], ends it; at once if that has happened since.
pub(crate) fn sleep_on(region: &Region) {
    futex::wait(&region.head().bells.worker_sleeps.0, Sleep::OnWord as u32);
}

/// Sleeps until there is room for more of an answer.
pub(crate) fn sleep_for_room(region: &Region, has_room: impl Fn() -> bool) {
    let room = &region.head().bells.room.0;
    room.store(1, Ordering::SeqCst);
    fence(Ordering::SeqCst);
    if !has_room() {
        futex::wait(room, 1);
    }
}

/// Where ends of queries are told that are too long for their slots. One thread at a time holds
/// it.
#[derive(Default)]
pub(crate) struct Long {
    answers: Writer,
}

/// Tells how long a query ran, in nanoseconds, before it is told how it ended.
pub(crate) fn took(region: &Region, slot: u32, nanos: u64) {
    region.slots()[slot as usize].timeout.store(TOOK | nanos.min(TOOK - 2), Ordering::Relaxed);
}

/// How a query ended.
pub(crate) struct Ending<'a> {
    pub(crate) slot: u32,
    pub(crate) kind: u8,
    /// It has said something over the socket.
    pub(crate) said: bool,
    /// Somebody follows it, and was not told that it ran.
    pub(crate) untold: bool,
    /// As [`Parts`](crate::transport::payload::Parts); so few bytes that they fit into a slot have
    /// no first part.
    pub(crate) parts: [&'a [u8]; 2],
}

impl Ending<'_> {
    fn length(&self) -> usize {
        self.parts[0].len() + self.parts[1].len()
    }
}

/// Tells how a query ended. After each `step` a test may have the worker killed.
pub(crate) fn end(region: &Region, ending: &Ending<'_>, mut step: impl FnMut()) {
    step();
    layout::store_inline(&region.slots()[ending.slot as usize], ending.parts[1]);
    step();
    tell(region, ending, step);
}

impl Long {
    /// The same, in more bytes than its slot holds. `wait` lets the pool hear of what is there, and
    /// waits until there is room for more, which its argument tells; `false`: nobody will read it.
    pub(crate) fn end(
        &mut self,
        region: &Region,
        ending: &Ending<'_>,
        mut step: impl FnMut(),
        mut wait: impl FnMut(&dyn Fn() -> bool) -> bool,
    ) {
        let (slot, length) = (&region.slots()[ending.slot as usize], ending.length());
        slot.offset().store(self.answers.position(), Ordering::Relaxed);
        step();
        let buffer = region.answers();
        let mut written = self.answers.write(buffer, ending.parts).unwrap_or(0);
        step();
        tell(region, ending, &mut step);
        while written < length {
            let answers = &self.answers;
            if !wait(&|| answers.room(buffer) != Ok(0)) {
                return;
            }
            let rest = after(written, ending.parts);
            written += self.answers.write(buffer, rest).unwrap_or(0);
            step();
        }
    }
}

/// Leaves a slot in a state in which it cannot be, for tests.
pub(crate) fn spoil(region: &Region, slot: u32) {
    region.slots()[slot as usize].state.store(state::PASSED, Ordering::Release);
}

fn tell(region: &Region, ending: &Ending<'_>, mut step: impl FnMut()) {
    let slot = &region.slots()[ending.slot as usize];
    slot.length.store(ending.length() as u32, Ordering::Relaxed);
    step();
    let flag = |is_set, flag| if is_set { flag } else { 0 };
    let flags = flag(ending.said, SAID) | flag(ending.untold, UNTOLD);
    slot.kind.store(u32::from(ending.kind) | flags, Ordering::Relaxed);
    step();
    slot.state.store(state::DONE, Ordering::Release);
    step();
}

/// Whether the pool has to be rung, which then sleeps no more.
pub(crate) fn pool_sleeps(region: &Region) -> bool {
    fence(Ordering::SeqCst);
    let bell = &region.head().bells.pool_sleeps.0;
    bell.load(Ordering::Relaxed) != 0 && bell.swap(0, Ordering::SeqCst) != 0
}
