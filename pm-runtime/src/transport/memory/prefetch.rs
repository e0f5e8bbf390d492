//! Having a slot come from the other side's core before it is needed: that takes as long as a good
//! part of what a query costs.
#![allow(unsafe_code, reason = "a hint to the processor")]

use super::atomic::Lent64;
use super::layout::Slot;

/// It is about to be written.
pub(super) fn to_write(slot: &Slot) {
    #[cfg(all(target_arch = "x86_64", not(miri), not(pm_loom)))]
    {
        use std::arch::x86_64::{_MM_HINT_ET0, _mm_prefetch};
        // SAFETY: a prefetch reads and changes nothing that the program can see, and the reference is
        // valid.
        unsafe { _mm_prefetch::<_MM_HINT_ET0>(std::ptr::from_ref(slot).cast()) };
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri), not(pm_loom))))]
    let _ = slot;
}

/// The next cache line behind these words, of what is written in one go, is about to be written.
pub(super) fn lane_to_write(words: &[Lent64]) {
    #[cfg(all(target_arch = "x86_64", not(miri), not(pm_loom)))]
    if let Some(word) = words.first() {
        use std::arch::x86_64::{_MM_HINT_ET0, _mm_prefetch};
        let ahead = std::ptr::from_ref(word).cast::<i8>().wrapping_add(LINES_AHEAD * 64);
        // SAFETY: a prefetch reads and changes nothing that the program can see, wherever it
        // points.
        unsafe { _mm_prefetch::<_MM_HINT_ET0>(ahead) };
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri), not(pm_loom))))]
    let _ = words;
}

/// Enough that a line is there when it is reached.
#[cfg(all(target_arch = "x86_64", not(miri), not(pm_loom)))]
const LINES_AHEAD: usize = 4;

/// It is about to be read.
pub(super) fn to_read(slot: &Slot) {
    #[cfg(all(target_arch = "x86_64", not(miri), not(pm_loom)))]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: as above.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(slot).cast()) };
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri), not(pm_loom))))]
    let _ = slot;
}
