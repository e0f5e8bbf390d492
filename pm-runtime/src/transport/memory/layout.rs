//! What a pool and a worker have in common: slots for queries and their answers, two streams for
//! what is too long for a slot, and the words that say who sleeps.
//!
//! Every field is an atomic, so that whatever the other side writes, and whenever, a read gives
//! some value; what the value is good for, its reader has to check. Those that are lent belong to
//! one side at a time, as long as both keep to the rules, and the states, ends and bells say whose
//! they are.

use super::atomic::{AtomicU32, AtomicU64, Lent32, Lent64};
use crate::wire::small::SmallBytes;

/// Bytes of a message that fit into its slot.
pub(crate) const INLINE: usize = 8 * INLINE_WORDS;
const INLINE_WORDS: usize = 11;

/// Bytes of a stream's buffer: enough for both sides to be at work, few enough for a cache.
pub(crate) const STREAM: usize = 1 << 20;

/// Bytes that are written, or read, before the other side hears of it: few enough that both are at
/// work most of the time, enough that they do not hear of each other all the time.
pub(crate) const STEP: usize = 128 << 10;

/// What a slot's state word says; 0 at first. The pool moves it along `0 → POSTED`, `POSTED → HELD`,
/// `HELD → POSTED`, `POSTED → TAKEN`, `HELD → TAKEN`, the worker along `POSTED → BEGUN`,
/// `BEGUN → DONE`, `TAKEN → PASSED`. From `POSTED` both can go on, so that this is an exchange:
/// whether a query has begun is decided here, once.
pub(crate) mod state {
    /// A query that nobody has begun.
    pub(crate) const POSTED: u32 = 1;
    /// The gate is shut: it must not begin now.
    pub(crate) const HELD: u32 = 2;
    /// The pool has taken it back.
    pub(crate) const TAKEN: u32 = 3;
    /// The worker has begun it.
    pub(crate) const BEGUN: u32 = 4;
    /// It has ended: the slot holds how.
    pub(crate) const DONE: u32 = 5;
    /// The worker has seen that it was taken back, and will not look at the slot any more.
    pub(crate) const PASSED: u32 = 6;
}

/// Marks a time that was measured: no timeout that ends has this bit.
pub(crate) const TOOK: u64 = 1 << 63;

/// A place for a query, then for its end. Two cache lines, which processors fetch as a pair; what
/// every query needs is in the first.
#[repr(C, align(128))]
pub(crate) struct Slot {
    pub(crate) state: AtomicU32,
    /// The slot of the query that will be posted after this one.
    pub(crate) next: Lent32,
    /// Bytes of the message.
    pub(crate) length: Lent32,
    /// On what terms the query runs; then what kind of end it came to, and its flags.
    pub(crate) kind: Lent32,
    /// The query's name.
    pub(crate) id: Lent64,
    /// How long it may run, in nanoseconds, as [`Posting::timeout`](super::Posting); then, where
    /// the worker has measured that, how long it ran, with [`TOOK`].
    pub(crate) timeout: Lent64,
    /// When it began, on the system's coarse clock, in nanoseconds.
    pub(crate) begun_at: Lent64,
    /// The message; or, if it is too long for the slot, in the first word where in its stream it
    /// begins. Three words of it are in the first line.
    pub(crate) inline: [Lent64; INLINE_WORDS],
}

impl Slot {
    /// Where in its stream the message begins.
    pub(crate) fn offset(&self) -> &Lent64 {
        &self.inline[0]
    }
}

/// A word with a cache line of its own.
#[repr(C, align(128))]
pub(crate) struct Alone<T>(pub(crate) T);

/// Who waits for whom.
#[repr(C)]
pub(crate) struct Bells {
    /// 1: the worker sleeps on this word; 2: it waits for its socket.
    pub(crate) worker_sleeps: Alone<AtomicU32>,
    /// 1: nobody in the pool's process looks; the worker rings.
    pub(crate) pool_sleeps: Alone<AtomicU32>,
    /// 1: the worker sleeps on this word until there is room for the rest of an answer.
    pub(crate) room: Alone<AtomicU32>,
}

/// How far a stream was written and read, in bytes since its start.
#[repr(C)]
pub(crate) struct Ends {
    pub(crate) written: Alone<AtomicU64>,
    pub(crate) read: Alone<AtomicU64>,
}

/// Bytes of a lane: few enough for a cache.
pub(crate) const LANE: usize = 256 << 10;

/// What is known of a lane beside its bytes.
#[repr(C)]
pub(crate) struct LaneHead {
    pub(crate) ends: Ends,
    /// How far it was written, seen or not: for who looks when the writer is dead.
    pub(crate) put: Alone<AtomicU64>,
    /// 1: who writes waits for room.
    pub(crate) wanted: Alone<AtomicU32>,
}

/// What stands before the slots.
#[repr(C)]
pub(crate) struct Head {
    pub(crate) bells: Bells,
    pub(crate) requests: Ends,
    pub(crate) answers: Ends,
    /// Of what streams say to the worker, and to the pool; used where there are such.
    pub(crate) lanes: [LaneHead; 2],
}

/// What a region has room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    /// Queries.
    pub(crate) slots: usize,
    /// What streams say.
    pub(crate) lanes: bool,
}

impl Shape {
    /// Bytes of the whole.
    pub(crate) fn length(self) -> usize {
        let lanes = if self.lanes { 2 * LANE } else { 0 };
        size_of::<Head>() + self.slots * size_of::<Slot>() + 2 * STREAM + lanes
    }
}

/// Stores a message that fits into a slot.
pub(crate) fn store_inline(slot: &Slot, bytes: &[u8]) {
    super::words::store(&slot.inline, bytes);
}

/// Loads a message of a slot; `length` is at most [`INLINE`].
pub(crate) fn load_inline(slot: &Slot, length: usize) -> SmallBytes {
    SmallBytes::filled(length, |room| super::words::fill(&slot.inline, room))
}
