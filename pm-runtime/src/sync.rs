//! Locks and threads that outlive a panic.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks a mutex whose data every holder leaves whole, so that a panic elsewhere does not matter.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs what may be code of the application, and panic: that takes neither the thread along, nor
/// what is still to be done for others. The panic hook has told of it.
pub(crate) fn shielded(run: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(run)) {
        // Its destructor may panic in turn.
        std::mem::forget(payload);
    }
}
