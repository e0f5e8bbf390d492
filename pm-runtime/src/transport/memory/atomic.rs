//! The atomics of the system, or those of the model checker.
//!
//! A lent word is an atomic too, because a worker may not keep to the rules. To the model checker it
//! is no more than memory, and to use it while it is the other side's is what it looks for: also an
//! order that too weak a store would allow and no run of the model takes shows in that.

#[cfg(pm_loom)]
pub(crate) use super::lent::{Lent32, Lent64};
#[cfg(pm_loom)]
pub(crate) use loom::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};
#[cfg(not(pm_loom))]
pub(crate) use std::sync::atomic::{
    AtomicU32, AtomicU32 as Lent32, AtomicU64, AtomicU64 as Lent64, Ordering, fence,
};
