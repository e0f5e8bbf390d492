//! Queries and answers through memory that a pool shares with its worker.
//!
//! Each query has a slot, and each slot names the one that will be used next, so that the worker
//! knows where to look. Whether a query has begun is one exchange of its slot's state word: the
//! worker begins it, or the pool takes it back or holds it, without waiting for each other.
//! What is too long for a slot runs through a stream beside it.

mod atomic;
mod far;
mod futex;
mod lane;
mod layout;
#[cfg(pm_loom)]
mod lent;
#[cfg(any(pm_loom, miri))]
mod model;
mod near;
mod prefetch;
#[cfg(not(any(pm_loom, miri)))]
mod region;
mod stream;
#[cfg(all(target_arch = "x86_64", not(miri), not(pm_loom)))]
mod string;
#[cfg(all(test, not(pm_loom)))]
mod tests;
mod words;

pub(crate) use far::{
    Claim, Ending, Long, Next, Requests, Sleep, end, is_there, pool_sleeps, sleep, sleep_for_room,
    sleep_on, spoil, took,
};
pub(crate) use lane::{Lanes, PIECE, Progress, Side, Words};
pub(crate) use layout::{INLINE, Shape};
#[cfg(any(pm_loom, miri))]
pub(crate) use model::Region;
pub(crate) use near::{About, Heard, Near, Posting};
#[cfg(not(any(pm_loom, miri)))]
pub(crate) use region::Region;
pub(crate) use stream::Broken;

use crate::process::large::buffer;

/// A flag beside the kind of an end: the worker has sent something about the query over the
/// socket, which comes first.
const SAID: u32 = 1 << 8;

/// Another one: nobody was told that the query ran, though somebody follows it.
const UNTOLD: u32 = 1 << 9;

/// Whether the worker sleeps, and may miss what was posted before.
pub(crate) fn sleeps(region: &Region) -> bool {
    use atomic::{Ordering, fence};
    fence(Ordering::SeqCst);
    let bell = &region.head().bells.worker_sleeps.0;
    bell.load(Ordering::Relaxed) != 0
}

/// Wakes the worker, if it sleeps, from either side. `true`: it waits for its socket, and has to be
/// rung there.
pub(crate) fn wake(region: &Region) -> bool {
    use atomic::Ordering;
    if !sleeps(region) {
        return false;
    }
    let bell = &region.head().bells.worker_sleeps.0;
    match bell.swap(0, Ordering::SeqCst) {
        0 => false,
        how if how == Sleep::OnSocket as u32 => true,
        _ => {
            futex::wake(bell);
            false
        }
    }
}

/// Wakes a worker that waits for room for the rest of an answer, from either side.
pub(crate) fn wake_for_room(region: &Region) {
    use atomic::{Ordering, fence};
    fence(Ordering::SeqCst);
    let room = &region.head().bells.room.0;
    if room.load(Ordering::Relaxed) != 0 && room.swap(0, Ordering::SeqCst) != 0 {
        futex::wake(room);
    }
}
