//! Having a slot come from the other side's core before it is needed: that takes as long as a good
//! part of what a query costs.
#![allow(unsafe_code, reason = "a hint to the processor")]

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
