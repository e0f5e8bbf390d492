//! Sleeping on a shared word.

use super::atomic::AtomicU32;

/// Sleeps while the word has this value, until somebody wakes it; it may wake without a reason.
#[cfg(not(any(pm_loom, miri)))]
pub(crate) fn wait(word: &AtomicU32, value: u32) {
    use rustix::thread::futex;
    // Whatever ended it, the caller looks for itself.
    let _ = futex::wait(word, futex::Flags::empty(), value, None);
}

/// Wakes who sleeps on the word.
#[cfg(not(any(pm_loom, miri)))]
pub(crate) fn wake(word: &AtomicU32) {
    use rustix::thread::futex;
    // It fails only for what is no memory.
    let _ = futex::wake(word, futex::Flags::empty(), i32::MAX as u32);
}

#[cfg(any(pm_loom, miri))]
pub(crate) fn wait(_: &AtomicU32, _: u32) {
    #[cfg(pm_loom)]
    loom::thread::yield_now();
    #[cfg(not(pm_loom))]
    std::thread::yield_now();
}

#[cfg(any(pm_loom, miri))]
pub(crate) fn wake(_: &AtomicU32) {}
