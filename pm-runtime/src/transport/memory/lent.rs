//! Words that belong to one side at a time, as the model checker sees them.
#![allow(unsafe_code, reason = "memory that the model checker watches")]

use loom::cell::UnsafeCell;

use super::atomic::Ordering;

/// A word that is used like an atomic, and is none.
pub(crate) struct Lent<T>(UnsafeCell<T>);

pub(crate) type Lent32 = Lent<u32>;
pub(crate) type Lent64 = Lent<u64>;

// SAFETY: the model checker ends a run in which two threads use the word at once.
unsafe impl<T: Send> Sync for Lent<T> {}

impl<T: Copy> Lent<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(UnsafeCell::new(value))
    }

    pub(crate) fn load(&self, _: Ordering) -> T {
        // SAFETY: the pointer is valid, and the model checker has looked that nobody writes.
        self.0.with(|word| unsafe { *word })
    }

    pub(crate) fn store(&self, value: T, _: Ordering) {
        // SAFETY: the same, and that nobody reads.
        self.0.with_mut(|word| unsafe { *word = value });
    }
}
