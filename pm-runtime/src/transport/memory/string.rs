//! Copying many bytes to and from shared words with the processor's own instruction for that.
//!
//! Between two cores it is three times as fast as a loop over the words, which waits for a line of
//! the other core's cache after the other. To the language it is neither a copy, which would be a
//! race with whatever the other side does to the words meanwhile, nor anything that the compiler
//! could do a second time, or elsewhere: it knows only that memory has changed.
#![allow(unsafe_code, reason = "an instruction")]

use std::arch::asm;

use super::atomic::Lent64;
use super::words::WORD;

/// Fewer bytes are copied faster by a loop.
const MANY: usize = 512;

/// Stores whole words, as many as both have, if those are many; returns how many bytes that were.
///
/// They may be stored in any order, but before whatever is stored afterwards.
pub(super) fn store(words: &[Lent64], bytes: &[u8]) -> usize {
    let length = (bytes.len() / WORD).min(words.len()) * WORD;
    if length < MANY {
        return 0;
    }
    // SAFETY: both are valid for so many bytes. The words may be written through a shared
    // reference, as they are atomics, and those that are shared with somebody else are no
    // variables of this program's. They do not overlap: the bytes are nobody else's to write.
    unsafe { copy(bytes.as_ptr(), words.as_ptr().cast_mut().cast(), length) };
    length
}

/// Appends whole words, `length` bytes at most, if those are many; returns how many bytes that
/// were. There has to be room for them.
pub(super) fn load(words: &[Lent64], length: usize, bytes: &mut Vec<u8>) -> usize {
    let room = bytes.capacity() - bytes.len();
    let length = (length.min(room) / WORD).min(words.len()) * WORD;
    if length < MANY {
        return 0;
    }
    // SAFETY: the words are valid for reads of so many bytes, whatever the other side makes of
    // them, and there is room for as many, which are initialized then.
    unsafe {
        copy(words.as_ptr().cast(), bytes.as_mut_ptr().add(bytes.len()), length);
        bytes.set_len(bytes.len() + length);
    }
    length
}

/// # Safety
///
/// Both have to be valid for so many bytes, which must not overlap.
unsafe fn copy(from: *const u8, to: *mut u8, length: usize) {
    // SAFETY: as promised; the direction flag is clear, as it always is between instructions of
    // the compiler's.
    unsafe {
        asm!(
            "rep movsb",
            inout("rcx") length => _,
            inout("rsi") from => _,
            inout("rdi") to => _,
            options(nostack, preserves_flags),
        );
    }
}
