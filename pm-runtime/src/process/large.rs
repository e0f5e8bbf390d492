//! Large buffers, whose pages cost more than what is written to them: the system clears each when it
//! is first touched, and makes most of them small.
#![allow(unsafe_code, reason = "advice about memory")]

use std::collections::TryReserveError;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use crate::sync::lock;

/// Bytes of a huge page.
const HUGE: usize = 2 << 20;

/// Buffers of fewer bytes are the allocator's own business.
const KEPT: usize = 128 << 10;

/// What is kept for the next who wants a buffer: so many, and so many bytes in all.
const SPARES: usize = 4;
const SPARE_BYTES: usize = 256 << 20;

/// How long it is kept.
const A_WHILE: Duration = Duration::from_secs(1);

static SPARE: Mutex<Spare> = Mutex::new(Spare { buffers: Vec::new(), kept: false });

struct Spare {
    /// With when they were given back; the last one is the one that a cache may still have.
    buffers: Vec<(Instant, Vec<u8>)>,
    /// A thread frees what is kept for too long.
    kept: bool,
}

/// An empty buffer for so many bytes: one that was given back, if there is one that is not much too
/// large, or a fresh one, in huge pages.
pub(crate) fn buffer(length: usize) -> Result<Vec<u8>, TryReserveError> {
    if length >= KEPT
        && let Some(mut spare) = try_lock()
        && let Some(buffer) = spare.take(length)
    {
        return Ok(buffer);
    }
    let mut buffer = Vec::new();
    buffer.try_reserve_exact(length)?;
    advise(&mut buffer);
    Ok(buffer)
}

/// Makes room for so many bytes more.
#[inline]
pub(crate) fn reserve(buffer: &mut Vec<u8>, additional: usize) {
    if buffer.capacity() - buffer.len() < additional {
        grow(buffer, additional);
    }
}

#[cold]
fn grow(small: &mut Vec<u8>, additional: usize) {
    // At least twice as much, so that many additions do not copy it as many times.
    let large = || {
        let needed = small.len().checked_add(additional)?;
        buffer(needed.max(small.capacity().saturating_mul(2))).ok()
    };
    match (additional >= KEPT).then(large).flatten() {
        Some(mut large) => {
            large.extend_from_slice(small);
            give_back(std::mem::replace(small, large));
        }
        None => small.reserve(additional),
    }
}

/// Keeps a buffer for whoever wants one soon.
pub(crate) fn give_back(mut buffer: Vec<u8>) {
    if buffer.capacity() < KEPT {
        return;
    }
    buffer.clear();
    // What is not kept is freed without the lock.
    let _rejected = match try_lock() {
        Some(mut spare) => spare.keep(buffer, Instant::now()),
        None => Some(buffer),
    };
}

/// Nobody has to wait for this, least of all in a fork, where it may be locked for ever.
fn try_lock() -> Option<MutexGuard<'static, Spare>> {
    SPARE.try_lock().ok()
}

impl Spare {
    fn take(&mut self, length: usize) -> Option<Vec<u8>> {
        let fits =
            |buffer: &Vec<u8>| (length..=length.saturating_mul(2)).contains(&buffer.capacity());
        let index = self.buffers.iter().rposition(|(_, buffer)| fits(buffer))?;
        Some(self.buffers.remove(index).1)
    }

    /// Returns it, if it cannot be kept.
    fn keep(&mut self, buffer: Vec<u8>, now: Instant) -> Option<Vec<u8>> {
        let bytes: usize = self.buffers.iter().map(|(_, buffer)| buffer.capacity()).sum();
        let has_room = bytes.saturating_add(buffer.capacity()) <= SPARE_BYTES;
        if !has_room || self.buffers.len() >= SPARES {
            return Some(buffer);
        }
        // A thread of its own, as workers have no other that could: for a second, as a rule.
        if !self.kept {
            let keeper = std::thread::Builder::new().name("pm-runtime spare".into());
            self.kept = keeper.stack_size(64 << 10).spawn(free_in_time).is_ok();
        }
        if !self.kept {
            return Some(buffer);
        }
        self.buffers.push((now, buffer));
        None
    }

    /// Takes out what was kept for too long; says how long the rest may be.
    fn expired(&mut self, now: Instant) -> (Vec<(Instant, Vec<u8>)>, Option<Duration>) {
        let age = |since: &Instant| now.saturating_duration_since(*since);
        let old = self.buffers.extract_if(.., |(since, _)| age(since) >= A_WHILE).collect();
        let rest = self.buffers.iter().map(|(since, _)| A_WHILE.saturating_sub(age(since))).max();
        self.kept = rest.is_some();
        (old, rest)
    }
}

fn free_in_time() {
    let mut next = Some(A_WHILE);
    while let Some(wait) = next {
        std::thread::sleep(wait);
        let (old, rest) = lock(&SPARE).expired(Instant::now());
        // Without the lock.
        drop(old);
        next = rest;
    }
}

fn advise(buffer: &mut Vec<u8>) {
    let room = buffer.spare_capacity_mut();
    let before = room.as_ptr().align_offset(HUGE);
    let length = room.len().saturating_sub(before) / HUGE * HUGE;
    if length == 0 {
        return;
    }
    // SAFETY: the range is within memory of the buffer's own, aligned to whole pages, and the
    // advice changes none of its content. It fails only where the system knows no huge pages.
    let _ = unsafe {
        let start = room.as_mut_ptr().add(before);
        rustix::mm::madvise(start.cast(), length, rustix::mm::Advice::LinuxHugepage)
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spare(sizes: &[usize], now: Instant) -> Spare {
        let mut spare = Spare { buffers: Vec::new(), kept: true };
        for size in sizes {
            spare.keep(Vec::with_capacity(*size), now);
        }
        spare
    }

    #[test]
    fn a_spare_buffer_is_large_enough_and_not_much_larger() {
        let mut spare = spare(&[1 << 20, 8 << 20], Instant::now());
        assert_eq!(spare.take(2 << 20), None);
        assert_eq!(spare.take(9 << 20), None);
        assert_eq!(spare.take(1 << 20).map(|buffer| buffer.capacity()), Some(1 << 20));
        assert_eq!(spare.take(4 << 20).map(|buffer| buffer.capacity()), Some(8 << 20));
        assert_eq!(spare.take(4 << 20), None);
    }

    #[test]
    fn what_is_kept_has_a_bound() {
        let now = Instant::now();
        assert_eq!(spare(&[KEPT; 100], now).buffers.len(), SPARES);
        assert_eq!(spare(&[SPARE_BYTES, KEPT], now).buffers.len(), 1);
        assert_eq!(spare(&[SPARE_BYTES + 1], now).buffers.len(), 0);
    }

    #[test]
    fn what_nobody_wants_is_kept_for_a_while() {
        let start = Instant::now();
        let mut spare = spare(&[KEPT, KEPT], start);
        spare.keep(Vec::with_capacity(2 * KEPT), start + A_WHILE / 2);
        let (old, rest) = spare.expired(start + A_WHILE / 2);
        assert_eq!((old.len(), rest), (0, Some(A_WHILE)));
        let (old, rest) = spare.expired(start + A_WHILE);
        assert_eq!((old.len(), rest), (2, Some(A_WHILE / 2)));
        let (old, rest) = spare.expired(start + 2 * A_WHILE);
        assert_eq!((old.len(), rest, spare.kept), (1, None, false));
    }

    #[test]
    fn room_is_made_for_many_bytes_and_for_few() {
        let mut buffer = vec![1, 2];
        for additional in [1, 100, KEPT, KEPT, 1, 3 * HUGE] {
            let before = buffer.clone();
            reserve(&mut buffer, additional);
            assert!(buffer == before && buffer.capacity() >= buffer.len() + additional);
            buffer.resize(buffer.len() + additional, 3);
        }
    }

    #[test]
    fn many_additions_make_room_a_few_times() {
        let (mut buffer, mut times) = (Vec::new(), 0);
        for _ in 0..100 {
            let before = buffer.capacity();
            reserve(&mut buffer, KEPT);
            times += u32::from(buffer.capacity() != before);
            buffer.resize(buffer.len() + KEPT, 3);
        }
        assert!(times <= 8, "{times} times");
    }

    #[test]
    fn buffers_of_every_size_are_good_for_as_many_bytes() {
        for length in [0, 1, KEPT, HUGE - 1, HUGE, 5 * HUGE + 7] {
            let mut buffer = buffer(length).unwrap();
            assert!(buffer.is_empty() && buffer.capacity() >= length);
            buffer.resize(length, 7);
            give_back(buffer);
        }
        assert!(buffer(usize::MAX).is_err());
    }
}
